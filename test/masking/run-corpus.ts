/**
 * `npm run test:masking [-- FILE… [--only ID] [--quick]]`: every case of the masking corpus through a real gateway,
 * in both protocols and formats, plain and TLS, before real servers. Prints technique, cases, leaked, over-blocked, and
 * precision and recall of the detectors (`--detectors`: these alone).
 */
import { parseArgs } from 'node:util';
import { loadParser } from '../../src/sql/analyze.ts';
import { type Finding, MaskingBench } from './bench.ts';
import { type MaskingCase, readCases } from './cases.ts';
import { MODES, type Mode, modeName } from './conversation.ts';
import { printDetectors } from './detector-table.ts';

interface Line {
  cases: number;
  leaked: number;
  overBlocked: number;
  told: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean' },
    server: { type: 'string' },
    show: { type: 'boolean' },
    detectors: { type: 'boolean' },
  },
});
const files = positionals.length > 0 ? positionals : ['pg-masking.jsonl', 'pg-masking-own.jsonl'];
const cases = files.flatMap((file) => readCases(file)).filter((one) => one.id.startsWith(values.only ?? ''));
const modes = values.quick ? MODES.slice(0, 1) : MODES;
const table = new Map<string, Line>();
let failed = false;

if (values.detectors) {
  printDetectors();
  process.exit(0);
}
await loadParser();
const versions = (['debian', 'embedded'] as const).filter((one) => (values.server ?? one) === one);
// Side by side: a server spends most of the time on making databases anew.
await Promise.all(versions.map(everyCase));
print();
printDetectors();
process.exit(failed ? 1 : 0);

async function everyCase(version: 'debian' | 'embedded'): Promise<void> {
  const bench = await MaskingBench.start(version);
  for (const [i, one] of cases.entries()) {
    if (i % 50 === 0)
      process.stderr.write(`PostgreSQL ${bench.server.version}: ${i} of ${cases.length} cases\n`);
    if (bench.server.version < one.leastVersion) continue;
    for (const mode of modes) note(await bench.run(one, mode), one, mode, bench.server.version);
  }
  await bench.stop();
}

function note(finding: Finding, one: MaskingCase, mode: Mode, version: number): void {
  const line = table.get(one.technique) ?? { cases: 0, leaked: 0, overBlocked: 0, told: 0 };
  table.set(one.technique, line);
  line.cases++;
  const said: string[] = [];
  if (finding.leaked.length > 0) said.push(`leaked ${finding.leaked.join(' ')}`);
  if (finding.overBlocked) said.push(`expected ${one.expect}, came ${finding.outcome}`);
  if (finding.told) said.push('its variant is answered otherwise');
  line.leaked += Number(finding.leaked.length > 0);
  line.overBlocked += Number(finding.overBlocked);
  line.told += Number(finding.told);
  if (values.show)
    console.log(
      `${one.id} ${finding.outcome}: ${finding.answer.messages
        .map(({ type, bytes }) =>
          /[DEN]/.test(type) ? bytes.toString('latin1').replace(/[^ -~]+/g, ' ') : type,
        )
        .join('|')
        .slice(0, 900)}`,
    );
  if (said.length === 0) return;
  failed = true;
  console.log(`PostgreSQL ${version}, ${modeName(mode)}, ${one.id}: ${said.join('; ')}`);
  console.log(`    ${one.statements.join('; ').slice(0, 160)}`);
}

function print(): void {
  console.log(
    `\n${'technique'.padEnd(16)}${'cases'.padStart(8)}${'leaked'.padStart(8)}${'over-blocked'.padStart(14)}${'told by variant'.padStart(17)}`,
  );
  const total = { cases: 0, leaked: 0, overBlocked: 0, told: 0 };
  for (const [technique, line] of [...table, ['total', total] as const]) {
    if (line !== total)
      for (const key of ['cases', 'leaked', 'overBlocked', 'told'] as const) total[key] += line[key];
    console.log(
      `${technique.padEnd(16)}${String(line.cases).padStart(8)}${String(line.leaked).padStart(8)}${String(line.overBlocked).padStart(14)}${String(line.told).padStart(17)}`,
    );
  }
}

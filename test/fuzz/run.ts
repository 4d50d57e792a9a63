import { fuzzCodec } from './codec-fuzz.ts';
import { runFuzz } from './session-fuzz.ts';

/**
 * `npm run fuzz -- [MESSAGES] [SEED]`: so many mutated messages through the codec, and a twentieth as many through whole
 * sessions in each direction. Fails at the first thing that is wrong.
 */
const messages = Number(process.argv[2] ?? 10_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
let failed = false;

function tell(what: string, began: number, counts: object, wrong: readonly string[]): void {
  const seconds = Math.round((performance.now() - began) / 1000);
  const rssMiB = Math.round(process.memoryUsage().rss / 2 ** 20);
  process.stdout.write(
    `${JSON.stringify({ what, seed, ...counts, wrong: wrong.length, seconds, rssMiB })}\n`,
  );
  for (const one of wrong.slice(0, 5)) process.stdout.write(`${one}\n`);
  failed ||= wrong.length > 0;
}

const began = performance.now();
const { crashes, ...counts } = fuzzCodec(messages, seed);
tell('codec', began, counts, crashes);
for (const direction of ['client', 'target'] as const) {
  const start = performance.now();
  const report = await runFuzz({ direction, messages: Math.ceil(messages / 20), seed });
  const { unjudged, crashes: failures, ...rest } = report;
  const other = [
    ...(report.hangs > 0 ? ['a session hangs'] : []),
    ...(report.malformed > 0 ? ['bytes that are no message'] : []),
  ];
  tell(`session, from the ${direction}`, start, rest, [...unjudged, ...failures, ...other]);
}
process.exitCode = failed ? 1 : 0;

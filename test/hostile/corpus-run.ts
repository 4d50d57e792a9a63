import pg from 'pg';
import { allCases, type Case, expected, familyOf, isOrdinary } from '../corpus/cases.ts';
import { TestGateway } from '../servers/gateway.ts';
import type { TestPostgres } from '../servers/postgres.ts';

/** What the corpus assumes: reading and session settings are allowed, nothing else is. */
const READING = `version: 1
rules:
  - {name: read, effects: [read, session], decision: allow}
`;
const EVERYTHING = `version: 1
rules:
  - {name: all, effects: [read, write, ddl, admin, session, unknown], decision: allow}
`;

export interface CaseResult {
  readonly one: Case;
  readonly outcome: 'passed' | 'over-blocked' | 'under-classified';
  /** What the gateway decided. */
  readonly decided: string;
}

/** Sends every case through a gateway to a real server, each on a session of its own, and says what became of it. */
export async function runCorpus(
  server: TestPostgres,
  cases: readonly Case[] = allCases,
): Promise<readonly CaseResult[]> {
  // Reading can take for ever as well (the cases of unbounded work); the gateway's own questions must have the time.
  await server.query("ALTER ROLE hc_app SET statement_timeout = '4s'");
  const gateway = await TestGateway.start(server.url('hc_app', 'app', 'corpus'), { policy: READING });
  const results: CaseResult[] = [];
  try {
    for (const one of cases) results.push(await runCase(gateway, one));
  } finally {
    await gateway.stop();
  }
  return results;
}

async function runCase(gateway: TestGateway, one: Case): Promise<CaseResult> {
  const client = new pg.Client({ connectionString: gateway.url() });
  client.on('error', () => {});
  gateway.applyPolicy(EVERYTHING);
  await client.connect();
  try {
    for (const text of one.setup ?? []) await client.query(text).catch(() => {});
    gateway.applyPolicy(READING);
    const before = gateway.decisions.length;
    await send(client, one).catch(() => {});
    const decided = gateway.decisions.slice(before).map(({ outcome }) => outcome);
    return {
      one,
      outcome: verdict(one, decided.includes('allow')),
      decided: decided.join(', ') || 'nothing',
    };
  } finally {
    await client.end().catch(() => {});
  }
}

async function send(client: pg.Client, one: Case): Promise<void> {
  const numbers = [...one.sql.matchAll(/\$(\d+)/g)].map((match) => Number(match[1]));
  const values = one.proto === 'extended' ? Array.from({ length: Math.max(0, ...numbers) }, () => null) : [];
  if (values.length > 0) await client.query(one.sql, values);
  else await client.query(one.sql);
}

function verdict(one: Case, allowed: boolean): CaseResult['outcome'] {
  const harmless = [expected(one), ...(one.accept ?? [])].some(
    (effect) => effect === 'read' || effect === 'session',
  );
  if (allowed && !harmless) return 'under-classified';
  if (!allowed && isOrdinary(one) && harmless && one.accept === undefined) return 'over-blocked';
  return 'passed';
}

/** class, cases, passed, over-blocked, under-classified: one line a family. */
export function resultTable(results: readonly CaseResult[]): string {
  const families = Map.groupBy(results, ({ one }) => familyOf(one));
  const rows = [...families].map(([family, of]) => row(family, of));
  const ordinary = results.filter(({ one }) => isOrdinary(one));
  const evasive = results.filter(({ one }) => !isOrdinary(one));
  const total = [row('all ordinary', ordinary), row('all evasive', evasive)];
  const head = ['class', 'cases', 'passed', 'over-blocked', 'under-classified'];
  const widths = head.map((_, i) =>
    Math.max(...[head, ...rows, ...total].map((cells) => cells[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ');
  return [line(head), ...rows.map(line), ...total.map(line)].join('\n');
}

function row(name: string, of: readonly CaseResult[]): string[] {
  const count = (outcome: CaseResult['outcome']) =>
    String(of.filter((result) => result.outcome === outcome).length);
  return [name, String(of.length), count('passed'), count('over-blocked'), count('under-classified')];
}

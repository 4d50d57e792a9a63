import { afterAll, beforeAll, expect, it } from 'vitest';
import { allCases, expected, isOrdinary, loadCorpusSchema } from '../corpus/cases.ts';
import { type GovernedShop, openShop } from '../servers/governed-shop.ts';

let shop: GovernedShop;
beforeAll(async () => {
  shop = await openShop();
  await loadCorpusSchema(shop.server);
  const url = `postgres://hc_app@${shop.server.host}:${shop.server.port}/corpus`;
  await shop.hoopctl.addConnection('corpus', url, 'app');
  await shop.hoopctl.applyPolicy(
    'version: 1\nrules:\n  - {name: read, effects: [read, session], decision: allow}\n',
  );
});
afterAll(() => shop?.stop());

const explain = async (lines: readonly object[]) => {
  const { stdout } = await shop.hoopctl.ok(
    ['policy', 'explain', '--as', 'devin', '--connection', 'corpus', '--jsonl'],
    { stdin: lines.map((line) => `${JSON.stringify(line)}\n`).join('') },
  );
  const answers = stdout.trimEnd().split('\n');
  return answers.map((line) => JSON.parse(line) as { id: string; decision: string });
};

it('a thousand ordinary statements are explained in order in under 2 s', async () => {
  const ordinary = allCases.filter(isOrdinary);
  const lines = Array.from({ length: 1000 }, (_, i) => ({
    id: String(i),
    statement: ordinary[i % ordinary.length]?.sql ?? 'SELECT 1',
  }));
  await explain(lines.slice(0, 1));
  const began = performance.now();
  const answers = await explain(lines);
  const took = performance.now() - began;
  expect(answers.map(({ id }) => id)).toEqual(lines.map(({ id }) => id));
  // Twice the time on a machine that is busy with other tests.
  expect(took).toBeLessThan(4000);
});

it('each line says what the statement is and how it is decided, under the name it came with', async () => {
  const answers = await explain([
    { id: 7, statement: 'DELETE FROM orders' },
    { statement: 'SELECT id FROM orders' },
  ]);
  expect(answers[0]).toMatchObject({
    id: 7,
    effects: ['write'],
    commands: ['DELETE public.orders'],
    objects: ['public.orders'],
    statements: 1,
    conditions: ['delete-without-where'],
    decision: 'block',
    rule: null,
  });
  expect(Object.keys(answers[0] ?? {})[0]).toBe('id');
  expect(answers[1]).toMatchObject({ effects: ['read'], decision: 'allow', rule: 'read' });
});

it('no statement of the corpus that changes something is allowed', async () => {
  const changing = allCases.filter((one) => {
    const harmless = [expected(one), ...(one.accept ?? [])];
    return one.setup === undefined && !harmless.some((effect) => effect === 'read' || effect === 'session');
  });
  const answers = await explain(changing.map(({ id, sql }) => ({ id, statement: sql })));
  expect(answers).toHaveLength(changing.length);
  expect(answers.filter(({ decision }) => decision === 'allow').map(({ id }) => id)).toEqual([]);
});

import { describe, expect, test } from 'vitest';
import { parseExpectations, runPolicyTests } from '../../../src/policy/expectations.ts';

const TABLE = `
- {as: devin, connection: prod-db, statement: select 1, expect: allow}
- {as: devin, connection: prod-db, statement: "drop table t", expect: block by no-drop}
- as: devin
  connection: prod-db
  statement: |
    update t set a = 1
    where id = 2
  expect: block by default
`;

describe('parseExpectations', () => {
  test('reads YAML', () => {
    expect(parseExpectations(TABLE)).toMatchObject([
      { as: 'devin', statement: 'select 1', outcome: 'allow', rule: undefined },
      { outcome: 'block', rule: 'no-drop', expect: 'block by no-drop' },
      { outcome: 'block', rule: 'default', statement: 'update t set a = 1\nwhere id = 2\n' },
    ]);
  });

  test('reads what the requester says of its work', () => {
    const stated = '- {as: a, connection: c, statement: s, reason: why, ticket: OPS-1, expect: approve}';
    expect(parseExpectations(stated)).toMatchObject([{ reason: 'why', ticket: 'OPS-1' }]);
  });

  test('reads JSON', () => {
    const json = JSON.stringify([{ as: 'a', connection: 'c', statement: 's', expect: 'approve' }]);
    expect(parseExpectations(json)).toMatchObject([{ outcome: 'approve' }]);
  });

  test.each([
    ['', 'must be a list'],
    ['version: 1', '1:1: it must be a list'],
    ['- {as: a, connection: c, statement: s}', '"expect" must be text and must not be left out'],
    [
      '- {as: a, connection: c, statement: s, expct: allow, expect: allow}',
      'unknown key "expct" (did you mean "expect"?)',
    ],
    [
      '- {as: a, connection: c, statement: s, expect: alow}',
      '1:48: "alow" is not an expectation (did you mean "allow"?)',
    ],
    ['- {as: a, connection: c, statement: s, expect: allow because}', 'is not an expectation'],
    ['- {as: 1, connection: c, statement: s, expect: allow}', '1:8: "as" must be text'],
    ['- {as: a, connection: c, statement: s, ticket: 1, expect: allow}', '"ticket" must be text'],
    [`- {as: a, connection: c, statement: s, reason: ${'x'.repeat(1001)}, expect: allow}`, 'is too long'],
    ['- {', '1:'],
    ['[]', 'must be a list'],
  ])('refuses %j', (text, message) => {
    expect(() => parseExpectations(text)).toThrow(
      expect.objectContaining({ code: 'bad_policy_tests', message: expect.stringContaining(message) }),
    );
  });
});

describe('runPolicyTests', () => {
  test('compares decision and, where it is named, the rule', async () => {
    const answers = [
      { outcome: 'allow', rule: 'read' },
      { outcome: 'block', rule: 'other' },
      { outcome: 'block', rule: undefined },
    ];
    const report = await runPolicyTests(parseExpectations(TABLE), async () => answers.shift()!);
    expect(report).toMatchObject({ passed: 2, failed: 1 });
    expect(report.results.map(({ got, rule, ok }) => ({ got, rule, ok }))).toEqual([
      { got: 'allow', rule: 'read', ok: true },
      { got: 'block', rule: 'other', ok: false },
      { got: 'block', rule: null, ok: true },
    ]);
  });

  test('asks with the very identity, connection and statement', async () => {
    const asked: string[] = [];
    await runPolicyTests(parseExpectations(TABLE).slice(0, 1), ({ as, connection, statement }) => {
      asked.push(as, connection, statement);
      return { outcome: 'block', rule: undefined };
    });
    expect(asked).toEqual(['devin', 'prod-db', 'select 1']);
  });
});

import { describe, expect, test } from 'vitest';
import type { Stated } from '../../../src/policy/decision.ts';
import { parsePolicy } from '../../../src/policy/parse.ts';
import { action, DEVIN, doing, PROD, policyOf, statement, text } from './facts.ts';

const RULES = `version: 1
rules:
  - name: reads
    effects: [read]
    decision: allow
  - name: writes
    effects: [write]
    decision: approve
    require: {reason: true, ticket: "^[A-Z]+-\\\\d+$"}
  - name: orders
    effects: [write]
    tables: ["public.orders"]
    decision: allow
    require: ticket
  - name: drops
    effects: [ddl]
    decision: block
  - name: settings
    effects: [session]
    decision: allow
    require: reason
`;
const policy = policyOf(RULES);
const READ = doing(action('read', 'SELECT public.orders', 'public.orders'));
const WRITE = doing(action('write', 'UPDATE public.customers', 'public.customers'));
const DROP = doing(action('ddl', 'DROP TABLE public.t', 'public.t'));
const decide = (facts: typeof READ, stated?: Stated) => policy.decide({ ...DEVIN, stated }, PROD, facts);

describe('a rule that requires a reason or a ticket', () => {
  test('refuses what it covers without them, and says what is missing', () => {
    expect(decide(WRITE)).toMatchObject({
      outcome: 'block',
      rule: 'writes',
      message: 'rule "writes" requires a reason and a ticket number of the form ^[A-Z]+-\\d+$',
    });
    expect(decide(WRITE, { reason: 'because' })).toMatchObject({
      outcome: 'block',
      requires: ['a ticket number of the form ^[A-Z]+-\\d+$'],
    });
  });

  test.each([
    [{ reason: ' \t', ticket: 'OPS-1' }],
    [{ reason: 'x'.repeat(1001), ticket: 'OPS-1' }],
    [{ reason: 'because', ticket: 'ops-1' }],
    [{ reason: 'because', ticket: 'OPS-1; or so' }],
    [{ reason: 'because', ticket: `OPS-${'1'.repeat(128)}` }],
  ])('does not take %j', (stated) => {
    expect(decide(WRITE, stated)).toMatchObject({ outcome: 'block' });
  });

  test('decides nothing by itself: with them it is what it would have been', () => {
    expect(decide(WRITE, { reason: 'because', ticket: 'OPS-1' })).toMatchObject({
      outcome: 'approve',
      rule: 'writes',
    });
    expect(decide(DROP, { reason: 'because', ticket: 'OPS-1' })).toMatchObject({
      outcome: 'block',
      rule: 'drops',
    });
    expect(decide(doing(action('admin', 'X')), { reason: 'because', ticket: 'OPS-1' })).toMatchObject({
      outcome: 'block',
    });
  });

  test('is asked of what it covers alone', () => {
    expect(decide(READ)).toMatchObject({ outcome: 'allow' });
    const both = text(...READ.statements, ...WRITE.statements);
    expect(decide(both)).toMatchObject({ outcome: 'block', rule: 'writes' });
  });

  test('counts with every other rule that matches, an allowing one too', () => {
    const orders = doing(action('write', 'UPDATE public.orders', 'public.orders'));
    expect(decide(orders, { reason: 'because' })).toMatchObject({ outcome: 'block' });
    expect(decide(orders, { reason: 'because', ticket: 'OPS-7' })).toMatchObject({ outcome: 'approve' });
  });

  test('leaves a block by another rule what it is', () => {
    const both = text(...WRITE.statements, ...DROP.statements);
    expect(decide(both)).toMatchObject({ outcome: 'block', rule: 'drops' });
  });

  test('hears the reason itself, and the way out of a transaction', () => {
    const set = (name: string) =>
      text(
        statement({
          actions: [action('session', `SET ${name}`)],
          changes: [{ kind: 'set', name, value: 'because', local: false }],
        }),
      );
    const rollback = text(
      statement({
        actions: [action('session', 'ROLLBACK')],
        changes: [{ kind: 'transaction', operation: 'rollback' }],
      }),
    );
    expect(decide(set('hoopctl.reason'))).toMatchObject({ outcome: 'allow' });
    expect(decide(rollback)).toMatchObject({ outcome: 'allow' });
    expect(decide(set('work_mem'))).toMatchObject({ outcome: 'block', rule: 'settings' });
    expect(decide(text(...set('hoopctl.reason').statements, ...WRITE.statements))).toMatchObject({
      outcome: 'block',
    });
  });
});

describe('the file', () => {
  const problems = (require: string, decision = 'allow') =>
    parsePolicy(
      `version: 1\nrules:\n  - name: r\n    decision: ${decision}\n    require: ${require}\n`,
      'p.yaml',
    ).problems.map(({ line, message }) => `${line}: ${message}`);

  test('takes the ways to write it', () => {
    for (const good of [
      'reason',
      'ticket',
      '{reason: true}',
      '{ticket: true}',
      '{reason: true, ticket: "OPS-[0-9]+"}',
    ])
      expect([good, problems(good)]).toEqual([good, []]);
  });

  test('refuses what would require nothing, or what no pattern is, in its line', () => {
    for (const bad of ['reasons', '{}', '{reason: false}', '{ticket: "(a|b)"}', '[reason]', 'true']) {
      expect([bad, problems(bad)]).toEqual([bad, [expect.stringMatching(/^5: .*write reason, ticket, or/)]]);
    }
    expect(problems('{other: true}')).toContain('5: rule "r": unknown key "other"');
    expect(problems('reason', 'block')).toEqual([
      '5: rule "r": "require" means nothing where decision is block',
    ]);
  });
});

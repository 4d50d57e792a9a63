import { describe, expect, test } from 'vitest';
import type { ColumnUse, StatementFacts } from '../../../src/sql/facts.ts';
import { ANA, action, DEVIN, PROD, policyOf, statement, text } from './facts.ts';

const YAML = `version: 1
rules:
  - {name: read, effects: [read], decision: allow}
masks:
  - {name: cards, columns: [public.customers.card_number, "*.ssn"], strategy: partial, keep_last: 2, except: [ana@example.com]}
  - {name: found, detect: [email], strategy: redact}
`;

const READ = action('read', 'SELECT public.customers', 'public.customers');

function reading(facts: Partial<StatementFacts>) {
  return text(statement({ actions: [READ], tag: 'SELECT', ...facts }));
}

function decide(facts: Partial<StatementFacts>, who = DEVIN) {
  return policyOf(YAML).decide(who, PROD, reading(facts));
}

const use = (column: string, kind: ColumnUse['use']): ColumnUse => ({ column, use: kind });

describe('masks', () => {
  test('hold for everyone but those they except', () => {
    const policy = policyOf(YAML);
    expect(policy.masksFor(DEVIN, PROD)).toEqual([
      {
        name: 'cards',
        columns: ['public.customers.card_number', '*.ssn'],
        detect: [],
        strategy: 'partial',
        keepLast: 2,
      },
      { name: 'found', columns: [], detect: ['email'], strategy: 'redact', keepLast: 4 },
    ]);
    expect(policy.masksFor(ANA, PROD).map((mask) => mask.name)).toEqual(['found']);
  });

  test.each(['output', 'target'] as const)('leave a plain %s of their column alone', (kind) => {
    expect(decide({ columnUses: [use('public.customers.card_number', kind)] }).outcome).toBe('allow');
  });

  test.each([
    ['expression', 'in an expression'],
    ['predicate', 'in a condition or an order'],
    ['other', 'in a way that a mask cannot follow'],
  ] as const)('make a statement unknown that uses their column as %s, and say why', (kind, words) => {
    const decision = decide({ columnUses: [use('public.customers.card_number', kind)] });
    expect(decision).toMatchObject({ outcome: 'block', rule: undefined });
    if (decision.outcome === 'block') {
      expect(decision.message).toContain('public.customers.card_number is under mask "cards"');
      expect(decision.message).toContain(words);
    }
  });

  test('match by glob over schema, table and column', () => {
    expect(decide({ columnUses: [use('hr.staff.ssn', 'predicate')] }).outcome).toBe('block');
    expect(decide({ columnUses: [use('hr.staff.ssn_hint', 'predicate')] }).outcome).toBe('allow');
  });

  test('match a use of every column of their table', () => {
    const only = policyOf(YAML.replace(', "*.ssn"', ''));
    const whole = (table: string) => reading({ columnUses: [use(`${table}.*`, 'expression')] });
    expect(only.decide(DEVIN, PROD, whole('public.customers')).outcome).toBe('block');
    expect(only.decide(DEVIN, PROD, whole('public.orders')).outcome).toBe('allow');
    // Any table may have a column that "*.ssn" means.
    expect(policyOf(YAML).decide(DEVIN, PROD, whole('public.orders')).outcome).toBe('block');
  });

  test('a result column that is computed from theirs makes the statement unknown', () => {
    const computed = { outputs: [{ name: 'x', sources: ['public.customers.card_number'], plain: false }] };
    expect(decide(computed).outcome).toBe('block');
    const plain = { outputs: [{ name: 'x', sources: ['public.customers.card_number'], plain: true }] };
    expect(decide(plain).outcome).toBe('allow');
  });

  test.each(['reads-statistics', 'reads-every-table'] as const)(
    '%s is a side door to any masked column',
    (condition) => {
      expect(decide({ conditions: [condition] }).outcome).toBe('block');
      expect(decide({ conditions: [condition] }, ANA).outcome).toBe('allow');
    },
  );

  test('stand in nobody’s way whom they do not hold for', () => {
    expect(decide({ columnUses: [use('public.customers.card_number', 'predicate')] }, ANA).outcome).toBe(
      'allow',
    );
  });

  test('a rule that names unknown and the table may let such a statement through', () => {
    const yaml = `${YAML.split('masks:')[0]}  - {name: u, effects: [unknown], tables: [public.customers], decision: approve}\nmasks:${YAML.split('masks:')[1]}`;
    const policy = policyOf(yaml);
    const facts = reading({ columnUses: [use('public.customers.card_number', 'predicate')] });
    expect(policy.decide(DEVIN, PROD, facts)).toMatchObject({ outcome: 'approve', rule: 'u' });
    const other = reading({ columnUses: [use('hr.staff.ssn', 'predicate')] });
    expect(policy.decide(DEVIN, PROD, other).outcome).toBe('block');
  });
});

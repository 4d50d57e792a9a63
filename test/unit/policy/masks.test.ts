import { describe, expect, test } from 'vitest';
import { under } from '../../../src/sql/document-path.ts';
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

  test.each(['output', 'target', 'computed', 'count'] as const)('follow their column as %s', (kind) => {
    expect(decide({ columnUses: [use('public.customers.card_number', kind)] }).outcome).toBe('allow');
  });

  test.each([
    ['equality', 'may not be compared with a value'],
    ['join', 'may not be joined'],
    ['range', 'may not be compared by order'],
    ['pattern', 'may not be searched'],
    ['order', 'may not be sorted by'],
    ['group', 'may not be grouped by'],
    ['distinct', 'may not decide which rows differ'],
    ['extreme', 'may not be given to min or max'],
    ['branch', 'may not decide a branch'],
    ['rows', 'may not decide how many rows'],
    ['call', 'may not be given to'],
    ['predicate', 'may not stand in a condition'],
    ['stored', 'may not be copied'],
    ['other', 'in a way that no mask can follow'],
  ] as const)('make a statement unknown that uses their column as %s, and say why', (kind, words) => {
    const decision = decide({ columnUses: [use('public.customers.card_number', kind)] });
    expect(decision).toMatchObject({ outcome: 'block', rule: undefined });
    if (decision.outcome === 'block') {
      expect(decision.message).toContain('public.customers.card_number is under mask "cards"');
      expect(decision.message).toContain(words);
    }
  });

  test('with filter: equality let equality, joins and groups through, but nothing else', () => {
    const yaml = YAML.replace('keep_last: 2,', 'keep_last: 2, filter: equality,');
    const outcome = (kind: ColumnUse['use']) =>
      policyOf(yaml).decide(DEVIN, PROD, reading({ columnUses: [use('public.customers.card_number', kind)] }))
        .outcome;
    for (const kind of ['equality', 'join', 'group'] as const) expect(outcome(kind)).toBe('allow');
    for (const kind of ['range', 'pattern', 'order', 'branch'] as const) expect(outcome(kind)).toBe('block');
  });

  test('with strategy: hash let joins between hashed columns and groups through, but no comparison', () => {
    const yaml = YAML.replace('strategy: partial, keep_last: 2', 'strategy: hash');
    const outcome = (one: ColumnUse) =>
      policyOf(yaml).decide(DEVIN, PROD, reading({ columnUses: [one] })).outcome;
    const join = { ...use('public.customers.card_number', 'join'), with: ['hr.staff.ssn'] };
    expect(outcome(join)).toBe('allow');
    expect(outcome({ ...join, with: ['public.notes.text'] })).toBe('block');
    expect(outcome(use('public.customers.card_number', 'group'))).toBe('allow');
    expect(outcome(use('public.customers.card_number', 'equality'))).toBe('block');
  });

  test('leave the parts of a document alone whose keys are kept', () => {
    const yaml =
      'version: 1\nrules:\n  - {name: read, effects: [read], decision: allow}\nmasks:\n  - {name: docs, columns: [public.users.profile], strategy: redact, keep_keys: [lang, "settings.*.size"]}';
    const outcome = (...keys: string[]) =>
      policyOf(yaml).decide(
        DEVIN,
        PROD,
        reading({ columnUses: [use(under('public.users.profile', ...keys), 'equality')] }),
      ).outcome;
    expect(outcome('lang')).toBe('allow');
    expect(outcome('settings', 'font', 'size', 'unit')).toBe('allow');
    expect(outcome('settings', 'font')).toBe('block');
    expect(outcome('dob')).toBe('block');
    expect(outcome()).toBe('block');
  });

  test('a least group makes every further use of a count unknown', () => {
    const yaml = YAML.replace('keep_last: 2,', 'keep_last: 2, min_group: 5,');
    const counted = reading({ columnUses: [use('public.customers.card_number', 'count')] });
    expect(policyOf(yaml).decide(DEVIN, PROD, counted).outcome).toBe('block');
  });

  test('match by glob over schema, table and column', () => {
    expect(decide({ columnUses: [use('hr.staff.ssn', 'predicate')] }).outcome).toBe('block');
    expect(decide({ columnUses: [use('hr.staff.ssn_hint', 'predicate')] }).outcome).toBe('allow');
  });

  test('match a use of every column of their table', () => {
    const only = policyOf(YAML.replace(', "*.ssn"', ''));
    const whole = (table: string) => reading({ columnUses: [use(`${table}.*`, 'predicate')] });
    expect(only.decide(DEVIN, PROD, whole('public.customers')).outcome).toBe('block');
    expect(only.decide(DEVIN, PROD, whole('public.orders')).outcome).toBe('allow');
    // Any table may have a column that "*.ssn" means.
    expect(policyOf(YAML).decide(DEVIN, PROD, whole('public.orders')).outcome).toBe('block');
  });

  test.each(['reads-statistics', 'reads-every-table', 'reads-raw-storage', 'reaches-outside'] as const)(
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

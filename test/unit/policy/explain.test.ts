import { describe, expect, test } from 'vitest';
import { explanationOf } from '../../../src/policy/explain.ts';
import { type Explanation, explanationSchema } from '../../../src/policy/explanation.ts';
import type { TextFacts } from '../../../src/sql/facts.ts';
import { action, DEVIN, doing, PROD, policyOf, statement, text } from './facts.ts';

const YAML = `version: 1
rules:
  - {name: read, effects: [read], decision: allow}
  - {name: no-drop, commands: [DROP], decision: block, message: ask first}
masks:
  - {name: cards, columns: ["*.card_number"], strategy: redact}
`;

function explain(facts: TextFacts): Explanation {
  const policy = policyOf(YAML);
  const explanation = explanationOf(facts, policy.decide(DEVIN, PROD, facts), policy.masksFor(DEVIN, PROD));
  expect(explanationSchema.parse(explanation)).toEqual(explanation);
  return explanation;
}

describe('explanationOf', () => {
  test('tells effects, commands, objects and the way they were reached, each once', () => {
    const facts = text(
      statement({
        actions: [
          action('read', 'SELECT public.v', 'public.v', 'view'),
          {
            ...action('read', 'SELECT public.t'),
            object: { kind: 'table', name: 'public.t', via: 'public.v' },
          },
        ],
      }),
      statement({ actions: [action('read', 'SELECT public.v', 'public.v', 'view')] }),
    );
    expect(explain(facts)).toMatchObject({
      effects: ['read'],
      commands: ['SELECT public.v', 'SELECT public.t'],
      objects: ['public.v', 'public.t (via public.v)'],
      statements: 2,
      decision: 'allow',
      rule: 'read',
      matched: [{ name: 'read', decision: 'allow' }],
      message: null,
    });
  });

  test('tells a block with its rule and message', () => {
    expect(explain(doing(action('ddl', 'DROP TABLE public.t', 'public.t')))).toMatchObject({
      decision: 'block',
      rule: 'no-drop',
      message: 'ask first',
    });
    expect(explain(doing(action('write', 'UPDATE public.t', 'public.t')))).toMatchObject({ rule: null });
  });

  test('tells which result columns a mask covers', () => {
    const outputs = [
      { name: 'id', sources: ['public.customers.id'], plain: true },
      { name: 'c', sources: ['public.customers.card_number'], plain: true },
    ];
    const facts = text(statement({ actions: [action('read', 'SELECT')], outputs }));
    expect(explain(facts).masks).toEqual([{ column: 'public.customers.card_number', mask: 'cards' }]);
  });

  test('tells why an effect is unknown, also when a mask is the reason', () => {
    const columnUses = [{ column: 'public.customers.card_number', use: 'predicate' as const }];
    const facts = text(
      statement({
        actions: [action('unknown', 'SELECT')],
        reasons: ['nobody knows f'],
        conditions: ['update-without-where'],
        columnUses,
      }),
    );
    const explanation = explain(facts);
    expect(explanation.effects).toEqual(['unknown']);
    expect(explanation.conditions).toEqual(['update-without-where']);
    expect(explanation.reasons).toEqual([
      'nobody knows f',
      expect.stringContaining('public.customers.card_number is under mask "cards"'),
    ]);
  });
});

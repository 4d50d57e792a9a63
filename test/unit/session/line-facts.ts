import type { Effect, StatementFacts, TextFacts } from '../../../src/sql/facts.ts';

const EFFECT: Readonly<Record<string, Effect>> = { read: 'read', write: 'write', drop: 'ddl' };

/** Facts of a line protocol's statement: its first word says what it does. */
export function lineFacts(text: string): TextFacts {
  const [word = '', object = ''] = text.split(' ');
  const effect = EFFECT[word] ?? 'unknown';
  const facts: StatementFacts = {
    start: 0,
    end: Buffer.byteLength(text),
    tag: word.toUpperCase(),
    actions: [
      {
        effect,
        command: `${word.toUpperCase()} ${object}`,
        ...(object === '' ? {} : { object: { kind: 'table' as const, name: `public.${object}` } }),
      },
    ],
    conditions: [],
    functions: [],
    columnUses: [],
    changes: [],
    reasons: effect === 'unknown' ? ['nobody knows what this does'] : [],
    explainable: false,
    dependsOnSession: false,
  };
  return { statements: [facts] };
}

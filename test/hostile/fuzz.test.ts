import { expect, it } from 'vitest';
import { fuzzCodec } from '../fuzz/codec-fuzz.ts';
import { runFuzz } from '../fuzz/session-fuzz.ts';

/** The short form of `npm run fuzz`. */
it('a hundred thousand mutated messages are decoded or refused, and nothing else', () => {
  expect(fuzzCodec(100_000, 1)).toMatchObject({ messages: 100_000, crashes: [] });
});

it.each(['client', 'target'] as const)(
  'mutated messages of the %s end or are answered; nothing unjudged is sent on',
  async (direction) => {
    const report = await runFuzz({ direction, messages: 4000, seed: 1 });
    expect(report.messages).toBeGreaterThanOrEqual(4000);
    expect(report).toMatchObject({ unjudged: [], crashes: [], hangs: 0, malformed: 0, leaks: 0 });
    expect(report.ran).toBeGreaterThan(50);
  },
);

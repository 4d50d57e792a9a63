import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadParser } from '../../src/sql/analyze.ts';
import { loginOf, WireClient } from '../servers/wire-client.ts';
import { CORPUS_POLICY, MaskingBench } from './bench.ts';
import { SECRETS } from './cases.ts';
import { bytesOf, converse, type Mode } from './conversation.ts';
import { disguises, randomQuery } from './random-queries.ts';

const HIDDEN = [...new Set(SECRETS.flatMap(disguises))].map((text) => Buffer.from(text));

const RUNS = Number(process.env.MASKING_RUNS ?? 250);

let bench: MaskingBench;
beforeAll(async () => {
  await loadParser();
  bench = await MaskingBench.start('embedded', CORPUS_POLICY);
}, 60_000);
afterAll(() => bench?.stop());

it(
  'no random query shows a secret, and those without masked columns come through byte for byte',
  async () => {
    const { through, direct } = await bench.open('hc_app');
    const behind = await WireClient.login(loginOf(through));
    const before = await WireClient.login(loginOf(direct));
    const counts = { run: 0, refused: 0, same: 0 };
    const mode = fc.constantFrom<Mode>(
      { protocol: 'simple', format: 'text', tls: false },
      { protocol: 'extended', format: 'binary', tls: false },
    );
    await fc.assert(
      fc.asyncProperty(randomQuery, mode, async ({ sql, touchesMasked }, how) => {
        const answer = await converse(behind, [sql], [], how);
        const bytes = bytesOf(answer);
        counts.run++;
        if (answer.refused) counts.refused++;
        const shown = HIDDEN.filter((hidden) => bytes.includes(hidden)).map(String);
        expect({ sql, shown }).toEqual({ sql, shown: [] });
        if (touchesMasked) return;
        const expected = await converse(before, [sql], [], how);
        counts.same++;
        expect({ sql, answer: bytes.toString('latin1') }).toEqual({
          sql,
          answer: bytesOf(expected).toString('latin1'),
        });
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    behind.destroy();
    before.destroy();
    // Were everything refused, nothing would be proven.
    expect(counts.refused).toBeLessThan(counts.run / 2);
    expect(counts.same).toBeGreaterThan(counts.run / 20);
  },
  30_000 + RUNS * 200,
);

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadParser } from '../../src/sql/analyze.ts';
import { MaskingBench } from './bench.ts';
import { readCases } from './cases.ts';
import { MODES } from './conversation.ts';
import { detectorFigures } from './detector-table.ts';

/** Every few of the corpus in a mode of its own; all of them in all modes are `npm run test:masking`. */
const EVERY = 5;

const cases = [...readCases('pg-masking.jsonl'), ...readCases('pg-masking-own.jsonl')];

describe('the masking corpus, a part of it', () => {
  let bench: MaskingBench;

  beforeAll(async () => {
    await loadParser();
    bench = await MaskingBench.start('embedded');
  }, 60_000);
  afterAll(() => bench?.stop());

  it('shows no secret, refuses no ordinary statement and answers variants alike', async () => {
    const wrong: unknown[] = [];
    const part = cases.filter((one, i) => i % EVERY === 0 && bench.server.version >= one.leastVersion);
    for (const [i, one] of part.entries()) {
      const mode = MODES[i % MODES.length]!;
      const { id, leaked, overBlocked, outcome, told } = await bench.run(one, mode);
      if (leaked.length > 0 || overBlocked || told) wrong.push({ id, mode, leaked, outcome, told });
    }
    expect(wrong).toEqual([]);
    expect(part.length).toBeGreaterThan(60);
  }, 120_000);
});

it('finds what people marked: precision and recall of every detector are at least 0.95', () => {
  const weak = detectorFigures().filter(
    ({ right, missed, wrong }) => right / (right + missed) < 0.95 || right / (right + wrong) < 0.95,
  );
  expect(weak).toEqual([]);
});

import { describe, expect, it } from 'vitest';
import { loadParser } from '../../src/sql/analyze.ts';
import { allCases, startCorpusServer } from '../corpus/cases.ts';
import { resultTable, runCorpus } from './corpus-run.ts';

/** `npm run test:hostile` runs all of them; `npm test` every fourteenth, of each family some. */
const cases = process.env.HOSTILE === 'full' ? allCases : allCases.filter((_, i) => i % 14 === 0);

describe.each(['debian', 'embedded'] as const)(
  'the corpus through the gateway, PostgreSQL from %s',
  (version) => {
    it('lets ordinary reading through and nothing that changes anything', {
      timeout: process.env.HOSTILE === 'full' ? 900_000 : 120_000,
    }, async () => {
      await loadParser();
      const server = await startCorpusServer(version);
      try {
        const results = await runCorpus(server, cases);
        console.log(`PostgreSQL ${server.version}\n${resultTable(results)}`);
        const wrong = (outcome: string) =>
          results
            .filter((result) => result.outcome === outcome)
            .map(({ one }) => `${one.id}: ${one.sql.slice(0, 80)}`);
        expect(wrong('under-classified')).toEqual([]);
        expect(wrong('over-blocked')).toEqual([]);
      } finally {
        await server.stop();
      }
    });
  },
);

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadParser } from '../../src/sql/analyze.ts';
import type { Catalog, SessionState } from '../../src/sql/catalog.ts';
import type { TestPostgres } from '../servers/postgres.ts';
import {
  allCases,
  type Case,
  expected,
  givenCases,
  isExact,
  isOrdinary,
  isUnderClassified,
  judge,
  loadCorpusCatalog,
  startCorpusServer,
  strictest,
} from './cases.ts';

describe.each(['debian', 'embedded'] as const)('the corpus, with the catalog of PostgreSQL from %s', (version) => {
  let server: TestPostgres;
  let catalog: Catalog;
  let state: SessionState;
  const got = (one: Case) => strictest(judge(one, catalog, state));

  beforeAll(async () => {
    await loadParser();
    server = await startCorpusServer(version);
    ({ catalog, state } = await loadCorpusCatalog(server));
  });
  // Cases that overflow the parser's stack cost it an instance each.
  beforeEach(loadParser);
  afterAll(() => server?.stop());

  it('classifies no case below what it does', () => {
    const under = allCases
      .map((one) => ({ one, id: one.id, got: got(one), expected: expected(one) }))
      .filter(({ one, got }) => isUnderClassified(one, got))
      .map(({ one, ...rest }) => ({ ...rest, sql: one.sql.slice(0, 80) }));
    expect(under).toEqual([]);
  });

  it('classifies every ordinary case as exactly what it is', () => {
    const wrong = allCases
      .filter(isOrdinary)
      .map((one) => ({ one, id: one.id, got: got(one), expected: expected(one) }))
      .filter(({ one, got }) => !isExact(one, got))
      .map(({ one, ...rest }) => ({ ...rest, sql: one.sql.slice(0, 80), why: judge(one, catalog, state).statements.flatMap((s) => s.reasons) }));
    expect(wrong).toEqual([]);
  });

  it('counts the statements as the server does', () => {
    const wrong = allCases
      .filter((one) => one.class !== 'unparseable')
      .map((one) => ({ id: one.id, got: judge(one, catalog, state).statements.length, expected: one.statements }))
      // PostgreSQL 15 and later refuse "1e", which up to 14 was "1 AS e".
      .filter(({ id, got, expected }) => got !== expected && id !== 'e-lex-43');
    expect(wrong).toEqual([]);
  });

  it('knows evasive cases as unknown only where nothing in text or catalog tells', () => {
    const unknown = givenCases
      .filter((one) => one.class !== 'unparseable' && got(one) === 'unknown')
      .map((one) => one.id);
    expect(unknown).toEqual(['e-do-02', 'e-dos-06', 'e-fn-59', 'e-lex-28', 'e-lex-37', 'e-lex-43']);
  });

  it('knows evasive cases of its own as exactly what they are', () => {
    const wrong = allCases
      .filter((one) => !givenCases.includes(one) && !isOrdinary(one))
      .map((one) => ({ one, id: one.id, got: got(one), expected: expected(one) }))
      .filter(({ one, got }) => !isExact(one, got))
      .map(({ one, ...rest }) => ({ ...rest, sql: one.sql.slice(0, 80), why: judge(one, catalog, state).statements.flatMap((s) => s.reasons) }));
    expect(wrong).toEqual([]);
  });
});

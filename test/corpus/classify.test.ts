import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import pg from 'pg';
import { loadCatalog, readSessionState, sessionStateQuery } from '../../src/protocols/postgres/catalog.ts';
import { analyze, loadParser } from '../../src/sql/analyze.ts';
import type { Catalog, SessionState } from '../../src/sql/catalog.ts';
import type { Effect, StatementFacts, TextFacts } from '../../src/sql/facts.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';

interface Case {
  readonly id: string;
  readonly sql: string;
  readonly class: string;
  readonly classes?: readonly Effect[];
  readonly statements: number;
  readonly setup?: readonly string[];
}

const here = new URL('.', import.meta.url);
const cases: readonly Case[] = readFileSync(new URL('pg-classify.jsonl', here), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line));

const RANK: Readonly<Record<Effect, number>> = { read: 0, session: 0.5, write: 1, ddl: 2, admin: 3, unknown: 4 };
const worst = (effects: readonly Effect[]) =>
  effects.reduce<Effect>((a, b) => (RANK[b] > RANK[a] ? b : a), 'read');
const strictest = (text: TextFacts) => worst(text.statements.flatMap((s) => s.actions.map((a) => a.effect)));

function expected(one: Case): Effect {
  if (one.class === 'unparseable') return 'unknown';
  return one.class === 'mixed' ? worst(one.classes ?? []) : (one.class as Effect);
}

/** Judges a case after its setup, whose prepared statements and cursors it may use. */
function judge(one: Case, catalog: Catalog, state: SessionState): TextFacts {
  const prepared = new Map<string, StatementFacts>();
  const cursors = new Map<string, StatementFacts>();
  const session = {
    ...state,
    prepared: (name: string) => prepared.get(name),
    cursor: (name: string) => cursors.get(name),
  };
  for (const text of one.setup ?? []) {
    for (const change of analyze(text, catalog, session).statements.flatMap((s) => s.changes)) {
      if (change.kind === 'prepare') prepared.set(change.name, change.statement);
      if (change.kind === 'declare-cursor') cursors.set(change.name, change.statement);
    }
  }
  return analyze(one.sql, catalog, session);
}

describe.each(['debian', 'embedded'] as const)('the corpus, with the catalog of PostgreSQL from %s', (version) => {
  let server: TestPostgres;
  let catalog: Catalog;
  let state: SessionState;

  beforeAll(async () => {
    await loadParser();
    server = await startPostgres({ version });
    await server.query('CREATE DATABASE corpus');
    const schema = readFileSync(new URL('schema.sql', here), 'utf8').replaceAll(':DBNAME', 'corpus');
    await server.query(schema, 'corpus');
    await server.query("ALTER ROLE hc_app PASSWORD 'app'");
    const client = new pg.Client({ connectionString: server.url('hc_app', 'app', 'corpus') });
    await client.connect();
    const query = async (text: string) => {
      const types = { getTypeParser: () => (value: string) => value };
      return (await client.query({ text, rowMode: 'array', types: types as never })).rows as (string | null)[][];
    };
    catalog = await loadCatalog(query);
    const probed = readSessionState(await query(sessionStateQuery));
    state = { ...probed!, pathIsTransactional: false, prepared: () => undefined, cursor: () => undefined };
    await client.end();
  });
  // Cases that overflow the parser's stack cost it an instance each.
  beforeEach(loadParser);
  afterAll(() => server?.stop());

  it('classifies no case below what it does', () => {
    const under = cases
      .map((one) => ({ id: one.id, got: strictest(judge(one, catalog, state)), expected: expected(one) }))
      .filter(({ got, expected }) => Math.floor(RANK[got]) < Math.floor(RANK[expected]));
    expect(under).toEqual([]);
  });

  it('classifies every ordinary case as exactly what it is', () => {
    const wrong = cases
      .filter((one) => one.id.startsWith('o-'))
      .map((one) => ({ id: one.id, got: strictest(judge(one, catalog, state)), expected: expected(one) }))
      .filter(({ got, expected }) => got !== expected);
    expect(wrong).toEqual([]);
  });

  it('counts the statements as the server does', () => {
    const wrong = cases
      .filter((one) => one.class !== 'unparseable')
      .map((one) => ({ id: one.id, got: judge(one, catalog, state).statements.length, expected: one.statements }))
      // PostgreSQL 15 and later refuse "1e", which up to 14 was "1 AS e".
      .filter(({ id, got, expected }) => got !== expected && id !== 'e-lex-43');
    expect(wrong).toEqual([]);
  });

  it('knows evasive cases as unknown only where nothing in text or catalog tells', () => {
    const unknown = cases
      .filter((one) => one.class !== 'unparseable' && strictest(judge(one, catalog, state)) === 'unknown')
      .map((one) => one.id);
    expect(unknown).toEqual(['e-do-02', 'e-dos-06', 'e-fn-59', 'e-lex-28', 'e-lex-37', 'e-lex-43']);
  });
});

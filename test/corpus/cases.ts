import { readFileSync } from 'node:fs';
import pg from 'pg';
import { loadCatalog, readSessionState, sessionStateQuery } from '../../src/protocols/postgres/catalog.ts';
import { analyze } from '../../src/sql/analyze.ts';
import type { Catalog, SessionState } from '../../src/sql/catalog.ts';
import type { Effect, StatementFacts, TextFacts } from '../../src/sql/facts.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';

/** One statement text of the corpus and what a real server was seen to do with it. */
export interface Case {
  readonly id: string;
  readonly sql: string;
  readonly class: string;
  /** Further classes that are right as well. */
  readonly accept?: readonly Effect[];
  /** Of each statement, for `mixed`. */
  readonly classes?: readonly Effect[];
  readonly statements: number;
  readonly setup?: readonly string[];
  readonly proto?: string;
  readonly role?: string;
  readonly dos?: boolean;
}

const here = new URL('.', import.meta.url);

const read = (file: string): readonly Case[] =>
  readFileSync(new URL(file, here), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** The given corpus, then the cases of this repository. */
export const givenCases = read('pg-classify.jsonl');
export const ownCases = read('more-classify.jsonl');
/** What tools and applications send, and each way round in each place of a statement. */
export const toolCases = read('tool-classify.jsonl');
export const allCases = [...givenCases, ...ownCases, ...toolCases];

export const isOrdinary = (one: Case): boolean => one.id.startsWith('o-');
/** `e-fn` of `e-fn-12`. */
export const familyOf = (one: Case): string => one.id.replace(/-\d+$/, '');

const RANK: Readonly<Record<Effect, number>> = { read: 0, session: 0.5, write: 1, ddl: 2, admin: 3, unknown: 4 };

export const worst = (effects: readonly Effect[]): Effect =>
  effects.reduce<Effect>((a, b) => (RANK[b] > RANK[a] ? b : a), 'read');

export const strictest = (text: TextFacts): Effect =>
  worst(text.statements.flatMap((one) => one.actions.map((action) => action.effect)));

export function expected(one: Case): Effect {
  if (one.class === 'unparseable') return 'unknown';
  return one.class === 'mixed' ? worst(one.classes ?? []) : (one.class as Effect);
}

/** It does more than analysis says. Read and session weigh alike. */
export function isUnderClassified(one: Case, got: Effect): boolean {
  const least = Math.min(...[expected(one), ...(one.accept ?? [])].map((effect) => Math.floor(RANK[effect])));
  return Math.floor(RANK[got]) < least;
}

export function isExact(one: Case, got: Effect): boolean {
  return got === expected(one) || (one.accept?.includes(got) ?? false);
}

/** Judges a case after its setup, whose prepared statements and cursors it may use. */
export function judge(one: Case, catalog: Catalog, state: SessionState): TextFacts {
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

/** Makes the database `corpus` with the corpus's schema, and lets its role `hc_app` in with the password `app`. */
export async function loadCorpusSchema(server: TestPostgres): Promise<void> {
  await server.query('CREATE DATABASE corpus');
  const schema = readFileSync(new URL('schema.sql', here), 'utf8').replaceAll(':DBNAME', 'corpus');
  await server.query(schema, 'corpus');
  await server.query("ALTER ROLE hc_app PASSWORD 'app'");
}

/** A server with the corpus's schema in the database `corpus`, and its role `hc_app` with the password `app`. */
export async function startCorpusServer(version: 'debian' | 'embedded'): Promise<TestPostgres> {
  const server = await startPostgres({ version });
  await loadCorpusSchema(server);
  return server;
}

/** Catalog and session state as the gateway's credential sees them. */
export async function loadCorpusCatalog(
  server: TestPostgres,
): Promise<{ readonly catalog: Catalog; readonly state: SessionState }> {
  const client = new pg.Client({ connectionString: server.url('hc_app', 'app', 'corpus') });
  await client.connect();
  const query = async (text: string) => {
    const types = { getTypeParser: () => (value: string) => value };
    return (await client.query({ text, rowMode: 'array', types: types as never })).rows as (string | null)[][];
  };
  try {
    const catalog = await loadCatalog(query);
    const probed = readSessionState(await query(sessionStateQuery));
    return { catalog, state: { ...probed!, pathIsTransactional: false, prepared: () => undefined, cursor: () => undefined } };
  } finally {
    await client.end();
  }
}

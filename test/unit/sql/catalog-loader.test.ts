import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NotReachable } from '../../../src/base/errors.ts';
import {
  catalogFingerprint,
  loadAvailableCatalog,
  loadCatalog,
  readSessionState,
  sessionStateQuery,
} from '../../../src/protocols/postgres/catalog.ts';
import { analyze, loadParser } from '../../../src/sql/analyze.ts';
import type { Catalog, SessionState } from '../../../src/sql/catalog.ts';
import { startPostgres, type TestPostgres } from '../../servers/postgres.ts';

const SCHEMA = `
  CREATE ROLE reader LOGIN PASSWORD 'reader';
  CREATE SCHEMA app; CREATE SCHEMA hostile;
  CREATE TABLE app.parent (id int, gone text, email text);
  ALTER TABLE app.parent DROP COLUMN gone;
  CREATE TABLE child () INHERITS (app.parent);
  CREATE VIEW shown AS SELECT email AS contact FROM child;
  CREATE RULE quiet AS ON DELETE TO child DO INSTEAD NOTHING;
  CREATE FUNCTION many(a int, b int DEFAULT 2, VARIADIC c text[] DEFAULT '{}', OUT d int) LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = app, pg_temp AS 'SELECT 1';
  CREATE PROCEDURE act() LANGUAGE sql AS 'SELECT 1';
  CREATE AGGREGATE loud(text, boolean) (SFUNC = set_config, STYPE = text);
  CREATE FUNCTION positive(int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 > 0';
  CREATE DOMAIN counted AS int CHECK (positive(VALUE));
  CREATE TYPE mood AS ENUM ('ok');
  CREATE FUNCTION to_mood(text) RETURNS mood LANGUAGE plpgsql AS $$ BEGIN RETURN 'ok'::mood; END $$;
  CREATE CAST (text AS mood) WITH FUNCTION to_mood(text) AS ASSIGNMENT;
  CREATE OPERATOR public.## (RIGHTARG = text, FUNCTION = pg_ls_dir);
`;

/** Shadows of what the loader calls, in a schema that comes before pg_catalog. */
const SHADOWS = `
  CREATE FUNCTION hostile.eq(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'shadowed ='; END $$;
  CREATE OPERATOR hostile.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = hostile.eq);
  CREATE FUNCTION hostile.ne(name, name) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'shadowed <>'; END $$;
  CREATE OPERATOR hostile.<> (LEFTARG = name, RIGHTARG = name, FUNCTION = hostile.ne);
  CREATE FUNCTION hostile.current_schemas(boolean) RETURNS name[] LANGUAGE plpgsql AS $$ BEGIN RAISE 'shadowed'; END $$;
  CREATE FUNCTION hostile.pg_my_temp_schema() RETURNS oid LANGUAGE plpgsql AS $$ BEGIN RAISE 'shadowed'; END $$;
  CREATE TABLE hostile.pg_class (oid oid); CREATE TABLE hostile.pg_proc (oid oid); CREATE TABLE hostile.pg_namespace (oid oid);
  CREATE DOMAIN hostile.text AS pg_catalog.text CHECK (VALUE IS NULL); CREATE DOMAIN hostile.name AS pg_catalog.name CHECK (VALUE IS NULL);
  GRANT USAGE ON SCHEMA hostile TO reader;
`;

describe.each(['debian', 'embedded'] as const)('the catalog of PostgreSQL from %s', (version) => {
  let server: TestPostgres;
  let client: pg.Client;
  const query = async (text: string) => {
    const types = { getTypeParser: () => (value: string) => value };
    return (await client.query({ text, rowMode: 'array', types: types as never })).rows as (
      | string
      | null
    )[][];
  };
  const session = async (): Promise<SessionState> => ({
    ...readSessionState(await query(sessionStateQuery))!,
    prepared: () => undefined,
    cursor: () => undefined,
  });

  beforeAll(async () => {
    await loadParser();
    server = await startPostgres({ version });
    await server.query(SCHEMA);
    client = new pg.Client({ connectionString: server.url('reader', 'reader') });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  it('is read by a role without privileges', async () => {
    const catalog = await loadCatalog(query);
    expect(Math.floor(catalog.serverVersion / 10000)).toBe(server.version);
    const child = catalog.relation('public', 'child');
    expect(child).toMatchObject({ kind: 'table', rules: [{ event: 'delete' }] });
    expect(child?.columns.map((column) => [column.number, column.name])).toEqual([
      [1, 'id'],
      [2, 'email'],
    ]);
    const parent = catalog.relation('app', 'parent');
    expect(child?.parents).toEqual([parent?.oid]);
    expect(parent?.columns.map((column) => column.number)).toEqual([1, 3]);
    expect(catalog.children(parent?.oid ?? 0)).toEqual([child]);
    expect(catalog.relation('public', 'shown')?.definition).toContain('SELECT');
    expect(catalog.relation('pg_catalog', 'pg_class')?.columns.length).toBeGreaterThan(20);
  });

  it('tells functions with their arguments, settings, casts and domains', async () => {
    const catalog = await loadCatalog(query);
    expect(catalog.functions('public', 'many')[0]).toMatchObject({
      minArguments: 1,
      maxArguments: Number.POSITIVE_INFINITY,
      securityDefiner: true,
      volatility: 'stable',
      settings: ['search_path=app, pg_temp'],
      parameters: [
        { name: 'a', output: false },
        { name: 'b', output: false },
        { name: 'c', output: false },
        { name: 'd', output: true },
      ],
    });
    expect(catalog.functions('public', 'act')[0]?.kind).toBe('procedure');
    expect(catalog.functions('public', 'loud')[0]?.supportFunctions).toEqual([
      { schema: 'pg_catalog', name: 'set_config' },
    ]);
    expect(catalog.builtinFunction('now')).toBe('stable');
    expect(catalog.builtinFunction('pg_read_file')).toBe('volatile');
    expect(catalog.builtinFunction('many')).toBeUndefined();
    expect(catalog.isBuiltinType('int4')).toBe(true);
    expect(catalog.type('public', 'counted')?.checks[0]).toContain('positive');
    const cast = catalog.type('public', 'mood')?.castFunctionOids[0];
    expect(catalog.functionByOid(cast ?? 0)?.name).toBe('to_mood');
    expect(catalog.implicitFunctionOids).toEqual([cast]);
    expect(catalog.operators('##')).toMatchObject([{ schema: 'public', builtin: 'pg_ls_dir' }]);
  });

  it('shows analysis what built-in functions are called through operators and aggregates', async () => {
    const catalog = await loadCatalog(query);
    const effects = async (sql: string) =>
      analyze(sql, catalog, await session()).statements.flatMap((s) =>
        s.actions.map((action) => action.effect),
      );
    expect(await effects("SELECT ## '/'::text")).toEqual(['admin']);
    expect(await effects("SELECT loud('x', true)")).toEqual(['session']);
    expect(await effects("SELECT upper('x'), now(), 1 + 1")).toEqual(['read']);
  });

  it('reads bodies in standard syntax', async () => {
    await server.query(`CREATE FUNCTION bound() RETURNS bigint BEGIN ATOMIC DELETE FROM app.parent; SELECT count(*) FROM child; END;
      CREATE FUNCTION value() RETURNS bigint RETURN (SELECT count(*) FROM child)`);
    const catalog = await loadCatalog(query);
    const actions = async (sql: string) =>
      analyze(sql, catalog, await session()).statements.flatMap((s) =>
        s.actions.map((action) => action.command),
      );
    expect(await actions('SELECT bound()')).toContain('DELETE app.parent');
    expect(await actions('SELECT value()')).toContain('SELECT public.child');
    await server.query('DROP FUNCTION bound(); DROP FUNCTION value()');
  });

  it('changes its fingerprint and version with DDL only', async () => {
    const before = [await catalogFingerprint(query), (await loadCatalog(query)).version];
    expect([await catalogFingerprint(query), (await loadCatalog(query)).version]).toEqual(before);
    await server.query('CREATE OR REPLACE PROCEDURE act() LANGUAGE sql AS $$DELETE FROM child$$');
    expect(await catalogFingerprint(query)).not.toBe(before[0]);
    expect((await loadCatalog(query)).version).not.toBe(before[1]);
  });

  it('follows the session: its path, its temporary schema, its user', async () => {
    await client.query('SET search_path = app, public');
    expect(readSessionState(await query(sessionStateQuery))).toMatchObject({ user: 'reader' });
    await client.query('RESET search_path');
    await client.query('CREATE TEMP TABLE mine (id int)');
    const state = readSessionState(await query(sessionStateQuery));
    expect(state?.tempSchema).toMatch(/^pg_temp_\d+$/u);
    expect(state?.searchPath).toEqual([state?.tempSchema, 'pg_catalog', 'public']);
    const catalog = await loadCatalog(query);
    const facts = analyze('SELECT * FROM mine', catalog, await session());
    expect(facts.statements[0]?.actions[0]?.object?.name).toBe('pg_temp.mine');
    await client.query('DROP TABLE mine');
  });

  it('is read around what another transaction holds locked, which is unknown until it lets go', async () => {
    const effects = (catalog: Catalog, sql: string, state: SessionState) =>
      analyze(sql, catalog, state).statements.flatMap(({ actions }) => actions.map(({ effect }) => effect));
    const bounded = async (sql: string) => {
      try {
        return await query(sql);
      } catch (error) {
        if ((error as { code?: string }).code !== '55P03') throw error;
        throw new NotReachable('target_locked', 'locked');
      }
    };
    const migration = new pg.Client({ connectionString: server.url() });
    await migration.connect();
    await migration.query('BEGIN; ALTER TABLE child ADD COLUMN held int');
    await client.query("SET lock_timeout = '100ms'");
    try {
      const { catalog, complete } = await loadAvailableCatalog(bounded);
      const state = await session();
      expect(complete).toBe(false);
      expect(effects(catalog, 'SELECT * FROM shown', state)).toContain('unknown');
      expect(effects(catalog, 'SELECT * FROM child', state)).toContain('unknown');
      expect(effects(catalog, 'SELECT * FROM app.parent', state)).not.toContain('unknown');
      await migration.query('ROLLBACK');
      const later = await loadAvailableCatalog(bounded);
      expect(later.complete).toBe(true);
      expect(effects(later.catalog, 'SELECT * FROM shown', state)).not.toContain('unknown');
    } finally {
      await client.query('RESET lock_timeout');
      await migration.end();
    }
  });

  it('is read rightly past shadows of every name the loader uses', async () => {
    await server.query(SHADOWS);
    await client.query('SET search_path = hostile, pg_catalog, public');
    try {
      const catalog = await loadCatalog(query);
      expect(catalog.relation('public', 'child')?.columns).toHaveLength(2);
      expect((await session()).searchPath).toContain('hostile');
      expect((await loadCatalog(query, true)).relation('public', 'child')?.columns).toHaveLength(2);
      await catalogFingerprint(query);
      // The path is narrowed for the time of the query alone, in a transaction too.
      expect((await query('SHOW search_path'))[0]?.[0]).toBe('hostile, pg_catalog, public');
      await client.query('BEGIN; SET LOCAL search_path = app');
      await loadCatalog(query);
      expect((await query('SHOW search_path'))[0]?.[0]).toBe('app');
      await client.query('COMMIT');
      expect((await query('SHOW search_path'))[0]?.[0]).toBe('hostile, pg_catalog, public');
    } finally {
      await client.query('RESET search_path');
    }
  });
});

it('an answer that is not one is no session state', () => {
  expect(readSessionState([])).toBeUndefined();
  expect(readSessionState([[null, null, 'x']])).toBeUndefined();
});

import { beforeAll, describe, expect, it } from 'vitest';
import { loadParser } from '../../../src/sql/analyze.ts';
import type { StatementFacts } from '../../../src/sql/facts.ts';
import { facts, only, session, strictest } from './sample.ts';

beforeAll(loadParser);

describe('conditions', () => {
  it.each([
    ['UPDATE orders SET note = NULL', ['update-without-where']],
    ['UPDATE orders SET note = NULL WHERE true', ['update-without-where']],
    ['DELETE FROM orders WHERE 1 = 1', ['delete-without-where']],
    ['DELETE FROM orders WHERE id = id', ['delete-without-where']],
    ['DELETE FROM orders o WHERE NOT false AND (o.id = 3 OR 2 > 1)', ['delete-without-where']],
    ['WITH d AS (DELETE FROM orders) SELECT 1', ['delete-without-where']],
    ['DO $$ BEGIN DELETE FROM orders; END $$', ['delete-without-where']],
    ['DELETE FROM orders WHERE id = 3', []],
    ['DELETE FROM orders WHERE false', []],
    ['EXPLAIN DELETE FROM orders', []],
    ['SET ROLE dba', ['dangerous-session-change']],
    ['RESET ROLE', ['dangerous-session-change']],
    ['SET SESSION AUTHORIZATION dba', ['dangerous-session-change']],
    ['SET search_path = evil', ['dangerous-session-change']],
    ["SELECT set_config('search_path', '', false)", []],
    ['SET default_transaction_read_only = on', []],
    ['SET default_transaction_read_only = 0', ['dangerous-session-change']],
    ['SET TRANSACTION READ WRITE', ['dangerous-session-change']],
    ['BEGIN READ WRITE', ['dangerous-session-change']],
    ['BEGIN READ ONLY', []],
    ['SET session_replication_role = replica', ['dangerous-session-change']],
    ['SET row_security = off', []],
    ['RESET ALL', ['dangerous-session-change']],
    ['DISCARD ALL', ['dangerous-session-change']],
    ['SET client_min_messages = debug1', ['dangerous-session-change']],
    ['SET client_min_messages = warning', []],
    ['SET debug_print_parse = on', ['dangerous-session-change']],
    ['SET statement_timeout = 0', []],
    ['SET standard_conforming_strings = on', []],
    [
      'SET standard_conforming_strings = off',
      ['standard-conforming-strings-off', 'dangerous-session-change'],
    ],
    ["SET NAMES 'GBK'", ['client-encoding-change', 'dangerous-session-change']],
    ["SET client_encoding = 'utf-8'", []],
    ["SELECT set_config(lower('ROLE'), 'x', false)", ['dangerous-session-change']],
    [
      "SELECT set_config(name, 'view', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'",
      [],
    ],
    [
      "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'role'",
      ['dangerous-session-change'],
    ],
    [
      "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name <> 'work_mem'",
      ['dangerous-session-change'],
    ],
    [
      "SELECT set_config(setting, 'x', false) FROM pg_settings WHERE name = 'work_mem'",
      ['dangerous-session-change'],
    ],
    [
      "SELECT 1 FROM pg_settings WHERE name = 'work_mem' AND set_config(name, 'x', false) = ''",
      ['dangerous-session-change'],
    ],
    [
      "SELECT set_config(name, 'x', false) FROM pg_settings, users WHERE name = 'work_mem'",
      ['dangerous-session-change'],
    ],
    [
      "WITH pg_settings AS (SELECT 'role' AS name) SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'work_mem'",
      ['dangerous-session-change'],
    ],
    ['SELECT * FROM pg_stats', ['reads-statistics']],
    ['SELECT pid, state FROM pg_stat_activity', []],
    ['SELECT query FROM pg_stat_activity', ['reads-statistics']],
    ['SELECT * FROM pg_stat_activity', ['reads-statistics']],
    ['SELECT row_to_json(a) FROM pg_stat_activity a', ['reads-statistics']],
  ])('%s: %j', (sql, expected) => {
    expect(only(sql).conditions).toEqual(expected);
  });
});

describe('what a statement leaves behind', () => {
  it.each([
    ['SET work_mem TO 64', [{ kind: 'set', name: 'work_mem', value: '64', local: false }]],
    ['SET LOCAL Work_Mem = 64', [{ kind: 'set', name: 'work_mem', value: '64', local: true }]],
    ['SET search_path = a, "B c"', [{ kind: 'set', name: 'search_path', value: '"a", "B c"', local: false }]],
    ["SELECT set_config('a.b', 'c', true)", [{ kind: 'set', name: 'a.b', value: 'c', local: true }]],
    ['ROLLBACK TO a', [{ kind: 'transaction', operation: 'rollback-to' }]],
    ['COMMIT', [{ kind: 'transaction', operation: 'commit' }]],
    ['DISCARD TEMP', [{ kind: 'discard', what: 'temp' }, { kind: 'catalog' }]],
    ['DEALLOCATE ALL', [{ kind: 'deallocate', name: undefined }]],
    ['CLOSE c', [{ kind: 'close-cursor', name: 'c' }]],
    ['DROP TABLE orders', [{ kind: 'catalog' }]],
    ['SELECT * FROM orders', []],
    ['EXPLAIN CREATE TABLE x AS SELECT 1', []],
  ])('%s: %j', (sql, expected) => {
    expect(only(sql).changes).toEqual(expected);
  });
});

describe('prepared statements and cursors', () => {
  const stored = (sql: string): StatementFacts => {
    const change = only(sql).changes.find((one) => one.kind === 'prepare' || one.kind === 'declare-cursor');
    return (change as { statement: StatementFacts }).statement;
  };

  it('do what the statement behind their name does', () => {
    const write = stored('PREPARE z AS DELETE FROM orders WHERE id = $1');
    const state = session({ prepared: (name) => (name === 'z' ? write : undefined) });
    expect(strictest(facts('EXECUTE z(1)', state))).toBe('write');
    expect(strictest(facts('CREATE TABLE t AS EXECUTE z(1)', state))).toBe('ddl');
    expect(strictest(facts('EXECUTE other', state))).toBe('unknown');
    const rows = stored('DECLARE c CURSOR WITH HOLD FOR SELECT id, email FROM users');
    const open = session({ cursor: () => rows });
    expect(only('FETCH ALL FROM c', open).outputs?.map((column) => column.sources)).toEqual([
      ['public.users.id'],
      ['public.users.email'],
    ]);
    expect(only('MOVE c', open).outputs).toBeUndefined();
  });

  it('depend on the session, so their facts are no matter of the text alone', () => {
    expect(only('EXECUTE z').dependsOnSession).toBe(true);
    expect(only('FETCH c').dependsOnSession).toBe(true);
    expect(only('SELECT 1').dependsOnSession).toBe(false);
  });

  it('are known to later statements of the same text, and gone after DEALLOCATE', () => {
    expect(strictest(facts('PREPARE z AS SELECT 1; EXECUTE z'))).toBe('read');
    expect(strictest(facts('PREPARE z AS SELECT 1; DEALLOCATE z; EXECUTE z'))).toBe('unknown');
  });
});

it('COPY of a whole table leaves generated columns out, as the server does', () => {
  expect(only('COPY measures TO STDOUT').outputs?.map((one) => one.name)).toEqual(['id', 'height']);
  expect(only('COPY measures (height) TO STDOUT').outputs?.map((one) => one.name)).toEqual(['height']);
});

it('COPY to the client says how its rows are written', () => {
  expect(
    only("COPY users (id, email) TO STDOUT (FORMAT csv, HEADER, NULL 'nil', ENCODING 'SJIS')").copy,
  ).toEqual({
    direction: 'out',
    format: 'csv',
    delimiter: ',',
    nullText: 'nil',
    quote: '"',
    escape: '"',
    header: true,
    encoding: 'SJIS',
  });
  expect(only("COPY users TO STDOUT USING DELIMITERS '|'").copy).toMatchObject({
    format: 'text',
    delimiter: '|',
  });
  expect(only('COPY BINARY users FROM STDIN').copy).toMatchObject({ direction: 'in', format: 'binary' });
});

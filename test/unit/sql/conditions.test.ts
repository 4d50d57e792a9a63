import { beforeAll, describe, expect, it } from 'vitest';
import { analyze, loadParser } from '../../../src/sql/analyze.ts';
import type { SessionState } from '../../../src/sql/catalog.ts';
import { shop } from './sample.ts';

beforeAll(loadParser);

const session = (lockTimeout: number): SessionState => ({
  searchPath: ['pg_catalog', 'public'],
  pathIsTransactional: false,
  lockTimeout,
  prepared: () => undefined,
  cursor: () => undefined,
});
const conditions = (sql: string, lockTimeout = 0) => [
  ...new Set(analyze(sql, shop, session(lockTimeout)).statements.flatMap((one) => one.conditions)),
];

describe('a write of every row', () => {
  it.each([
    'UPDATE users SET tier = 1',
    'UPDATE users SET tier = 1 WHERE true',
    'UPDATE users SET tier = 1 WHERE 1=1',
    'UPDATE users u SET tier = 1 WHERE u.id = id',
    'UPDATE users SET tier = 1 WHERE id IS NOT DISTINCT FROM id',
    'UPDATE users SET tier = 1 WHERE id IN (id)',
    'UPDATE users SET tier = 1 WHERE id BETWEEN id AND id',
    'UPDATE users SET tier = 1 WHERE (1=1) IS TRUE',
    'UPDATE users SET tier = 1 WHERE EXISTS (SELECT 1)',
    "UPDATE users SET tier = 1 WHERE name LIKE '%'",
    'UPDATE users SET tier = 1 WHERE coalesce(true, id = 1)',
    'UPDATE users SET tier = 1 WHERE id = 1 OR NOT false',
    'WITH u AS (UPDATE users SET tier = 1 RETURNING id) SELECT * FROM u',
    'MERGE INTO users u USING orders o ON true WHEN MATCHED THEN UPDATE SET tier = 1',
  ])('is found in: %s', (sql) => {
    expect(conditions(sql)).toContain('update-without-where');
  });

  it.each([
    'UPDATE users SET tier = 1 WHERE id = 1',
    'UPDATE users SET tier = 1 WHERE id = user_id',
    'UPDATE users SET tier = 1 WHERE false',
    'UPDATE users SET tier = 1 WHERE EXISTS (SELECT 1 FROM orders o WHERE o.user_id = users.id)',
    "UPDATE users SET tier = 1 WHERE name NOT LIKE '%'",
    "UPDATE users SET tier = 1 WHERE name LIKE 'a%'",
    'UPDATE users SET tier = 1 WHERE 1 IN (2, 3)',
    'MERGE INTO users u USING orders o ON u.id = o.user_id WHEN MATCHED THEN UPDATE SET tier = 1',
    'EXPLAIN UPDATE users SET tier = 1',
  ])('is not found in: %s', (sql) => {
    expect(conditions(sql)).not.toContain('update-without-where');
  });
});

describe('DDL that has a form which holds nobody up', () => {
  it.each([
    'CREATE INDEX ON users (id)',
    'DROP INDEX some_index',
    'REINDEX TABLE users',
    'REINDEX (CONCURRENTLY off) TABLE users',
    'REFRESH MATERIALIZED VIEW users_v',
    'ALTER TABLE events DETACH PARTITION events_2025',
  ])('is found in: %s', (sql) => {
    expect(conditions(sql)).toContain('ddl-without-concurrently');
  });

  it.each([
    'CREATE INDEX CONCURRENTLY ON users (id)',
    'DROP INDEX CONCURRENTLY some_index',
    'REINDEX TABLE CONCURRENTLY users',
    'REINDEX (CONCURRENTLY) TABLE users',
    'ALTER TABLE events DETACH PARTITION events_2025 CONCURRENTLY',
    'ALTER TABLE users ADD COLUMN x int',
  ])('is not found in: %s', (sql) => {
    expect(conditions(sql)).not.toContain('ddl-without-concurrently');
  });
});

describe('a wait for a lock without end', () => {
  it.each([
    'LOCK TABLE users',
    'ALTER TABLE users ADD COLUMN x int',
    'TRUNCATE users',
    'DROP TABLE users',
    'CREATE INDEX ON users (id)',
    'SELECT * FROM users FOR UPDATE',
    'SELECT pg_advisory_lock(1)',
    "SET lock_timeout = '2s'; RESET ALL; LOCK TABLE users",
    'SET lock_timeout = 0; LOCK TABLE users',
    "BEGIN; SET LOCAL lock_timeout = '2s'; COMMIT; LOCK TABLE users",
    'CREATE TABLE child (id int REFERENCES users)',
  ])('is found in: %s', (sql) => {
    expect(conditions(sql)).toContain('lock-without-timeout');
  });

  it.each([
    'SELECT * FROM users',
    'SELECT * FROM users FOR UPDATE NOWAIT',
    'SELECT * FROM users FOR UPDATE SKIP LOCKED',
    'LOCK TABLE users IN ACCESS SHARE MODE',
    'LOCK TABLE users NOWAIT',
    'SELECT pg_try_advisory_lock(1)',
    "SET lock_timeout = '2s'; LOCK TABLE users",
    'CREATE TABLE plain (id int)',
  ])('is not found in: %s', (sql) => {
    expect(conditions(sql)).not.toContain('lock-without-timeout');
  });

  it('ends where the session has a lock_timeout', () => {
    expect(conditions('TRUNCATE users', 500)).not.toContain('lock-without-timeout');
  });
});

it('finds tables of two schemas in one statement', () => {
  expect(conditions('SELECT * FROM public.users JOIN app.users a USING (id)')).toContain('cross-schema');
  expect(conditions('SELECT * FROM public.users JOIN pg_catalog.pg_class c ON true')).not.toContain(
    'cross-schema',
  );
});

import { beforeAll, describe, expect, it } from 'vitest';
import { loadParser } from '../../../src/sql/analyze.ts';
import { relationLineage } from '../../../src/sql/relation-lineage.ts';
import { only, shop, uses } from './sample.ts';

beforeAll(loadParser);

/** Uses of users.email that show something of it beside the result columns it flows into. */
const exposures = (sql: string) =>
  uses(sql).filter(
    (use) =>
      (use.startsWith('users.email:') || use.startsWith('users.*:')) &&
      !/:(output|target|computed)$/u.test(use),
  );

describe('a masked column that is only passed on', () => {
  it.each([
    'SELECT email FROM users',
    'SELECT * FROM users',
    'SELECT u.email AS id FROM users u ORDER BY u.id',
    'SELECT e FROM (SELECT email AS e FROM users) x WHERE true',
    'WITH w AS (SELECT * FROM users) SELECT * FROM w',
    'SELECT a.c FROM users AS a(i, n, c, t)',
    'SELECT contact FROM users_v',
    'SELECT x.* FROM users u, LATERAL (SELECT u.email AS e) x',
    'SELECT u.email, o.sku FROM users u JOIN orders o ON o.user_id = u.id WHERE o.amount > 3',
    'SELECT u.email, o.sku FROM users u JOIN orders o USING (id)',
    'SELECT email FROM users a NATURAL JOIN users b',
    'SELECT count(*) FROM users WHERE name = $1',
    'SELECT name FROM users WHERE EXISTS (SELECT email FROM users)',
    "INSERT INTO users VALUES (1, 'n', 'e', 't')",
    "UPDATE users SET email = 'x' WHERE id = 1 RETURNING email",
    'DELETE FROM users WHERE id = 1 RETURNING *',
    'COPY users TO STDOUT',
    'COPY (SELECT email FROM users) TO STDOUT',
    'COPY users FROM STDIN',
    'SELECT count(*) FROM (SELECT email FROM users) x',
    'EXPLAIN SELECT email FROM users WHERE id = 1',
  ])('is not exposed by %s', (sql) => {
    expect(exposures(sql)).toEqual([]);
  });
});

describe('a masked column that flows into result columns alone', () => {
  it.each([
    'SELECT upper(email) FROM users',
    'SELECT email || name FROM users',
    'SELECT email::text FROM users',
    'SELECT (SELECT email FROM users LIMIT 1)',
    'SELECT ARRAY(SELECT email FROM users)',
    'SELECT loud FROM users_v',
    'SELECT email FROM users UNION ALL SELECT name FROM users',
    'WITH RECURSIVE r(a, b) AS (SELECT email, name FROM users UNION ALL SELECT b, a FROM r) SELECT b FROM r',
    'SELECT email FROM users a FULL JOIN users b USING (email)',
    'SELECT 1 FROM (SELECT length(email) AS n FROM users) x',
    'SELECT email(u) FROM users u',
    'SELECT (u).email FROM users u',
    'SELECT row_to_json(u) FROM users u',
    'SELECT u FROM users u',
    'SELECT count(DISTINCT email) FROM users',
    'CREATE VIEW t AS SELECT email FROM users',
    'CREATE MATERIALIZED VIEW t AS TABLE users',
    'SELECT contact(1)',
    "SELECT query_to_xml('SELECT email FROM users', true, false, '')",
    'SELECT no_such_column FROM users',
    'UPDATE users SET tier = 1 WHERE id = 1 RETURNING old.email || new.name',
    'SELECT CASE WHEN id = 1 THEN email ELSE name END FROM users',
    'SELECT email::int FROM users',
    'SELECT email IS NOT NULL FROM users',
    'SELECT count(email), name FROM users GROUP BY name',
    'SELECT name FROM users WHERE email IS NULL',
    "SELECT string_agg(email, ',' ORDER BY name) FROM users",
    "SELECT jsonb_build_object('e', email, 'n', name) FROM users",
  ])('is not exposed by %s', (sql) => {
    expect(exposures(sql)).toEqual([]);
  });
});

describe('a masked column that is used in any other way', () => {
  it.each([
    ['SELECT DISTINCT email FROM users', 'distinct'],
    ['SELECT name FROM users UNION SELECT email FROM users', 'merged'],
    [
      'SELECT name, x FROM users, LATERAL (SELECT 1 AS x FROM generate_series(1, 9) c WHERE c = length(email)) l',
      'predicate',
    ],
    ["SELECT id FROM users WHERE email LIKE 'a%'", 'pattern'],
    ['SELECT id FROM users ORDER BY email', 'order'],
    ['SELECT email FROM users ORDER BY 1', 'order'],
    ['SELECT email AS x FROM users ORDER BY x', 'order'],
    ['SELECT email, count(*) FROM users GROUP BY email', 'group'],
    ['SELECT DISTINCT ON (email) id FROM users', 'distinct'],
    ["SELECT id FROM users_v WHERE contact = 'x'", 'equality'],
    ['SELECT o.id FROM orders o JOIN users u ON u.email = o.sku', 'join'],
    ["SELECT o.id FROM orders o WHERE o.user_id IN (SELECT id FROM users WHERE email = 'x')", 'equality'],
    ['SELECT email FROM users INTERSECT SELECT sku FROM orders', 'merged'],
    ['INSERT INTO users (id) VALUES (1) ON CONFLICT (email) DO NOTHING', 'equality'],
    ['UPDATE users SET name = email WHERE id = 1', 'stored'],
    ['UPDATE orders SET note = u.email FROM users u WHERE u.id = user_id', 'stored'],
    ['INSERT INTO orders (sku) SELECT email FROM users', 'stored'],
    ['INSERT INTO orders (sku) VALUES ((SELECT email FROM users))', 'stored'],
    ['INSERT INTO copying (id) VALUES (1)', 'other'],
    ['CREATE TABLE t AS SELECT email FROM users', 'stored'],
    ['SELECT email INTO t FROM users', 'stored'],
    ['ALTER TABLE users RENAME COLUMN email TO title', 'other'],
    ['ALTER TABLE users ADD COLUMN e text GENERATED ALWAYS AS (email) STORED', 'other'],
    ['ALTER TABLE users SET SCHEMA app', 'other', 'users.*'],
    ['DO $$ DECLARE e text; BEGIN SELECT email INTO e FROM users; RAISE NOTICE $x$%$x$, e; END $$', 'other'],
    ["SELECT table_to_xml('public.users', true, false, '')", 'other', 'users.*'],
    ["COPY users TO '/tmp/x'", 'other'],
    [
      'MERGE INTO orders o USING users u ON o.id = u.id WHEN MATCHED THEN UPDATE SET note = u.email',
      'stored',
    ],
    ["SELECT NULLIF(email, 'x') FROM users", 'equality'],
    ["SELECT email = 'x' FROM users", 'equality'],
    ["SELECT CASE WHEN email LIKE 'a%' THEN 1 END FROM users", 'pattern'],
    ['SELECT max(email) FROM users', 'extreme'],
    ['SELECT substr(email, 1, 3)::int FROM users', 'call'],
    ['SELECT row_number() OVER (ORDER BY email) FROM users', 'order'],
    ["SELECT regexp_split_to_table(email, '') FROM users", 'call'],
    ['SELECT g FROM users u, generate_series(1, length(u.email)) g', 'rows'],
    ["SELECT email || repeat('x', 1000000) FROM users", 'call'],
    ['SELECT substr(email, id, 1) FROM users', 'call'],
    ['SELECT coalesce(lower(email), upper(name), pg_sleep(1)::text) FROM users', 'branch'],
    ["SELECT set_config('a.b', email, false) FROM users", 'call'],
  ])('shows in %s as %s', (sql, use, column = 'users.email') => {
    expect(exposures(sql)).toContain(`${column}:${use}`);
  });
});

describe('result columns', () => {
  it('name their base columns in order, stars expanded, views and CTEs looked through', () => {
    const { outputs } = only(
      'WITH w AS (SELECT id, email FROM users) SELECT w.*, o.amount AS price, lower(o.sku) FROM w JOIN orders o USING (id)',
    );
    expect(outputs).toEqual([
      { name: 'id', sources: ['public.users.id'], plain: true },
      { name: 'email', sources: ['public.users.email'], plain: true },
      { name: 'price', sources: ['public.orders.amount'], plain: true },
      // A rule of the sample puts addresses there.
      { name: 'lower', sources: ['public.orders.sku', 'public.users.email'], plain: false },
    ]);
    expect(only('SELECT contact FROM users_v').outputs).toEqual([
      { name: 'contact', sources: ['public.users_v.contact', 'public.users.email'], plain: true },
    ]);
  });

  it('merge the columns of USING and NATURAL once, first', () => {
    const names = only('SELECT * FROM users u JOIN orders o USING (id)').outputs?.map(
      (column) => column.name,
    );
    expect(names).toEqual(['id', 'name', 'email', 'tier', 'user_id', 'sku', 'amount', 'note']);
  });

  it('are left out where they cannot be told, or there are none', () => {
    expect(only('SELECT * FROM missing').outputs).toBeUndefined();
    expect(only('DELETE FROM orders WHERE id = 1').outputs).toBeUndefined();
    expect(only("INSERT INTO users (id, email) VALUES (1, 'x') RETURNING id").outputs).toHaveLength(1);
  });

  it('of a partition belong to its root as well', () => {
    expect(only('SELECT at FROM events_2025').outputs?.[0]?.sources).toEqual([
      'public.events_2025.at',
      'public.events.at',
    ]);
  });
});

it('a common table expression hides a table of its name, but not from a qualified one', () => {
  expect(uses('WITH users AS (SELECT 1 AS email) SELECT email FROM users')).toEqual([]);
  expect(uses('WITH users AS (SELECT 1 AS email) SELECT email FROM public.users')).toEqual([
    'users.email:output',
  ]);
});

it('each column of a relation names what it is derived from', () => {
  expect(relationLineage(shop.relation('public', 'users_v')!, shop)).toEqual([
    { name: 'id', sources: ['public.users_v.id', 'public.users.id'], plain: true, document: true },
    {
      name: 'contact',
      sources: ['public.users_v.contact', 'public.users.email'],
      plain: true,
      document: true,
    },
    { name: 'loud', sources: ['public.users_v.loud', 'public.users.email'], plain: false },
  ]);
  expect(relationLineage(shop.relation('public', 'events_2025')!, shop)[1]?.sources).toEqual([
    'public.events_2025.at',
    'public.events.at',
  ]);
});

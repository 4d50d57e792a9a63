import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadParser } from '../../../src/sql/analyze.ts';
import { EFFECTS } from '../../../src/sql/facts.ts';
import { facts, strictest } from './sample.ts';

beforeAll(loadParser);

const SEEDS = [
  'SELECT u.email, count(*) FROM users u JOIN orders o USING (id) WHERE o.amount > 3 GROUP BY 1 ORDER BY 2',
  'WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r) SELECT * FROM r, users_v',
  "INSERT INTO orders (sku) VALUES ('é', $1) ON CONFLICT (id) DO UPDATE SET sku = excluded.sku RETURNING *",
  'UPDATE users SET (name, tier) = (SELECT sku, note FROM orders) WHERE id = 1 RETURNING old.email',
  'MERGE INTO orders o USING users u ON o.id = u.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)',
  'DO $$ DECLARE x int := 1; BEGIN FOR x IN 1..3 LOOP EXECUTE $q$ DELETE FROM orders $q$; END LOOP; END $$',
  'COPY (SELECT 1) TO STDOUT (FORMAT csv); SET search_path = app; PREPARE p AS SELECT purge(1); EXECUTE p',
  'CREATE TABLE t (a int CHECK (a > 0), b sly DEFAULT 3); ALTER TABLE t ADD COLUMN c text, DROP COLUMN a; DROP TABLE t',
  "SELECT (o).wipe, o.*, U&\"em\\0061il\", E'\\'', CASE WHEN 1 === 2 THEN purge(1) END FROM orders o, LATERAL (VALUES (1)) v",
  'CREATE FUNCTION f(a int, OUT b int) RETURNS SETOF int LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT 1; END $$; SELECT f(1)',
];

/** Cuts, doubles, swaps and overwrites pieces of a seed: mostly nonsense, some of it SQL. */
const mutated = fc
  .tuple(
    fc.constantFrom(...SEEDS),
    fc.constantFrom(...SEEDS),
    fc.array(
      fc.tuple(
        fc.nat(200),
        fc.nat(40),
        fc.oneof(
          fc.constantFrom(' ', ';', '(', ')', '.', '"', "'", '$$', ', *', '\0', '🙂', '::sly', ' FROM '),
          fc.string({ maxLength: 4 }),
        ),
      ),
      { maxLength: 4 },
    ),
  )
  .map(([first, second, edits]) =>
    edits.reduce(
      (text, [at, length, insert]) => text.slice(0, at) + insert + text.slice(at + length),
      `${first};${second}`,
    ),
  );

describe('whatever the text', () => {
  it('is analysed without throwing, and every statement has an effect', () => {
    fc.assert(
      fc.property(fc.oneof(mutated, fc.string({ unit: 'binary', maxLength: 80 })), (sql) => {
        for (const statement of facts(sql).statements) {
          expect(statement.actions.length).toBeGreaterThan(0);
          for (const action of statement.actions) expect(EFFECTS).toContain(action.effect);
          const unknown = statement.actions.some((action) => action.effect === 'unknown');
          if (unknown) expect(statement.reasons.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('statements lie one after another within the bytes of the text', () => {
    fc.assert(
      fc.property(mutated, (sql) => {
        let last = 0;
        for (const { start, end } of facts(sql).statements) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          last = end;
        }
        expect(last).toBeLessThanOrEqual(Buffer.byteLength(sql));
      }),
      { numRuns: 500 },
    );
  });
});

/** Places in a statement where an expression may stand. */
const PLACES: readonly ((expression: string) => string)[] = [
  (x) => `SELECT ${x}`,
  (x) => `SELECT 1 FROM orders WHERE ${x} IS NULL`,
  (x) => `SELECT 1 FROM orders GROUP BY ${x}`,
  (x) => `SELECT count(*) FROM orders HAVING ${x} IS NULL`,
  (x) => `SELECT 1 ORDER BY ${x}`,
  (x) => `SELECT DISTINCT ON (${x}) 1`,
  (x) => `SELECT 1 LIMIT ${x}`,
  (x) => `SELECT 1 OFFSET ${x}`,
  (x) => `VALUES (1, ${x})`,
  (x) => `SELECT * FROM unnest(ARRAY[${x}])`,
  (x) => `SELECT * FROM ROWS FROM (generate_series(1, ${x}), unnest('{}'::int[]))`,
  (x) => `SELECT * FROM orders o JOIN users u ON ${x} = 1`,
  (x) => `SELECT sum(1) FILTER (WHERE ${x} = 1) OVER (PARTITION BY ${x} ORDER BY ${x}) FROM orders`,
  (x) => `SELECT sum(1) OVER w FROM orders WINDOW w AS (ORDER BY ${x})`,
  (x) => `SELECT * FROM (SELECT ${x}) s`,
  (x) => `WITH w AS (SELECT ${x}) SELECT 1`,
  (x) => `SELECT EXISTS (SELECT 1 WHERE ${x} = 1)`,
  (x) => `SELECT 1 IN (2, ${x}), 1 = ANY (ARRAY(SELECT ${x}))`,
  (x) => `SELECT 1 UNION ALL SELECT ${x}`,
  (x) => `SELECT JSON_OBJECT('a': ${x}), JSON_ARRAY(${x})`,
  (x) => `SELECT xmlelement(name a, xmlattributes(${x} AS b), ${x})`,
  (x) => `INSERT INTO orders (id) VALUES (${x})`,
  (x) => `INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = ${x} WHERE ${x} = 1`,
  (x) => `UPDATE orders SET id = ${x}`,
  (x) => `DELETE FROM orders WHERE id = ${x}`,
  (x) => `DELETE FROM orders WHERE id = 1 RETURNING ${x}`,
  (x) =>
    `MERGE INTO orders o USING users u ON o.id = ${x} WHEN MATCHED AND ${x} = 1 THEN UPDATE SET id = ${x}`,
  (x) => `PREPARE p AS SELECT ${x}`,
  (x) => `DECLARE c CURSOR FOR SELECT ${x}`,
  (x) => `EXPLAIN ANALYZE SELECT ${x}`,
  (x) => `COPY (SELECT ${x}) TO STDOUT`,
  (x) => `COPY orders FROM STDIN WHERE ${x} = 1`,
  (x) => `CREATE TABLE t AS SELECT ${x}`,
  (x) => `CREATE INDEX ON orders ((${x}))`,
  (x) => `ALTER TABLE orders ADD COLUMN c int DEFAULT ${x}`,
  (x) => `ALTER TABLE orders ALTER COLUMN id TYPE int USING ${x}`,
  (x) => `CALL close_all(${x})`,
  (x) => `DO $$ BEGIN IF ${x} = 1 THEN NULL; END IF; END $$`,
  (x) => `DO $$ DECLARE v int := ${x}; BEGIN v := v + ${x}; END $$`,
];

const WRAPPERS: readonly ((expression: string) => string)[] = [
  (x) => x,
  (x) => `(${x})`,
  (x) => `CASE WHEN true THEN ${x} ELSE 2 END`,
  (x) => `COALESCE(NULL, ${x})`,
  (x) => `GREATEST(1, ${x})`,
  (x) => `NULLIF(1, ${x})`,
  (x) => `(${x})::int4`,
  (x) => `(ARRAY[1, ${x}])[${x}]`,
  (x) => `(SELECT ${x})`,
  (x) => `add_tax(${x})`,
  (x) => `- ${x}`,
  (x) => `(ROW(${x}, 2)).f1`,
];

describe('an effect is found', () => {
  it('wherever an expression may stand, however it is wrapped', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PLACES),
        fc.array(fc.constantFrom(...WRAPPERS), { maxLength: 3 }),
        (place, wrappers) => {
          const sql = place(wrappers.reduce((x, wrap) => wrap(x), "pg_read_file('x')"));
          expect(['admin', 'unknown'], sql).toContain(strictest(facts(sql)));
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('behind every place there is (none of them is a syntax error)', () => {
    for (const place of PLACES) {
      const sql = place("pg_read_file('x')");
      const actions = facts(sql).statements.flatMap((statement) => statement.actions);
      expect(
        actions.map((action) => action.command),
        sql,
      ).toContain('CALL pg_catalog.pg_read_file');
    }
  });

  it('and so is a masked column', () => {
    fc.assert(
      fc.property(fc.constantFrom(...WRAPPERS.slice(1)), fc.constantFrom(...WRAPPERS), (outer, inner) => {
        const sql = `SELECT ${outer(inner('users.email'))} FROM users`;
        const exposed = facts(sql)
          .statements.flatMap((statement) => statement.columnUses)
          .filter(({ column, use }) => column === 'public.users.email' && use !== 'output');
        // Parentheses and a bare reference leave nothing in the tree.
        if (outer(inner('x')).replace(/[()]/gu, '') !== 'x') expect(exposed, sql).not.toEqual([]);
      }),
    );
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientPaths, startClientPaths } from '../servers/client-paths.ts';
import { psql } from '../servers/psql.ts';

let paths: ClientPaths;
let dir: string;
beforeAll(async () => {
  paths = await startClientPaths();
  dir = mkdtempSync(join(tmpdir(), 'hoopctl-psql-'));
});
afterAll(async () => {
  await paths?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** What psql writes for this script and its exit code; `output` is both streams, stdout first. */
async function script(url: string, text: string, args: readonly string[] = []) {
  const env = { PAGER: 'cat', PGAPPNAME: 'psql' };
  const { code, stdout, stderr } = await psql(url, args, { stdin: text, env });
  return { code, output: `${stdout}${stderr}` };
}

/** The script must show the same directly and through the gateway that allows everything. */
async function alike(text: string, args: readonly string[] = []) {
  const direct = await script(paths.direct, text, args);
  expect(await script(paths.open.url(), text, args)).toEqual(direct);
  return direct;
}

const DESCRIBE = `\\d
\\d+
\\d shop.customers
\\d+ shop.customers
\\d+ shop.orders
\\d+ shop.orders_2026
\\d+ shop.rich
\\d+ shop.per_year
\\d+ shop.numbers
\\d+ shop.customers_name
\\dt+ shop.*
\\dv+ shop.*
\\dm+ shop.*
\\df+ shop.*
\\da shop.*
\\du+
\\dn+
\\l+
\\dp shop.*
\\ds+ shop.*
\\di+ shop.*
\\dT+ shop.*
\\dD+ shop.*
\\dE+
\\ddp
\\db+
\\dc
\\dC
\\dd shop.*
\\des+
\\dew+
\\dF+ shop.*
\\dx+
\\dX
\\dy+
\\dP+ shop.*
\\dRp+
\\dRs
\\dconfig *timeout*
\\do shop.*
\\dO+ shop.*
\\dL+
\\dl+
\\sf shop.total_of
\\sv shop.rich
\\z shop.customers
\\dA+
\\dAc
\\dS pg_class
\\dfS lower
\\det+
\\deu+
\\encoding
`;

describe('psql', () => {
  it('describes everything alike, through both gateways', async () => {
    const { output } = await alike(DESCRIBE);
    expect(output).not.toContain('ERROR');
    expect(output).toContain('generated always as');
    const agent = await script(paths.agent.url(), DESCRIBE);
    expect(agent.output).toBe(output);
  });

  it('says in \\conninfo whose session it is', async () => {
    const { output } = await script(paths.open.url(), '\\conninfo\n');
    expect(output).toContain('connected to database "shop" as user "devin"');
  });

  it('copies out and in, in every format, with \\copy and COPY', async () => {
    const file = join(dir, 'copied');
    for (const options of ['', 'WITH (FORMAT csv, HEADER)', 'WITH (FORMAT binary)']) {
      await alike(`CREATE TABLE copied (LIKE shop.orders);
\\copy (SELECT * FROM shop.orders) TO '${file}' ${options}
\\copy copied FROM '${file}' ${options}
SELECT count(*), sum(total) FROM copied;
\\copy (SELECT id, total FROM shop.orders ORDER BY id LIMIT 3) TO STDOUT WITH (FORMAT csv)
DROP TABLE copied;\n`);
      expect(readFileSync(file).length).toBeGreaterThan(400);
    }
    const { output } = await alike(`CREATE TEMP TABLE typed (a int, b text);
COPY typed FROM STDIN;
1\tone
2\t\\N
\\.
COPY typed FROM STDIN WITH (FORMAT csv);
not a number,x
\\.
SELECT * FROM typed ORDER BY a;
COPY typed TO STDOUT;
`);
    expect(output).toContain('invalid input syntax for type integer');
  });

  it('runs \\gset, \\gexec, \\gdesc, \\crosstabview, \\if, \\watch, \\timing, \\errverbose and several lines', async () => {
    const { output } = await alike(`SELECT id AS first, name AS called FROM shop.customers
  WHERE id = 1
  \\gset
\\echo :first :'called'
SELECT format('SELECT %s AS n', n) FROM generate_series(1, 3) n \\gexec
SELECT id, name, balance FROM shop.customers \\gdesc
SELECT state, extract(year FROM placed) y, count(*) FROM shop.orders GROUP BY 1, 2 ORDER BY 1, 2 \\crosstabview
SELECT 1 AS one \\g (format=unaligned)
SELECT 1 \\; SELECT 2;
\\if :first
SELECT
  'a;b' AS "text; with ""quotes""",
  $$dollar ; quoted$$ AS b -- comment ;
;
\\endif
SELECT 1 / 0;
\\errverbose
\\x
SELECT * FROM shop.per_year;
\\set FETCH_COUNT 7
SELECT id FROM shop.orders ORDER BY id LIMIT 20;
`);
    expect(output).toContain('division by zero');
    const timed = await script(paths.open.url(), '\\timing\nSELECT 1;\n');
    expect(timed.output).toMatch(/Time: [\d.]+ ms/);
  });

  it('repeats by \\watch until it is interrupted', async () => {
    let seen = '';
    let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
    const result = await psql(paths.open.url(), [], {
      stdin: 'SELECT 41 + 1 AS n \\watch 0.05\n',
      onSpawn: (spawned) => {
        child = spawned;
      },
      onOutput: (_, text) => {
        seen += text;
        if (seen.split('42').length === 3) child?.kill('SIGINT');
      },
    });
    expect(result.stdout.split('42').length).toBeGreaterThan(2);
  });

  it('cancels by Ctrl-C and goes on', async () => {
    const began = performance.now();
    const started = Promise.withResolvers<void>();
    let interrupt = () => {};
    const running = psql(paths.open.url(), ['-f', '-'], {
      stdin: "SELECT 'begun';\nSELECT pg_sleep(60);\nSELECT 'alive';\n",
      onSpawn: (child) => {
        interrupt = () => void child.kill('SIGINT');
      },
      onOutput: (_, text) => {
        if (text.includes('begun')) started.resolve();
      },
    });
    await started.promise;
    await expect
      .poll(() => paths.server.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
      .toHaveLength(1);
    interrupt();
    const { stderr } = await running;
    expect(stderr).toContain('canceling statement due to user request');
    expect(await paths.server.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).toEqual(
      [],
    );
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it('keeps the rules of transactions after an error', async () => {
    const { output } = await alike(`BEGIN;
CREATE TABLE kept (a int PRIMARY KEY);
SAVEPOINT s;
INSERT INTO kept VALUES (1), (1);
SELECT 1;
ROLLBACK TO s;
INSERT INTO kept VALUES (2);
COMMIT;
SELECT * FROM kept;
BEGIN; SELECT nonsense; COMMIT;
SELECT 'x'::int;
SELECT 1; SELECT syntax error; SELECT 2;
DROP TABLE kept;
`);
    expect(output).toContain('current transaction is aborted');
    expect(output).toContain('ROLLBACK');
  });

  it('runs a file in one transaction, stops at errors, and rolls single statements back', async () => {
    const file = join(dir, 'one.sql');
    writeFileSync(file, 'CREATE TABLE once (a int);\nINSERT INTO once VALUES (1);\nSELECT broken;\n');
    const failed = await alike('', ['-1', '-v', 'ON_ERROR_STOP=1', '-f', file]);
    expect(failed.code).toBe(3);
    expect(await paths.server.query("SELECT 1 FROM pg_class WHERE relname = 'once'", 'shop')).toEqual([]);
    const { output } = await alike(
      'BEGIN;\nCREATE TEMP TABLE kept (a int);\nSELECT broken;\nINSERT INTO kept VALUES (1);\nSELECT * FROM kept;\nCOMMIT;\nSELECT count(*) FROM kept;\n',
      ['-v', 'ON_ERROR_ROLLBACK=on'],
    );
    expect(output).not.toContain('aborted');
  });

  it('reads and writes large objects with \\lo_import, \\lo_export and \\lo_unlink', async () => {
    const file = join(dir, 'large');
    writeFileSync(file, Buffer.alloc(300_000, 'large '));
    const { output } = await script(
      paths.open.url(),
      `\\lo_import '${file}' 'made here'\n\\lo_export :LASTOID '${file}.out'\n\\lo_list\n\\lo_unlink :LASTOID\n`,
    );
    expect(output).toContain('made here');
    expect(readFileSync(`${file}.out`).equals(readFileSync(file))).toBe(true);
    const agent = await script(
      paths.agent.url(),
      `\\lo_export 4711 '${file}.agent'\n\\lo_unlink 4711\n\\lo_import '${file}'\n`,
    );
    expect(readFileSync(`${file}.agent`)).toHaveLength(12_000);
    expect(agent.output.match(/no rule of the policy allows it/g)).toHaveLength(2);
    expect(await paths.server.query('SELECT 1 FROM pg_largeobject_metadata', 'shop')).toHaveLength(1);
  });

  it('shows an agent masked rows, blocks its writes, and goes on', async () => {
    const { output, code } = await script(
      paths.agent.url(),
      `SELECT id, ssn, card_number AS harmless, name FROM shop.customers ORDER BY id LIMIT 2;
COPY (SELECT ssn, name FROM shop.customers ORDER BY id LIMIT 1) TO STDOUT;
\\copy shop.customers TO STDOUT
DELETE FROM shop.orders WHERE id = 100;
SELECT count(*) FROM shop.orders;
`,
    );
    expect(output).not.toMatch(/4242424242424242|912-11-/);
    expect(output).toContain('Name 2');
    expect(output).toContain('no rule of the policy allows it: DELETE shop.orders');
    expect(output).toMatch(/\n +400\n/);
    expect(code).toBe(0);
  });

  it('shows notices, NOTIFY, and what SHOW and SET say', async () => {
    const { output } =
      await alike(`DO $$ BEGIN RAISE NOTICE 'from %', 'inside'; RAISE WARNING 'careful'; END $$;
SET statement_timeout = '5s';
SHOW statement_timeout;
SET application_name = 'other';
SHOW application_name;
SET TIME ZONE 'Asia/Tokyo';
SELECT '2026-01-01 00:00+00'::timestamptz;
SET LOCAL work_mem = '1MB';
PREPARE q (int) AS SELECT $1 + 1;
EXECUTE q(1);
DEALLOCATE q;
EXPLAIN (COSTS OFF) SELECT * FROM shop.customers WHERE id = 1;
BEGIN; DECLARE c CURSOR FOR SELECT id FROM shop.orders ORDER BY id; FETCH 2 FROM c; MOVE 3 FROM c; FETCH c; CLOSE c; END;
CALL shop.clean();
TABLE shop.child;
VALUES (1, 'a'), (2, NULL);
`);
    expect(output).toContain('NOTICE:  from inside');
  });

  it.each([
    ['\\password', "\\set x 'y'\n\\echo :x\n"],
    ['a text without an end', "SELECT 'open"],
    ['an empty query', ';\n;;\n'],
    ['unicode', "SELECT 'snow ☃ 雪 🏔' AS \"ключ\", U&'\\00e4' AS u;\n"],
    ['a long text', `SELECT length('${'long '.repeat(40_000)}');\n`],
    ['many columns', `SELECT ${Array.from({ length: 1600 }, (_, i) => i).join(', ')};\n`],
    ['many rows', 'SELECT g, repeat(g::text, 3) FROM generate_series(1, 20000) g;\n'],
    ['no columns', 'SELECT FROM shop.child;\n'],
  ])('treats %s alike', async (_, text) => {
    await alike(text, ['-A']);
  });
});

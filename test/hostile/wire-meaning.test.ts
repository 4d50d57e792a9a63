import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  bindMessage,
  closeMessage,
  describeMessage,
  executeMessage,
  FLUSH,
  parseMessage,
  queryMessage,
  SYNC,
} from '../../src/protocols/postgres/codec/frontend-builders.ts';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { errorsOf, loginOf, rowsOf, statusOf, tagsOf, typesOf, WireClient } from '../servers/wire-client.ts';

const CARD = '4242424242424242';
const MAIL = 'ana@example.test';

/** What a careless owner might write: everything that is not a write of the shop is free. */
const POLICY = `
version: 1
default: block
rules:
  - name: shop-writes
    effects: [write]
    tables: ["public.*"]
    decision: approve
  - name: reads
    effects: [read, session]
    decision: allow
  - name: scratch
    effects: [write, ddl]
    tables: ["scratch.*", "newer.*", "pg_temp.*"]
    decision: allow
  - name: scratch-names
    effects: [ddl]
    commands: ["CREATE SCHEMA", "DROP SCHEMA", "CREATE FUNCTION", "DROP TABLE", "CREATE TEMP TABLE"]
    decision: allow
masks:
  - name: cards
    columns: ["public.customers.card_number"]
    strategy: redact
  - name: mails
    detect: [email]
    strategy: redact
`;

let server: TestPostgres;
let gateway: TestGateway;
let client: WireClient;

beforeAll(async () => {
  server = await startPostgres();
  await server.createRole('app', 'app-password');
  await server.query(`
    CREATE TABLE customers (id int PRIMARY KEY, name text, card_number text, note text);
    INSERT INTO customers VALUES (1, 'Ana', '${CARD}', '${MAIL}');
    CREATE VIEW cards AS SELECT id, card_number AS pan FROM customers;
    CREATE SCHEMA scratch AUTHORIZATION app;
    CREATE TABLE scratch.customers (id int, name text, card_number text, note text);
    ALTER TABLE scratch.customers OWNER TO app;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT CREATE ON DATABASE postgres TO app;`);
});
afterAll(() => server?.stop());

beforeEach(async () => {
  gateway = await TestGateway.start(server.url('app', 'app-password'), { policy: POLICY });
  client = await WireClient.login(loginOf(gateway.url()));
});
afterEach(async () => {
  client?.destroy();
  await gateway?.stop();
  await server.query(`DELETE FROM customers WHERE id <> 1`);
});

const run = (sql: string) => client.send(queryMessage(sql)).untilReady();
async function runs(...statements: string[]): Promise<void> {
  for (const sql of statements) {
    const answer = await run(sql);
    expect([sql, errorsOf(answer)]).toEqual([sql, []]);
  }
}
/** Parse, Bind and Execute of the unnamed statement. */
const extended = (sql: string) => [parseMessage('', sql), bindMessage({}), executeMessage('')];
const customers = async () => (await server.query('SELECT count(*)::int AS n FROM public.customers'))[0]?.n;
function neverShown(...secrets: string[]): void {
  for (const secret of secrets) expect(gateway.shown().includes(secret)).toBe(false);
}

describe('a name that means something else by now', () => {
  it('is told from another that PostgreSQL takes for the same: names end at 63 bytes', async () => {
    const name = 'n'.repeat(63);
    const answer = await client.send(parseMessage(`${name}1`, 'SELECT 1'), SYNC).untilReady();
    expect(errorsOf(answer)).toEqual(['42622']);
    for (const message of [
      closeMessage('statement', `${name}2`),
      parseMessage(`${name}3`, 'DELETE FROM customers'),
      bindMessage({ statement: `${name}1` }),
      bindMessage({ portal: `${name}1` }),
      describeMessage('portal', `${name}1`),
      executeMessage(`${name}1`),
    ]) {
      expect(errorsOf(await client.send(message, SYNC).untilReady())).toEqual(['42622']);
    }
    await client.send(parseMessage(name, 'SELECT 1'), bindMessage({ statement: name }), SYNC).untilReady();
    expect(await customers()).toBe(1);
  });

  it('masks a FETCH of a cursor opened anew under the old name, prepared once', async () => {
    await runs('BEGIN', 'DECLARE c CURSOR FOR SELECT name FROM customers');
    await client
      .send(parseMessage('f', 'FETCH ALL FROM c'), bindMessage({ statement: 'f' }), executeMessage(''), SYNC)
      .untilReady();
    await runs('CLOSE c', 'DECLARE c CURSOR FOR SELECT card_number FROM customers');
    const answer = await client.send(bindMessage({ statement: 'f' }), executeMessage(''), SYNC).untilReady();
    expect(rowsOf(answer)).toHaveLength(1);
    neverShown(CARD);
  });

  it('does not run a portal bound to FETCH once its cursor is another', async () => {
    await runs('BEGIN', 'DECLARE c CURSOR FOR SELECT name FROM customers');
    await client
      .send(
        parseMessage('', 'FETCH ALL FROM c'),
        bindMessage({ portal: 'p' }),
        describeMessage('portal', 'p'),
        SYNC,
      )
      .untilReady();
    await runs('CLOSE c', 'DECLARE c CURSOR FOR SELECT pan FROM cards');
    await client.send(executeMessage('p'), SYNC).untilReady();
    neverShown(CARD);
  });

  it('judges FETCH by the cursor that an earlier message of the same pipeline opens', async () => {
    await runs('BEGIN');
    await client
      .send(
        parseMessage('a', 'SELECT name FROM customers'),
        bindMessage({ portal: 'c', statement: 'a' }),
        SYNC,
      )
      .untilReady();
    const answer = await client
      .send(
        closeMessage('portal', 'c'),
        parseMessage('b', 'SELECT pan FROM cards'),
        bindMessage({ portal: 'c', statement: 'b' }),
        ...extended('FETCH ALL FROM c'),
        SYNC,
      )
      .untilReady();
    expect(rowsOf(answer)).toHaveLength(1);
    neverShown(CARD);
  });

  it('judges EXECUTE by the statement that an earlier message of the same pipeline prepares', async () => {
    await client.send(parseMessage('s', 'SELECT name FROM customers'), SYNC).untilReady();
    client.send(
      closeMessage('statement', 's'),
      parseMessage('s', 'DELETE FROM customers'),
      ...extended('EXECUTE s'),
      SYNC,
    );
    expect(await Promise.race([gateway.nextHold(), client.untilReady()])).toHaveProperty('card');
    expect(await customers()).toBe(1);
  });

  it('sees through an EXECUTE prepared under a name of its own', async () => {
    await client
      .send(parseMessage('bar', 'SELECT name FROM customers'), parseMessage('foo', 'EXECUTE bar'), SYNC)
      .untilReady();
    await client
      .send(closeMessage('statement', 'bar'), parseMessage('bar', 'DELETE FROM customers'), SYNC)
      .untilReady();
    client.send(queryMessage('EXECUTE foo'));
    expect(await Promise.race([gateway.nextHold(), client.untilReady()])).toHaveProperty('card');
    expect(await customers()).toBe(1);
  });

  it('does not run a portal bound to EXECUTE once its statement is another', async () => {
    await client.send(parseMessage('bar', 'SELECT name FROM customers'), SYNC).untilReady();
    await runs('BEGIN');
    await client.send(parseMessage('', 'EXECUTE bar'), bindMessage({ portal: 'p' }), SYNC).untilReady();
    const answer = await client
      .send(
        closeMessage('statement', 'bar'),
        parseMessage('bar', 'DELETE FROM customers'),
        executeMessage('p'),
        SYNC,
      )
      .untilReady();
    expect(errorsOf(answer)).toEqual(['42501']);
    await runs('ROLLBACK');
    expect(await customers()).toBe(1);
  });

  it('judges EXECUTE anew when the table behind it has gone', async () => {
    await runs(
      'CREATE TEMP TABLE customers (id int, name text, card_number text, note text)',
      'PREPARE w AS DELETE FROM customers',
      'DROP TABLE pg_temp.customers',
    );
    client.send(queryMessage('EXECUTE w'));
    const hold = await Promise.race([gateway.nextHold(), client.untilReady()]);
    expect(hold).toHaveProperty('card');
    expect(await customers()).toBe(1);
  });

  it('masks a computed column of EXECUTE once search_path has changed', async () => {
    await runs(
      'SET search_path = scratch',
      'PREPARE q AS SELECT upper(card_number) FROM customers',
      'SET search_path = public',
    );
    await run('EXECUTE q');
    neverShown(CARD);
  });

  it('takes the statement that was prepared, when its text prepares the name twice', async () => {
    await runs(
      'CREATE TEMP TABLE customers (id int)',
      'PREPARE d AS SELECT 1; DEALLOCATE d; PREPARE d AS DELETE FROM customers',
      'DROP TABLE pg_temp.customers',
    );
    client.send(bindMessage({ statement: 'd' }), executeMessage(''), SYNC);
    expect(await Promise.race([gateway.nextHold(), client.untilReady()])).toHaveProperty('card');
    expect(await customers()).toBe(1);
  });

  it('does not describe a statement while another may be taking its name', async () => {
    await client.send(parseMessage('s', 'SELECT note FROM customers'), SYNC).untilReady();
    await runs('BEGIN');
    await client.send(bindMessage({ portal: 'p', statement: 's' }), SYNC).untilReady();
    await client
      .send(queryMessage('DEALLOCATE s; PREPARE s AS SELECT 1'), describeMessage('statement', 's'), SYNC)
      .untilReady();
    await client.untilReady();
    const answer = await client.send(executeMessage('p'), SYNC).untilReady();
    expect(rowsOf(answer).length + errorsOf(answer).length).toBe(1);
    neverShown(MAIL);
  });

  it('searches what a FETCH brings by the types of this cursor, not of the one before', async () => {
    await runs('BEGIN', 'DECLARE c CURSOR FOR SELECT id FROM customers');
    await client
      .send(parseMessage('f', 'FETCH ALL FROM c'), describeMessage('statement', 'f'), SYNC)
      .untilReady();
    await runs('CLOSE c', 'DECLARE c CURSOR FOR SELECT note FROM customers');
    const answer = await client.send(bindMessage({ statement: 'f' }), executeMessage(''), SYNC).untilReady();
    expect(rowsOf(answer)).toHaveLength(1);
    neverShown(MAIL);
  });
});

describe('a transaction that ends and begins in one text', () => {
  const scratchOnly = async () => {
    await runs('BEGIN', 'SET LOCAL search_path = scratch', 'SELECT name FROM customers');
  };

  it('takes SET LOCAL back, also for what comes in the next message', async () => {
    await scratchOnly();
    await run('COMMIT; BEGIN');
    client.send(queryMessage('DELETE FROM customers'));
    expect(await Promise.race([gateway.nextHold(), client.untilReady()])).toHaveProperty('card');
  });

  it('takes SET LOCAL back, also for what comes in the same text', async () => {
    await scratchOnly();
    const answer = await run('COMMIT; DELETE FROM customers');
    expect(errorsOf(answer)).toEqual(['42501']);
    expect(await customers()).toBe(1);
  });

  it('takes SET back with ROLLBACK AND CHAIN', async () => {
    await runs('BEGIN', 'SET search_path = scratch', 'SELECT name FROM customers', 'ROLLBACK AND CHAIN');
    client.send(queryMessage('DELETE FROM customers'));
    expect(await Promise.race([gateway.nextHold(), client.untilReady()])).toHaveProperty('card');
  });

  it('drops the temporary table that shadowed the shop', async () => {
    await runs('BEGIN', 'CREATE TEMP TABLE customers (id int) ON COMMIT DROP', 'DELETE FROM customers');
    const answer = await run('COMMIT; DELETE FROM customers');
    expect(errorsOf(answer)).toEqual(['42501']);
    expect(await customers()).toBe(1);
  });

  it('drops it within one text too', async () => {
    await runs('CREATE TEMP TABLE anything (a int)');
    for (const end of ['COMMIT', 'ROLLBACK']) {
      await run(`BEGIN; CREATE TEMP TABLE customers (id int) ON COMMIT DROP; ${end}; DELETE FROM customers`);
      expect([end, await customers()]).toEqual([end, 1]);
      await run('ROLLBACK');
    }
  });

  it('does not believe a set_config that may never have run', async () => {
    await run(
      "SELECT set_config('search_path', 'scratch', false) FROM customers WHERE false; DELETE FROM customers",
    );
    expect(await customers()).toBe(1);
  });
});

describe('settings that change how a text is read', () => {
  it('never let standard_conforming_strings go, not even before the next Sync', async () => {
    const answer = await client
      .send(...extended('SET standard_conforming_strings = off'), FLUSH)
      .until((one) => one.type === 'C' || one.type === 'E');
    if (answer.at(-1)?.type === 'C') {
      await client.send(...extended(`SELECT '\\', card_number, ' FROM customers --'`), SYNC).untilReady();
      expect.unreachable('the setting was let through');
    }
    neverShown(CARD);
  });

  it('never let client_encoding go', async () => {
    const answer = await client
      .send(...extended("SET client_encoding = 'SJIS'"), FLUSH)
      .until((one) => one.type === 'C' || one.type === 'E');
    expect(answer.at(-1)?.type).toBe('E');
  });
});

describe('a change made by another session of the same requester', () => {
  const byAnother = async (...statements: string[]) => {
    const other = await WireClient.login(loginOf(gateway.url()));
    for (const sql of statements) {
      expect([sql, errorsOf(await other.send(queryMessage(sql)).untilReady())]).toEqual([sql, []]);
    }
    other.destroy();
  };
  afterEach(() => server.query('DROP SCHEMA IF EXISTS newer CASCADE; DROP VIEW IF EXISTS scratch.v'));

  it('of a schema that now exists is seen before the next statement is judged', async () => {
    await runs('SET search_path = newer, public', 'SELECT name FROM customers');
    await byAnother('CREATE SCHEMA newer; CREATE TABLE newer.customers (name text)');
    await runs('DELETE FROM customers');
    expect(gateway.decisions.at(-1)).toMatchObject({ text: 'DELETE FROM customers', rule: 'scratch' });
    expect(await customers()).toBe(1);
  });

  it('of a table in the way is seen in a transaction that has made objects of its own', async () => {
    await byAnother('CREATE SCHEMA newer; CREATE TABLE newer.customers (name text)');
    await runs('SET search_path = newer, public', 'BEGIN', 'CREATE TEMP TABLE mine (a int)', 'SELECT 1');
    await byAnother('DROP TABLE newer.customers');
    client.send(queryMessage('DELETE FROM customers'));
    expect(await Promise.race([gateway.nextHold(), client.untilReady()])).toHaveProperty('card');
  });

  it('of the meaning of a held statement is found when it is approved, in such a transaction too', async () => {
    await byAnother('CREATE SCHEMA newer');
    await runs('SET search_path = newer, public', 'BEGIN', 'CREATE TEMP TABLE mine (a int)', 'SELECT 1');
    client.send(queryMessage('DELETE FROM customers'));
    const hold = await gateway.nextHold();
    await server.query('CREATE TABLE newer.customers (name text); GRANT ALL ON newer.customers TO app');
    hold.approve();
    expect(errorsOf(await client.untilReady())).toEqual(['42501']);
    await run('ROLLBACK');
  });
});

describe('what one session may keep', () => {
  it('has an end for prepared statements', async () => {
    const long = `SELECT '${'x'.repeat(400_000)}'`;
    let refused: string[] = [];
    for (let i = 0; i < 100 && refused.length === 0; i++) {
      refused = errorsOf(await client.send(parseMessage(`long${i}`, long), SYNC).untilReady());
    }
    expect(refused).toEqual(['42501']);
    expect(errorsOf(await run('PREPARE one_more AS SELECT 1'))).toEqual(['42501']);
    await runs('DEALLOCATE ALL', 'PREPARE one_more AS SELECT 1');
  });
});

describe('waiting', () => {
  it('ends when the pipeline fails while the gateway asks the target', async () => {
    await client
      .send(
        ...extended('SET search_path = public'),
        FLUSH,
        describeMessage('statement', 'nothing'),
        ...extended('SELECT 1'),
        SYNC,
      )
      .untilReady();
    const answer = await run('SELECT 1');
    expect(tagsOf(answer)).toEqual(['SELECT 1']);
  });

  it('ends with one ReadyForQuery when what came before a held statement fails', async () => {
    client.send(
      ...extended('SELECT pg_sleep(0.1), 1/(id - 1) FROM customers'),
      ...extended("UPDATE customers SET name = 'x' WHERE id = 1"),
      SYNC,
    );
    const held = gateway.nextHold().then((hold) => hold.approve());
    held.catch(() => {});
    const answer = await client.untilReady();
    expect(errorsOf(answer)).toEqual(['22012']);
    expect(statusOf(answer)).toBe('idle');
    expect(typesOf(await run('SELECT 1'))).toBe('TDCZ');
    expect(gateway.decisions.filter((one) => one.outcome === 'approve')).toEqual([]);
  });
});

describe('what was approved', () => {
  const deed = (where: string) =>
    `CREATE OR REPLACE FUNCTION scratch.deed() RETURNS void LANGUAGE sql AS 'UPDATE public.customers SET name = ''x'' ${where}'`;
  const renamed = async () =>
    (await server.query("SELECT count(*)::int AS n FROM public.customers WHERE name = 'x'"))[0]?.n;
  beforeEach(async () => {
    await server.query("UPDATE customers SET name = 'Ana'; INSERT INTO customers VALUES (2, 'Ben', '', '')");
    await runs(deed('WHERE id = 1'), 'BEGIN');
  });

  /** A portal of the open transaction, approved and not yet executed. */
  async function bound(sql: string, portal = 'p'): Promise<void> {
    client.send(parseMessage('', sql), bindMessage({ portal }), SYNC);
    (await gateway.nextHold()).approve();
    expect(errorsOf(await client.untilReady())).toEqual([]);
  }

  it.each([
    ['its own session gave a function another body', () => runs(deed('WHERE id > 0'))],
    ['somebody else did', () => server.query(deed('WHERE id > 0'))],
    ['the search path is another', () => runs('SET search_path = scratch, public')],
  ])('as a Bind does not run when, before its Execute, %s', async (_, change) => {
    await bound('SELECT scratch.deed()');
    await change();
    const answer = await client.send(executeMessage('p'), SYNC).untilReady();
    expect(errorsOf(answer)).toEqual(['42501']);
    await run('ROLLBACK');
    expect(await renamed()).toBe(0);
  });

  it('as a Bind runs once, whenever its transaction executes it, a row at a time', async () => {
    await bound("UPDATE public.customers SET name = 'x' RETURNING id");
    const first = await client.send(executeMessage('p', 1), SYNC).untilReady();
    const rest = await client.send(executeMessage('p', 5), executeMessage('p'), SYNC).untilReady();
    expect([rowsOf(first).length, rowsOf(rest).length, errorsOf(rest)]).toEqual([1, 1, []]);
    await runs('COMMIT');
    expect(await renamed()).toBe(2);
    expect(gateway.decisions.filter(({ outcome }) => outcome === 'approve')).toHaveLength(1);
  });

  it('and is sent twice in a pipeline waits the second time, as do other values', async () => {
    const update = parseMessage('u', 'UPDATE public.customers SET name = $1 WHERE id = 1');
    const once = (value: string) => [
      bindMessage({ statement: 'u', parameters: [value] }),
      executeMessage(''),
    ];
    client.send(update, ...once('x'), ...once('x'), ...once('y'), SYNC);
    (await gateway.nextHold()).approve();
    const second = await gateway.nextHold();
    expect(second.card.parameters).toEqual(['x']);
    second.approve();
    const third = await gateway.nextHold();
    expect(third.card.parameters).toEqual(['y']);
    third.deny('no');
    const answer = await client.untilReady();
    expect([tagsOf(answer), errorsOf(answer)]).toEqual([['UPDATE 1', 'UPDATE 1'], ['42501']]);
  });

  it('by its name alone is shown with what the name stands for, bound anew or not', async () => {
    const prepare = (where: string) => `PREPARE p(text) AS UPDATE public.customers SET name = $1 ${where}`;
    for (const where of ['WHERE id = 1', 'WHERE id > 0']) {
      const prepared = run(prepare(where));
      (await gateway.nextHold()).approve();
      expect(errorsOf(await prepared)).toEqual([]);
      const executed = run("EXECUTE p('x')");
      const hold = await gateway.nextHold();
      expect(hold.card).toMatchObject({
        statement: "EXECUTE p('x')",
        named: [{ name: 'p', text: prepare(where) }],
      });
      hold.approve();
      expect(tagsOf(await executed)).toEqual([where.includes('=') ? 'UPDATE 1' : 'UPDATE 2']);
      await runs('DEALLOCATE p');
    }
  });

  it('inside an open transaction is shown with what that locks meanwhile', async () => {
    const update = run('UPDATE public.customers SET name = name');
    (await gateway.nextHold()).approve();
    await update;
    const next = run('DELETE FROM public.customers');
    const hold = await gateway.nextHold();
    expect(hold.card).toMatchObject({ transaction: 'open', locks: ['public.customers (RowExclusiveLock)'] });
    hold.deny('no');
    await next;
  });

  it('shows values so that text and binary cannot be taken for each other', async () => {
    client.send(parseMessage('', 'UPDATE public.customers SET name = $1 WHERE id = 1'));
    client.send(bindMessage({ parameters: ['\\x616263'] }), SYNC);
    const hold = await gateway.nextHold();
    expect(hold.card.parameters).toEqual(['\\\\x616263']);
    hold.deny('no');
    await client.untilReady();
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CARD_NUMBER, type GovernedShop, openShop, TARGET_PASSWORD } from '../servers/governed-shop.ts';
import { LAUNCHER, PASSPHRASE } from '../servers/hoopctl.ts';
import { Terminal } from '../servers/terminal.ts';

let shop: GovernedShop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop?.stop());

const open: Terminal[] = [];
beforeEach(() => shop.server.query("UPDATE customers SET plan = 'free' WHERE id = 1", 'shop'));
afterEach(() => {
  for (const terminal of open.splice(0)) terminal.close();
});

/** `hoopctl ARGS` as a person runs it: on a terminal, and not in CI. */
function terminal(args: readonly string[], token?: string, env: Record<string, string> = {}): Terminal {
  const { CI: _, ...own } = shop.hoopctl.env({ ...(token === undefined ? {} : { token }) });
  const opened = new Terminal(process.execPath, [LAUNCHER, ...args], {
    env: { ...own, PAGER: 'cat', ...env },
  });
  open.push(opened);
  return opened;
}

/** The same through a shell, for pipes. */
function shell(script: string, token: string): Terminal {
  const { CI: _, ...own } = shop.hoopctl.env({ token });
  const opened = new Terminal('/bin/sh', ['-c', script], {
    env: { ...own, NODE: process.execPath, HOOPCTL: LAUNCHER },
  });
  open.push(opened);
  return opened;
}

/** psql with its prompt shown, as devin. */
async function agent(): Promise<Terminal> {
  const psql = terminal(['connect', 'prod-db'], shop.devin);
  await psql.shows('shop=> ');
  return psql;
}

/** Types a write and returns the id that its notice names. */
async function ask(psql: Terminal, statement: string): Promise<string> {
  psql.type(`${statement}\n`);
  const [, id = ''] = await psql.shows(/needs approval: (ap-\w+)/);
  return id;
}

const UPDATE = "UPDATE customers SET plan = 'pro' WHERE id = 1;";

describe('the golden path on two terminals', () => {
  test('a connection is added with a password that nobody sees', async () => {
    const add = terminal(['connection', 'add', 'again', '--url', shop.url]);
    await add.shows('Password for app:');
    add.type(`${TARGET_PASSWORD}\r`);
    await add.shows(/again: PostgreSQL [\d.]+.* reached without TLS in \d+ ms\. Credential stored in/);
    await add.shows('Next: hoopctl connect again');
    expect(await add.exited).toBe(0);
    expect(add.text).not.toContain(TARGET_PASSWORD);
    await shop.hoopctl.ok(['connection', 'remove', 'again', '--yes']);
  });

  test('a masked read, a write that waits, the card and the yes elsewhere, a blocked DROP', async () => {
    const psql = await agent();
    expect(psql.text).toMatch(/psql \([\d.]+.*\) · session s-\w+ · recorded · policy "policy\.yaml/);
    const [, session = ''] = /session (s-\w+)/.exec(psql.text) ?? [];

    psql.type('SELECT id, email, card_number FROM customers WHERE id = 1;\n');
    await psql.shows('(1 row)');
    expect(psql.text).toContain('4242');
    expect(psql.text).not.toContain(CARD_NUMBER);

    const id = await ask(psql, UPDATE);
    await psql.shows(/DETAIL:.*writes-need-approval.*asked of group dba/);
    await psql.shows(`hoopctl approve ${id}`);
    const approver = terminal(['approve', id], shop.ana);
    const [card] = await approver.shows(/[\s\S]*Approve this statement\? \(y\/N\)/);
    for (const line of [
      new RegExp(`${id} · waiting 00:\\d\\d · expires in 1[45]:\\d\\d`),
      new RegExp(`who +devin \\(machine, group agents\\) · session ${session} · from 127\\.0\\.0\\.1`),
      /where +prod-db · PostgreSQL 127\.0\.0\.1:\d+\/shop as app · inside no transaction/,
      /what +UPDATE customers SET plan = 'pro' WHERE id = 1/,
      /effect +write: public\.customers\(plan\) · planner expects 1 row/,
      /rule +writes-need-approval/,
    ]) {
      expect(card).toMatch(line);
    }
    expect(await shop.plan()).toBe('free');
    approver.type('y\r');
    await approver.shows('Approver passphrase:');
    expect(await shop.plan()).toBe('free');
    approver.type(`${PASSPHRASE}\r`);
    await approver.shows(new RegExp(`${id} approved`));
    expect(await approver.exited).toBe(0);
    expect(approver.text).not.toContain(PASSPHRASE);
    await psql.shows('NOTICE:  hoopctl: approved by ana');
    await psql.shows('UPDATE 1');
    expect(await shop.plan()).toBe('pro');

    psql.type('DROP TABLE customers;\n');
    await psql.shows('ERROR:  hoopctl: blocked by rule "no-destructive-ddl": DROP TABLE public.customers');
    await psql.shows('HINT:');
    psql.type('SELECT 41 + 1 AS alive;\n');
    await psql.shows(/alive[\s\S]*42/);
    psql.type('\\q\n');
    expect(await psql.exited).toBe(0);

    const replay = await shop.hoopctl.ok(['replay', session, '--no-wait']);
    expect(replay.stdout).toContain('UPDATE 1');
    expect(replay.stdout).not.toContain(CARD_NUMBER);
    await shop.hoopctl.ok(['audit', 'verify']);
  });

  test('Ctrl-C in psql withdraws the request, and the session goes on', async () => {
    const psql = await agent();
    const id = await ask(psql, UPDATE);
    await psql.shows('HINT:');
    psql.type('\x03');
    await psql.shows(`${id} was withdrawn`);
    psql.type('SELECT 41 + 1 AS alive;\n');
    await psql.shows(/alive[\s\S]*42/);
    const late = await shop.hoopctl.approve(id, { token: shop.ana });
    expect(late).toMatchObject({ code: 9, stderr: expect.stringContaining('withdrawn') });
    expect(await shop.plan()).toBe('free');
  });

  test('a daemon that stops tells psql, and runs nothing that waits', async () => {
    const psql = await agent();
    await ask(psql, UPDATE);
    await shop.hoopctl.ok(['daemon', 'stop']);
    await psql.shows(/FATAL:.*hoopctl/);
    expect(await shop.plan()).toBe('free');
    await shop.hoopctl.ok(['daemon', 'start']);
  });
});

describe('the approver’s prompt', () => {
  test('is not answered by what was typed before it was shown', async () => {
    const psql = await agent();
    const id = await ask(psql, UPDATE);
    const approver = terminal(['approve', id], shop.ana);
    approver.type('y\ry\ry\r');
    await approver.shows('Approve this statement? (y/N)');
    approver.type('\r');
    expect(await approver.exited).toBe(8);
    expect(approver.text).not.toContain('Approver passphrase:');
    expect(await shop.pending()).toEqual([id]);
  });

  test('is not answered by `yes |`, nor is the passphrase', async () => {
    const psql = await agent();
    const id = await ask(psql, UPDATE);
    const piped = shell(`yes | "$NODE" "$HOOPCTL" approve ${id}`, shop.ana);
    await piped.shows('Approve this statement? (y/N)');
    piped.type('n\r');
    await piped.exited;
    expect(piped.text).toContain('still waits');
    const sure = shell(`yes | "$NODE" "$HOOPCTL" approve ${id} --yes`, shop.ana);
    await sure.shows('Approver passphrase:');
    sure.type('\x03');
    expect(await sure.exited).toBe(130);
    const guess = shell(`yes | "$NODE" "$HOOPCTL" approve ${id} --yes --passphrase-stdin`, shop.ana);
    await guess.shows('the approver passphrase is wrong');
    expect(await guess.exited).toBe(5);
    expect(await shop.pending()).toEqual([id]);
    expect(await shop.plan()).toBe('free');
  });

  test('comes after the whole of a long statement, a page at a time, or not at all', async () => {
    const psql = await agent();
    const lines = Array.from({ length: 120 }, (_, i) => `-- line ${i}`).join('\n');
    const id = await ask(psql, `${UPDATE.slice(0, -1)}\n${lines}\n;`);
    const hurried = terminal(['approve', id], shop.ana);
    await hurried.shows(/\d+ more lines: space goes on, q stops/);
    expect(hurried.text).not.toContain('Approve this statement?');
    hurried.type('q');
    expect(await hurried.exited).toBe(8);
    const patient = terminal(['approve', id], shop.ana);
    for (let page = 1; page < 3; page++) {
      await patient.shows(/\d+ more lines: space goes on, q stops/);
      patient.type(' ');
    }
    await patient.shows('Approve this statement? (y/N)');
    expect(patient.text).toContain('line 119');
    patient.type('n\r');
    expect(await patient.exited).toBe(8);
    expect(await shop.plan()).toBe('free');
  });

  test('of --watch comes with each request and takes a key', async () => {
    const watch = terminal(['approvals', '--watch'], shop.ana);
    await watch.shows('nothing is waiting');
    const psql = await agent();
    const denied = await ask(psql, UPDATE);
    await watch.shows(new RegExp(`${denied} · waiting[\\s\\S]*q quit:`));
    watch.type('d');
    await watch.shows('Reason');
    watch.type('not today\r');
    await watch.shows('Approver passphrase:');
    watch.type(`${PASSPHRASE}\r`);
    await psql.shows(/DETAIL: +not today/);

    const approved = await ask(psql, UPDATE);
    await watch.shows(new RegExp(`${approved} · waiting[\\s\\S]*q quit:`));
    watch.type('a');
    await watch.shows('Approver passphrase:');
    watch.type(`${PASSPHRASE}\r`);
    await psql.shows('UPDATE 1');
    await watch.shows('nothing is waiting');
    watch.type('\x03');
    expect(await watch.exited).toBe(130);
    expect(await shop.plan()).toBe('pro');
  });
});

describe('a terminal', () => {
  test('is left as it was when a question is ended by a signal or a stopping daemon', async () => {
    const psql = await agent();
    const id = await ask(psql, UPDATE);
    const asked = `"$NODE" "$HOOPCTL" approve ${id} & echo "pid $!"; wait $!; echo "code $?"; stty -a; echo END`;
    const approver = shell(asked, shop.ana);
    const [, pid] = await approver.shows(/pid (\d+)/);
    await approver.shows('Approve this statement? (y/N)');
    process.kill(Number(pid), 'SIGTERM');
    const [after] = await approver.shows(/code \d+[\s\S]*END/);
    expect(after).toContain('code 143');
    expect(after).toMatch(/ icanon/);
    expect(after).toMatch(/ echo /);

    const watches = [
      terminal(['approvals', '--watch'], shop.ana),
      terminal(['approvals', '--watch', '--json'], shop.ana),
    ];
    await Promise.all([watches[0]?.shows('q quit:'), watches[1]?.shows(id)]);
    await shop.hoopctl.ok(['daemon', 'stop']);
    expect(await Promise.all(watches.map(({ exited }) => exited))).toEqual([3, 3]);
    expect(watches[0]?.text).toMatch(/the daemon ended the watch[\s\S]*hoopctl daemon status/);
    await shop.hoopctl.ok(['daemon', 'start']);
  });

  test('gets colour, unless NO_COLOR or --no-color says otherwise', async () => {
    const coloured = terminal(['doctor']);
    const plain = [terminal(['doctor'], undefined, { NO_COLOR: '1' }), terminal(['doctor', '--no-color'])];
    await Promise.all([coloured.exited, ...plain.map(({ exited }) => exited)]);
    expect(coloured.bytes).toContain('\x1b[32m');
    for (const { bytes } of plain) expect(bytes).not.toMatch(/\x1b\[[\d;]*m/);
  });

  test('is asked nothing under --no-input: exit 2 names the flag', async () => {
    const asked = [
      [['connection', 'remove', 'prod-db', '--no-input'], '--yes'],
      [['identity', 'revoke', 'ben', '--no-input'], '--yes'],
      [['connection', 'add', 'other', '--no-input'], '--url'],
      [['deny', 'ap-00000', '--no-input'], '--reason'],
    ] as const;
    for (const [args, flag] of asked) {
      const ran = terminal(args);
      expect([args, await ran.exited]).toEqual([args, 2]);
      expect(ran.text).toContain(flag);
    }
  });
});

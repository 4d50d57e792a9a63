import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { shopTables } from '../../src/demo/shop-rows.ts';
import { LAUNCHER } from '../servers/hoopctl.ts';
import { psql, run } from '../servers/psql.ts';

const DEADLINE = 60_000;

/** Below it the demo makes its directory, so that a test sees what is left. */
let place: string;
/** The user's own state directory, which the demo must leave alone. */
let userState: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'hoopctl-d-'));
  // The sample server runs as another user when the tests run as root, and must be able to pass.
  mkdirSync(join(place, 'tmp'));
  chmodSync(place, 0o711);
  chmodSync(join(place, 'tmp'), 0o711);
  userState = join(place, 'own-state');
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const env = () => ({
  TMPDIR: join(place, 'tmp'),
  HOME: place,
  HOOPCTL_HOME: userState,
  HOOPCTL_TOKEN: 'not-the-demos',
});
const leftovers = () => readdirSync(join(place, 'tmp'));

/** Command lines that are still running and name a directory. Where there is no /proc, none are seen. */
function processesNaming(dir: string): string[] {
  if (!existsSync('/proc/self/cmdline')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return [];
      }
    })
    .filter((line) => line.includes(dir));
}

/** What the README says that the demo prints: statements, refusals, results and who does what. */
function goldenPath(): string[] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const block = readme.slice(readme.indexOf('## The golden path'), readme.indexOf('## On your own database'));
  const lines = block.split('\n').flatMap((line) => (line.startsWith('    ') ? [line.slice(4)] : []));
  return lines.filter((line) => /^(\[\d|shop=>|NOTICE|DETAIL|ERROR|UPDATE| +\d| +[✔a-z]+ )/.test(line));
}

/** Without what differs from run to run: ids, ports, times, places. */
function withoutTheRun(line: string): string {
  return line
    .replaceAll(/\b(ap|s)-[0-9a-z]{5,}/g, '$1-ID')
    .replaceAll(/(127\.0\.0\.1):\d+/g, '$1:PORT')
    .replaceAll(/\d{4}-\d\d-\d\dT\S+Z/g, 'TIME')
    .replaceAll(/\d\d:\d\d|\d+ ms/g, 'N')
    .replaceAll(/\b[0-9a-f]{16}\b/g, 'HASH')
    .trimEnd();
}

test('the demo shows the whole job without a terminal and leaves nothing behind', {
  timeout: DEADLINE,
}, async () => {
  const started = performance.now();
  const { code, stdout, stderr } = await run(process.execPath, [LAUNCHER, 'demo'], {
    env: env(),
    deadline: DEADLINE,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(performance.now() - started).toBeLessThan(30_000);

  const order = [
    /connection add prod-db/,
    /select id, name, email, card_number/,
    /NOTICE: {2}hoopctl: this write needs approval: ap-\w+/,
    /ana\$ hoopctl approve ap-\w+/,
    /^UPDATE 1$/m,
    /ERROR: {2}hoopctl: blocked by rule "no-destructive-ddl"/,
    /shop=> select count/,
    /hoopctl replay s-\w+/,
    /hoopctl audit verify/,
    /All of it happened/,
  ].map((pattern) => stdout.search(pattern));
  expect(order).toEqual([...order].sort((a, b) => a - b));
  expect(order[0]).toBeGreaterThan(-1);

  expect(stdout.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
  const printed = new Set(stdout.split('\n').map(withoutTheRun));
  expect(goldenPath().filter((line) => !printed.has(withoutTheRun(line)))).toEqual([]);

  const [, , email, , card, ssn, key] = shopTables()[0]?.rows[0] ?? [];
  for (const secret of [email, card, ssn, key]) expect(stdout).not.toContain(secret);
  expect(leftovers()).toEqual([]);
  expect(processesNaming(place)).toEqual([]);
  expect(existsSync(userState)).toBe(false);
});

test('the demo of a machine shows the same job over SSH and leaves nothing behind', {
  timeout: DEADLINE,
}, async () => {
  const started = performance.now();
  const { code, stdout, stderr } = await run(process.execPath, [LAUNCHER, 'demo', '--ssh'], {
    env: env(),
    deadline: DEADLINE,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(performance.now() - started).toBeLessThan(30_000);
  const order = [
    /connection add web-1/,
    /host known by ssh-ed25519\/SHA256:/,
    /GET \/checkout 200/,
    /this write command needs approval: ap-\w+/,
    /ana\$ hoopctl approve ap-\w+/,
    /hoopctl: approved by ana/,
    /blocked by rule "no-removals": rm -f/,
    /blocked by rule "no-keys-by-sftp"/,
    /hoopctl replay s-\w+/,
    /hoopctl audit verify/,
    /All of it happened/,
  ].map((pattern) => stdout.search(pattern));
  expect(order).toEqual([...order].sort((a, b) => a - b));
  expect(order[0]).toBeGreaterThan(-1);
  expect(stdout.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
  expect(stdout).not.toContain('omar.haddad@');
  expect(leftovers()).toEqual([]);
  expect(processesNaming(place)).toEqual([]);
});

test('--keep leaves it running for two terminals, and its stop script removes it', {
  timeout: DEADLINE,
}, async () => {
  const kept = await run(process.execPath, [LAUNCHER, 'demo', '--keep'], { env: env(), deadline: DEADLINE });
  expect(kept.code).toBe(0);
  const dir = join(place, 'tmp', leftovers()[0] ?? '');
  try {
    expect(kept.stdout).toContain(`${dir}/stop`);
    for (const name of ['devin.env', 'ana.env', 'passphrase']) {
      expect(statSync(join(dir, name)).mode & 0o777, name).toBe(0o600);
    }
    const token = /HOOPCTL_TOKEN='([^']+)'/.exec(readFileSync(join(dir, 'devin.env'), 'utf8'))?.[1] ?? '';
    expect(kept.stdout).not.toContain(token);
    const asked = await run('sh', [
      '-c',
      `. '${dir}/devin.env' && hoopctl exec prod-db -c 'select plan from customers where id = 1'`,
    ]);
    expect(asked.stdout).toMatch(/\bpro\b/);
  } finally {
    const stopped = await run(join(dir, 'stop'), []);
    expect(stopped.code).toBe(0);
  }
  expect(leftovers()).toEqual([]);
  expect(processesNaming(place)).toEqual([]);
});

test('Ctrl-C in the middle ends what was started and says so by its exit code', {
  timeout: DEADLINE,
}, async () => {
  let url = '';
  const { code } = await run(process.execPath, [LAUNCHER, 'demo'], {
    env: env(),
    deadline: DEADLINE,
    onSpawn: (child) => {
      child.stdout?.on('data', (text: string) => {
        url ||= /postgres:\/\/app_rw@\S+/.exec(text)?.[0] ?? '';
        if (text.includes('connection add')) child.kill('SIGINT');
      });
    },
  });
  expect(code).toBe(130);
  expect(leftovers()).toEqual([]);
  expect(processesNaming(place)).toEqual([]);
  const knock = await psql(url, ['-c', 'select 1']);
  expect(knock.stderr).toMatch(/refused/);
});

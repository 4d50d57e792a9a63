import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectClient, type GovernedShop, openShop, TARGET_PASSWORD } from '../servers/governed-shop.ts';
import { LAUNCHER, PASSPHRASE } from '../servers/hoopctl.ts';
import { Terminal } from '../servers/terminal.ts';

let shop: GovernedShop;
/** All that any command printed. */
let printed = '';
/** Processes as `ps` shows them while psql, a proxy and the daemon run: words and environment. */
let processes: readonly { readonly pid: number; readonly words: string; readonly environment: string }[];
let endpointPassword: string;
let daemon: number;

const files = (dir: string): string[] =>
  readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    const found = lstatSync(path);
    return found.isDirectory() ? files(path) : found.isFile() ? [path] : [];
  });

function running(): typeof processes {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'latin1');
      const environment = readFileSync(`/proc/${name}/environ`, 'latin1');
      // The environment names the user's home, which is this test's own.
      const ours = environment.includes(join(shop.hoopctl.home, '..'));
      return ours ? [{ pid: Number(name), words, environment }] : [];
    } catch {
      return [];
    }
  });
}

beforeAll(async () => {
  shop = await openShop();
  const { hoopctl } = shop;
  const keep = ({ stdout, stderr }: { stdout: string; stderr: string }) => {
    printed += stdout + stderr;
  };
  // The daemon of a user whose shell holds a token: it must not inherit that.
  keep(await hoopctl.run(['daemon', 'stop']));
  keep(await hoopctl.run(['daemon', 'start'], { token: shop.devin }));
  daemon = (await hoopctl.daemonPid()) ?? 0;

  const proxy = await hoopctl.proxy('prod-db', { token: shop.devin });
  const { client, nextApproval } = await connectClient(proxy.url);
  const update = client.query("UPDATE customers SET plan = 'pro' WHERE id = 1");
  keep(await hoopctl.approve(await nextApproval(), { token: shop.ana }));
  await update;
  const psql = new Terminal(process.execPath, [LAUNCHER, 'connect', 'prod-db'], {
    env: hoopctl.env({ token: shop.devin }),
  });
  await psql.shows('shop=> ');
  processes = running();
  endpointPassword = proxy.password;
  psql.type('\\q\n');
  await psql.exited;
  await client.end();
  printed += psql.text + proxy.stderr();
  keep(
    await hoopctl.run(['connection', 'add', 'wrong', '--url', shop.url, '--password-stdin'], {
      stdin: 'no-such-password-5\n',
    }),
  );
  keep(await hoopctl.run(['proxy', 'prod-db'], { token: `${shop.devin}x` }));
  const looks = [
    ...[
      ['connection', 'list', '--json'],
      ['connection', 'show', 'prod-db'],
      ['connection', 'test', 'prod-db'],
    ],
    ...[
      ['identity', 'list', '--json'],
      ['daemon', 'status'],
      ['daemon', 'logs'],
      ['doctor'],
      ['audit', 'export'],
    ],
    ...[['approvals', '--all', '--json'], ['session', 'list', '--json'], ['whoami']],
  ];
  for (const args of looks) keep(await hoopctl.run(args));
});
afterAll(() => shop?.stop());

const secrets = () => ({
  'the target’s password': TARGET_PASSWORD,
  'a wrong password of the target': 'no-such-password-5',
  'the requester’s token': shop.devin,
  'an approver’s token': shop.ana,
  'the endpoint’s password': endpointPassword,
  'the approver passphrase': PASSPHRASE,
});

describe('no secret is in clear', () => {
  test('in a file of the state directory; the owner’s own token lies in owner.token alone', () => {
    const owner = readFileSync(join(shop.hoopctl.home, 'owner.token'), 'utf8').trim();
    const found = files(shop.hoopctl.home).flatMap((file) => {
      const content = readFileSync(file, 'latin1');
      const here = Object.entries(secrets()).filter(([, secret]) => content.includes(secret));
      const token = content.includes(owner) && !file.endsWith('/owner.token');
      return [
        ...here.map(([name]) => `${name} in ${file}`),
        ...(token ? [`the owner’s token in ${file}`] : []),
      ];
    });
    expect(found).toEqual([]);
  });

  test('in what commands print', () => {
    const found = Object.entries(secrets()).filter(([, secret]) => printed.includes(secret));
    expect(found.map(([name]) => name)).toEqual([]);
  });

  test.skipIf(process.platform !== 'linux')('in the words of any process', () => {
    expect(processes.length).toBeGreaterThanOrEqual(4);
    const found = processes.flatMap(({ words }) =>
      Object.entries(secrets()).flatMap(([name, secret]) =>
        words.includes(secret) ? [`${name}: ${words}`] : [],
      ),
    );
    expect(found).toEqual([]);
  });

  test.skipIf(process.platform !== 'linux')(
    'in the environment of the daemon or of psql, but for psql’s own password',
    () => {
      const [theDaemon] = processes.filter(({ pid }) => pid === daemon);
      const [psql] = processes.filter(({ words }) => /^(\S*\/)?psql\0/.test(words));
      expect(theDaemon?.environment).toBeDefined();
      expect(psql?.environment).toContain('PGPASSWORD=');
      for (const secret of Object.values(secrets())) {
        expect(theDaemon?.environment).not.toContain(secret);
        expect(psql?.environment).not.toContain(secret);
      }
      expect(`${theDaemon?.environment}${psql?.environment}`).not.toContain('HOOPCTL_TOKEN');
    },
  );
});

import { spawn } from 'node:child_process';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALLOW_ALL, READ_ONLY_AGENT } from '../servers/client-paths.ts';
import { Hoopctl, type Proxy as ServedProxy } from '../servers/hoopctl.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { forgetPeak, peakMiB, residentMiB } from '../servers/process-memory.ts';
import { psql } from '../servers/psql.ts';

/** `HOOPCTL_TEST_BULK=1` moves a gigabyte each time; without it as much as shows that memory does not grow. */
const FULL = process.env.HOOPCTL_TEST_BULK !== undefined;
const MEGABYTES = FULL ? 1024 : 256;
/** What buffers, garbage of the moment and the recording may add to the daemon at any time. */
const FLAT = 96;
const DEADLINE = FULL ? 600_000 : 60_000;

let server: TestPostgres;
let hoopctl: Hoopctl;
let proxy: ServedProxy;
let daemon: number;
beforeAll(async () => {
  server = await startPostgres({ settings: { fsync: 'off' } });
  await server.query('CREATE TABLE sink (line text)');
  hoopctl = await Hoopctl.initialised();
  await hoopctl.addConnection('prod-db', server.url(), server.password);
  const token = await hoopctl.createIdentity('devin', 'requester', 'agents');
  await hoopctl.applyPolicy(ALLOW_ALL);
  proxy = await hoopctl.proxy('prod-db', { token });
  daemon = (await hoopctl.daemonPid()) ?? 0;
  // Code that has not run yet would count as growth.
  await copyOut(1);
  await copyIn(1);
});
afterAll(async () => {
  await hoopctl?.close();
  await server?.stop();
});

/** How much the daemon grew at most while this ran, in MiB. */
async function growth(run: () => Promise<unknown>): Promise<number> {
  forgetPeak(daemon);
  const before = residentMiB(daemon);
  await run();
  return peakMiB(daemon) - before;
}

/** A program that reads or writes megabytes by itself, so that this process is not in the way. */
function shell(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', URL: proxy.url };
    const child = spawn('sh', ['-c', command], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`ended with ${code}`))));
  });
}

/** Lines of 1024 bytes, as many as make that many MiB. */
const lines = (megabytes: number) =>
  `SELECT repeat('x', 1015) || lpad(n::text, 8, '0') FROM generate_series(1, ${megabytes * 1024}) n`;

const copyOut = (megabytes: number) =>
  shell(`psql -X -c "COPY (${lines(megabytes)}) TO STDOUT" "$URL" | wc -c`);
const copyIn = (megabytes: number) =>
  shell(
    `yes "$(printf 'x%.0s' $(seq 1023))" | head -n ${megabytes * 1024} | psql -X -c "COPY sink FROM STDIN WHERE line IS NULL" "$URL"`,
  );

describe('bulk data through the daemon', () => {
  it('copies out without growing', { timeout: DEADLINE }, async () => {
    const grown = await growth(async () => {
      expect((await copyOut(MEGABYTES)).trim()).toBe(String(MEGABYTES * 1024 * 1024));
    });
    expect(grown).toBeLessThan(FLAT);
  });

  it('copies in without growing', { timeout: DEADLINE }, async () => {
    const grown = await growth(() => copyIn(MEGABYTES));
    expect(grown).toBeLessThan(FLAT);
  });

  it('copies and reads rows under masks without growing', { timeout: DEADLINE }, async () => {
    await hoopctl.applyPolicy(READ_ONLY_AGENT);
    try {
      const part = MEGABYTES / 4;
      const grown = await growth(async () => {
        expect((await copyOut(part)).trim()).toBe(String(part * 1024 * 1024));
        await shell(`psql -X -A -t -v FETCH_COUNT=1000 -c "${lines(part)}" "$URL" | wc -c`);
      });
      expect(grown).toBeLessThan(FLAT);
    } finally {
      await hoopctl.applyPolicy(ALLOW_ALL);
    }
  });

  it('stops the server when a client does not read, and grows by its buffers only', async () => {
    const client = new pg.Client({ connectionString: proxy.url });
    client.on('error', () => {});
    await client.connect();
    const { stream } = (client as unknown as { connection: { stream: { pause(): void; resume(): void } } })
      .connection;
    try {
      const grown = await growth(async () => {
        const rows = client.query(lines(MEGABYTES));
        rows.catch(() => {});
        stream.pause();
        await expect
          .poll(() => server.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'ClientWrite'"))
          .toHaveLength(1);
      });
      expect(grown).toBeLessThan(FLAT);
    } finally {
      (stream as unknown as { destroy(): void }).destroy();
    }
    await expect
      .poll(() =>
        server.query(
          "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%repeat(''x''%' AND pid <> pg_backend_pid()",
        ),
      )
      .toEqual([]);
  });

  it('streams a value of hundreds of megabytes, and refuses it by a stated limit where it would be masked', {
    timeout: DEADLINE,
  }, async () => {
    const bytes = (FULL ? 1000 : 200) * 1024 * 1024;
    const value = `psql -X -A -t -c "SELECT repeat('x', ${bytes})" "$URL" | wc -c`;
    const grown = await growth(async () => {
      expect((await shell(value)).trim()).toBe(String(bytes + 1));
    });
    expect(grown).toBeLessThan(FLAT);
    await hoopctl.applyPolicy(READ_ONLY_AGENT);
    try {
      const refused = await growth(async () => {
        const { stderr } = await psql(proxy.url, ['-c', `SELECT repeat('x', ${bytes})`]);
        expect(stderr).toMatch(/message 'D' of \d+ bytes is over the limit of \d+ bytes/);
      });
      expect(refused).toBeLessThan(FLAT);
    } finally {
      await hoopctl.applyPolicy(ALLOW_ALL);
    }
  });
});

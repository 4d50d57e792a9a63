import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPostgres } from '../../src/demo/postgres-binaries.ts';
import { ALLOW_ALL, READ_ONLY_AGENT } from '../servers/client-paths.ts';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { run } from '../servers/psql.ts';

const beside = join(findPostgres(['system', 'embedded']).bin, 'pgbench');
const PROGRAM = existsSync(beside) ? beside : 'pgbench';

let server: TestPostgres;
let gateway: TestGateway;
beforeAll(async () => {
  server = await startPostgres({ settings: { fsync: 'off' } });
  gateway = await TestGateway.start(server.url(), { policy: ALLOW_ALL });
  // Fills its tables by COPY through the gateway.
  const { code, stderr } = await run(PROGRAM, ['-i', '-q', '-s', '1', gateway.url()]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await gateway?.stop();
  await server?.stop();
});

async function load(...args: string[]): Promise<void> {
  const words = ['-n', '-c', '8', '-j', '2', '-T', '1', ...args, gateway.url()];
  const { code, stdout, stderr } = await run(PROGRAM, words);
  expect(stderr).not.toMatch(/error|aborted/);
  expect(code).toBe(0);
  expect(stdout).toContain('number of failed transactions: 0 ');
  expect(Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1])).toBeGreaterThan(10);
}

describe('pgbench', () => {
  it.each(['simple', 'extended', 'prepared'])(
    'runs TPC-B with 8 clients, %s, and the books agree',
    async (mode) => {
      await load('-M', mode);
      const [sums] = await server.query(`SELECT (SELECT sum(abalance) FROM pgbench_accounts) AS accounts,
      (SELECT sum(tbalance) FROM pgbench_tellers) AS tellers, (SELECT sum(bbalance) FROM pgbench_branches) AS branches,
      (SELECT sum(delta) FROM pgbench_history) AS history`);
      expect(new Set(Object.values(sums ?? {})).size).toBe(1);
    },
  );

  it.each(['simple', 'extended', 'prepared'])(
    'reads with 8 clients, %s, under the read-only template',
    async (mode) => {
      gateway.applyPolicy(READ_ONLY_AGENT);
      try {
        await load('-S', '-M', mode);
      } finally {
        gateway.applyPolicy(ALLOW_ALL);
      }
    },
  );

  it('opens a connection for every transaction', async () => {
    await load('-S', '-C', '-M', 'simple');
  });
});

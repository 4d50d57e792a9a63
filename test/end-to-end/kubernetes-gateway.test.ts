import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterMissing, startCluster, type TestCluster } from '../servers/kubernetes.ts';
import { run } from '../servers/psql.ts';
import { openTeamGateway, type TeamGateway } from '../servers/team-gateway.ts';

const missing = clusterMissing();
if (missing !== undefined) test.skip(`tests of Kubernetes at a gateway did not run: ${missing}`, () => {});

const POLICY = `version: 1
rules: [{name: read, who: [devin], effects: [read], decision: allow}]
masks: [{name: found, detect: [email], strategy: redact}]
`;

describe.skipIf(missing !== undefined)('a cluster behind a gateway', () => {
  let cluster: TestCluster;
  let team: TeamGateway;
  let file: string;

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.api('POST', '/api/v1/namespaces/default/configmaps', {
      metadata: { name: 'site' },
      data: { mail: 'jane@example.com' },
    });
    team = await openTeamGateway();
    const { hoopctl } = team.shop;
    await hoopctl.applyPolicy(POLICY);
    await hoopctl.ok(['connection', 'add', 'prod-k8s', '--kubeconfig', cluster.kubeconfig, '--no-input']);
    file = join(team.devin.hoopctl.home, '..', 'kubeconfig');
  }, 120_000);

  afterAll(async () => {
    for (const relay of relays()) process.kill(relay.pid, 'SIGTERM');
    await team?.stop();
    await cluster?.stop();
  }, 60_000);

  function relays(): readonly { readonly pid: number; readonly port: number; readonly token: string }[] {
    const directory = join(team.devin.hoopctl.home, 'kube');
    return readdirSync(directory)
      .filter((name) => name.startsWith('relay-'))
      .flatMap((name) => {
        try {
          return [JSON.parse(readFileSync(join(directory, name), 'utf8'))];
        } catch (error) {
          // Its relay has just taken it away.
          if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
          throw error;
        }
      });
  }

  const kubectl = (args: readonly string[], env: Record<string, string> = {}) =>
    run('kubectl', args, { env: { ...team.devin.hoopctl.env(), KUBECONFIG: file, ...env } });

  test('`connect` runs kubectl through it', async () => {
    const got = await team.devin.hoopctl.ok([
      'connect',
      'prod-k8s',
      '--',
      'get',
      'configmap',
      'site',
      '-o',
      'yaml',
    ]);
    expect(got.stdout).toContain('[masked]');
  });

  test('`kubeconfig` writes a file without a credential; many clients share one relay', async () => {
    const { stdout } = await team.devin.hoopctl.ok(['kubeconfig', 'prod-k8s']);
    expect(stdout).not.toMatch(/"token"|insecure|hpt_/);
    writeFileSync(file, stdout, { mode: 0o600 });
    const got = await Promise.all(
      Array.from({ length: 4 }, () => kubectl(['get', 'configmap', 'site', '-o', 'jsonpath={.data.mail}'])),
    );
    expect(got.map((one) => one.stdout)).toEqual(Array(4).fill('[masked]'));
    expect(relays()).toHaveLength(1);
    const directory = join(team.devin.hoopctl.home, 'kube');
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o077).toBe(0);
  });

  test('a relay that is gone is started anew, at the same place', async () => {
    const [before] = relays();
    process.kill(before?.pid ?? 0, 'SIGTERM');
    for (;;) {
      if (relays().length === 0) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const got = await Promise.all(
      Array.from({ length: 3 }, () => kubectl(['get', 'configmaps', '-o', 'name'])),
    );
    for (const { stdout } of got) expect(stdout).toContain('configmap/site');
    expect(relays()).toHaveLength(1);
    expect(relays()[0]?.port).toBe(before?.port);
    expect(relays()[0]?.token).not.toBe(before?.token);
  });

  test('nobody else comes in by it: another identity gets neither its credential nor its port', async () => {
    const stranger = await kubectl(['get', 'configmaps'], { HOOPCTL_TOKEN: team.shop.ana });
    expect(stranger.code).not.toBe(0);
    expect(stranger.stdout).toBe('');
    const wrong = await kubectl(['get', 'configmaps'], { HOOPCTL_TOKEN: 'wrong' });
    expect(wrong.code).not.toBe(0);
    expect(wrong.stdout).toBe('');
  });
});

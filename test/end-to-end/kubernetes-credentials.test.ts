import { chmodSync, mkdirSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testConnection } from '../../src/protocols/kubernetes/connection-test.ts';
import { parseConnection } from '../../src/protocols/kubernetes/connection-url.ts';
import { type Proxy as HeldProxy, Hoopctl } from '../servers/hoopctl.ts';
import { ask, type Place, raw } from '../servers/kube-client.ts';
import { clusterMissing, startCluster, type TestCluster } from '../servers/kubernetes.ts';

const missing = clusterMissing();
if (missing !== undefined) test.skip(`tests of Kubernetes credentials did not run: ${missing}`, () => {});

const POLICY = `version: 1
rules:
  - {name: all, effects: [read, write], decision: allow}
`;
const CONFIGMAPS = '/api/v1/namespaces/default/configmaps';

describe.skipIf(missing !== undefined)('how the gateway proves itself to a cluster', () => {
  let cluster: TestCluster;
  let hoopctl: Hoopctl;
  let directory: string;

  beforeAll(async () => {
    cluster = await startCluster();
    hoopctl = await Hoopctl.initialised();
    directory = mkdtempSync(join(hoopctl.home, '..', 'files-'));
    await hoopctl.applyPolicy(POLICY);
    for (const name of ['reader', 'nobody'])
      await cluster.api('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name } });
    await cluster.api('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
      metadata: { name: 'reads-configmaps' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }],
    });
    await bind('reader', 'reads-configmaps', [
      { kind: 'ServiceAccount', name: 'reader', namespace: 'default' },
      { kind: 'User', name: 'by-certificate', apiGroup: 'rbac.authorization.k8s.io' },
    ]);
  }, 120_000);

  afterAll(async () => {
    await hoopctl?.close();
    await cluster?.stop();
  }, 60_000);

  const bind = (name: string, role: string, subjects: readonly object[]) =>
    cluster.api('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name },
      subjects,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    });

  /** A token of a service account, as a pod has one. */
  async function tokenOf(account: string): Promise<string> {
    const { status } = await cluster.api<{ status: { token: string } }>(
      'POST',
      `/api/v1/namespaces/default/serviceaccounts/${account}/token`,
      { spec: { expirationSeconds: 3600 } },
    );
    return status.token;
  }

  /** A kubeconfig beside which its files stand. */
  function kubeconfig(user: object, certificate = 'ca.crt'): string {
    const own = mkdtempSync(join(directory, 'kube-'));
    writeFileSync(join(own, 'ca.crt'), cluster.ca);
    const file = join(own, 'config');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'other', cluster: { server: 'https://other:1', 'certificate-authority': 'is-not-there' } },
        { name: 'c', cluster: { server: cluster.url, 'certificate-authority': certificate } },
      ],
      users: [
        { name: 'other', user: { token: 'of-another-cluster', 'client-key': 'is-not-there' } },
        { name: 'u', user },
      ],
      contexts: [
        { name: 'other', context: { cluster: 'other', user: 'other' } },
        { name: 'x', context: { cluster: 'c', user: 'u', namespace: 'default' } },
      ],
      'current-context': 'x',
    };
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  }

  let identities = 0;
  async function opened(
    name: string,
    file: string,
    flags: readonly string[] = [],
    identity = `who-${++identities}`,
    groups: readonly string[] = [],
  ): Promise<HeldProxy & Place> {
    await hoopctl.ok(['connection', 'add', name, '--kubeconfig', file, '--no-input', ...flags]);
    const token = await hoopctl.createIdentity(identity, 'requester', ...groups);
    return (await hoopctl.proxy(name, { token })) as HeldProxy & Place;
  }

  const status = async (place: Place, path = CONFIGMAPS) => (await ask(place, 'GET', path)).status;

  test('a token: requests may do what it may, and it is nowhere to be seen', async () => {
    const token = await tokenOf('reader');
    const proxy = await opened('by-token', kubeconfig({ token }));
    expect(await status(proxy)).toBe(200);
    expect(await status(proxy, '/api/v1/namespaces/default/pods')).toBe(403);
    const shown = await hoopctl.ok(['connection', 'show', 'by-token', '--json']);
    expect(shown.stdout + proxy.stderr()).not.toContain(token.slice(-40));
    await proxy.stop();
  });

  test('a client certificate from files beside the kubeconfig', async () => {
    const { cert, key } = cluster.clientCertificate('by-certificate');
    const file = kubeconfig({ 'client-certificate': 'client.crt', 'client-key': 'client.key' });
    writeFileSync(join(file, '..', 'client.crt'), cert);
    writeFileSync(join(file, '..', 'client.key'), key, { mode: 0o600 });
    const proxy = await opened('by-certificate', file);
    expect(await status(proxy)).toBe(200);
    expect(await status(proxy, '/api/v1/namespaces/default/pods')).toBe(403);
    await proxy.stop();
  });

  test('an exec plugin beside the kubeconfig: run anew when its credential ends, and when it is refused', async () => {
    const file = kubeconfig({
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: './plugin',
        env: [{ name: 'A', value: 'b' }],
      },
    });
    const say = (facts: object) =>
      writeFileSync(
        join(file, '..', 'answer'),
        JSON.stringify({
          apiVersion: 'client.authentication.k8s.io/v1',
          kind: 'ExecCredential',
          status: facts,
        }),
      );
    const plugin = join(file, '..', 'plugin');
    writeFileSync(
      plugin,
      `#!/bin/sh\n[ "$A" = b ] && [ -n "$KUBERNETES_EXEC_INFO" ] && [ -z "$HOOPCTL_TOKEN" ] || exit 1\necho . >> ${join(file, '..', 'runs')}\ncat ${join(file, '..', 'answer')}\n`,
    );
    chmodSync(plugin, 0o700);
    const runs = () => readFileSync(join(file, '..', 'runs'), 'utf8').split('\n').length - 1;
    const soon = (ms: number) => new Date(Date.now() + ms).toISOString();

    say({ token: await tokenOf('reader'), expirationTimestamp: soon(3_600_000) });
    const proxy = await opened('by-plugin', file);
    expect(await status(proxy)).toBe(200);
    const first = runs();
    expect(await status(proxy)).toBe(200);
    expect(runs()).toBe(first);
    await proxy.stop();

    // The cluster takes it no more: the request is not lost.
    say({ token: 'not-a-token', expirationTimestamp: soon(3_600_000) });
    await hoopctl.ok(['connection', 'add', 'by-plugin-2', '--kubeconfig', file, '--no-input', '--no-test']);
    const token = await hoopctl.createIdentity('plugged', 'requester');
    const refused = (await hoopctl.run(['proxy', 'by-plugin-2', '--json'], { token })).stderr;
    expect(refused).toContain("does not take the connection's own credential");
    say({ token: await tokenOf('reader'), expirationTimestamp: soon(1000) });
    const again = (await hoopctl.proxy('by-plugin-2', { token })) as HeldProxy & Place;
    const before = runs();
    // One that ends within a minute is good for one request.
    expect(await status(again)).toBe(200);
    expect(await status(again)).toBe(200);
    expect(runs()).toBeGreaterThan(before);
    await again.stop();
  });

  test('in a cluster: a token that is rotated in its file, without a word to hoopctl', async () => {
    const pod = join(directory, 'serviceaccount');
    mkdirSync(pod);
    writeFileSync(join(pod, 'ca.crt'), cluster.ca);
    writeFileSync(join(pod, 'token'), await tokenOf('nobody'));
    const environment = {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(cluster.port),
    };
    const { secret, settings } = parseConnection('kubernetes://in-cluster', undefined, {
      directory: pod,
      environment,
    });
    expect(secret).toBeUndefined();
    expect(await testConnection(settings, secret)).toMatchObject({ superuser: false, canWrite: false });

    const url = `kubernetes://127.0.0.1:${cluster.port}?ca-file=${join(pod, 'ca.crt')}&token-file=${join(pod, 'token')}`;
    await hoopctl.ok(['connection', 'add', 'in-cluster', '--url', url, '--no-input']);
    const identity = await hoopctl.createIdentity('podded', 'requester');
    const proxy = (await hoopctl.proxy('in-cluster', { token: identity })) as HeldProxy & Place;
    expect(await status(proxy)).toBe(403);
    writeFileSync(join(pod, 'token'), await tokenOf('reader'));
    utimesSync(join(pod, 'token'), new Date(), new Date(Date.now() + 5000));
    expect(await status(proxy)).toBe(200);
    writeFileSync(join(pod, 'token'), 'revoked');
    utimesSync(join(pod, 'token'), new Date(), new Date(Date.now() + 9000));
    const answer = await ask(proxy, 'GET', CONFIGMAPS);
    // Not 401: clients would take it for a word about their own credential, and fetch that again and again.
    expect(answer.status).toBe(503);
    expect(answer.text).toContain("does not take the connection's own credential");
    await proxy.stop();
  });

  test('an authority that did not sign the cluster is not trusted', async () => {
    const file = kubeconfig({ token: await tokenOf('reader') }, 'wrong.crt');
    writeFileSync(
      join(file, '..', 'wrong.crt'),
      readFileSync('/etc/ssl/certs/ca-certificates.crt').subarray(0, 8000),
    );
    const refused = await hoopctl.run(['connection', 'add', 'wrong', '--kubeconfig', file, '--no-input']);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("give the cluster's authority");
  });

  describe('as the requester (--impersonate)', () => {
    let ana: HeldProxy & Place;
    let bob: HeldProxy & Place;

    beforeAll(async () => {
      // The connection's own account may do nothing but be others.
      await cluster.api('POST', '/api/v1/namespaces/default/serviceaccounts', {
        metadata: { name: 'gateway' },
      });
      await cluster.api('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
        metadata: { name: 'is-others' },
        rules: [{ apiGroups: [''], resources: ['users', 'groups'], verbs: ['impersonate'] }],
      });
      await bind('gateway', 'is-others', [{ kind: 'ServiceAccount', name: 'gateway', namespace: 'default' }]);
      await bind('ana', 'reads-configmaps', [
        { kind: 'User', name: 'ana', apiGroup: 'rbac.authorization.k8s.io' },
      ]);
      await cluster.api('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
        metadata: { name: 'writes-configmaps' },
        rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }],
      });
      await bind('writers', 'writes-configmaps', [
        { kind: 'Group', name: 'writers', apiGroup: 'rbac.authorization.k8s.io' },
      ]);
      const file = kubeconfig({ token: await tokenOf('gateway') });
      ana = await opened('as-them', file, ['--impersonate'], 'ana');
      const token = await hoopctl.createIdentity('bob', 'requester', 'writers');
      bob = (await hoopctl.proxy('as-them', { token })) as typeof bob;
    }, 60_000);

    afterAll(async () => {
      await ana?.stop();
      await bob?.stop();
    });

    const create = (place: Place, name: string, headers = {}) =>
      ask(place, 'POST', CONFIGMAPS, {
        body: JSON.stringify({ metadata: { name } }),
        headers: { 'content-type': 'application/json', ...headers },
      });

    test("the cluster's own RBAC decides by name and by group", async () => {
      expect(await status(ana)).toBe(200);
      const refused = await create(ana, 'by-ana');
      expect(refused.status).toBe(403);
      expect(refused.text).toContain('User \\"ana\\" cannot create');
      expect((await create(bob, 'by-bob')).status).toBe(201);
      expect(await status(bob, '/api/v1/namespaces/default/pods')).toBe(403);
    });

    test.each([
      ['impersonate-user', 'bob'],
      ['Impersonate-Group', 'writers'],
      ['impersonate-group', 'system:masters'],
      ['impersonate-uid', '1'],
      ['Impersonate-Extra-Scopes', 'all'],
      ['IMPERSONATE-USER', 'system:admin'],
      ['x-remote-user', 'system:admin'],
      ['x-remote-group', 'system:masters'],
    ])('a header %s of the client makes nobody else of it', async (name, value) => {
      expect((await create(ana, 'by-trick', { [name]: value })).status).toBe(403);
      await expect(cluster.api('GET', `${CONFIGMAPS}/by-trick`)).rejects.toThrow(/404/);
    });

    test('nor do headers that a Connection header names, that are folded, or that come as a trailer', async () => {
      const line = `POST ${CONFIGMAPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ana.password}\r\nContent-Type: application/json\r\n`;
      const body = '{"metadata":{"name":"by-trick"}}';
      const length = `Content-Length: ${body.length}\r\n`;
      const chunked = `Transfer-Encoding: chunked\r\nTrailer: Impersonate-Group\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\nImpersonate-Group: writers\r\n\r\n`;
      for (const text of [
        `${line}${length}Connection: Impersonate-Group\r\nImpersonate-Group: writers\r\n\r\n${body}`,
        `${line}${length}X-A: b\r\n Impersonate-Group: writers\r\n\r\n${body}`,
        `${line}${length}Impersonate_Group: writers\r\n\r\n${body}`,
        `${line}${length}Impersonate-Group : writers\r\n\r\n${body}`,
        `${line}${chunked}`,
      ]) {
        expect(await raw(ana, text)).not.toMatch(/^HTTP\/1\.1 20/);
      }
      await expect(cluster.api('GET', `${CONFIGMAPS}/by-trick`)).rejects.toThrow(/404/);
    });

    test('an identity that calls itself one of Kubernetes own is nobody there', async () => {
      const made = await hoopctl.run(['identity', 'create', 'system:admin', '--role', 'requester']);
      if (made.code !== 0) return;
      const token = made.stdout.trim().split('\n').at(-1) ?? '';
      const proxy = (await hoopctl.proxy('as-them', { token })) as typeof ana;
      expect((await ask(proxy, 'GET', CONFIGMAPS)).status).toBe(400);
      await proxy.stop();
    });
  });
});

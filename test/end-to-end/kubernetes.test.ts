import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Proxy as HeldProxy, Hoopctl } from '../servers/hoopctl.ts';
import { ask, begin, raw, writeKubeconfig } from '../servers/kube-client.ts';
import { startKubelet, type TestKubelet } from '../servers/kubelet.ts';
import { clusterMissing, startCluster, type TestCluster } from '../servers/kubernetes.ts';
import { run } from '../servers/psql.ts';
import { Terminal } from '../servers/terminal.ts';
import { SHELL_RULES, testGatedShells } from './kubernetes-shell.ts';

const missing = clusterMissing();
if (missing !== undefined) test.skip(`tests of Kubernetes did not run: ${missing}`, () => {});

const POLICY = `version: 1
groups: {people: ["dev-*"]}
rules:
  - {name: read, effects: [read], decision: allow}
  - {name: secrets, effects: [admin], objects: ["*/secrets/*"], decision: allow}
  - {name: exec, effects: [admin], commands: ["EXEC *", "PORT-FORWARD *"], decision: allow}
  - {name: shell, who: [shelly], effects: [unknown], commands: ["sh"], decision: allow}
  - {name: ask-write, effects: [write], objects: ["default/*"], decision: approve, approvers: [ana]}
  - {name: diffs, effects: [unknown], commands: ["DRY-RUN *"], objects: ["default/deployments/*"], decision: allow}
  - {name: ask-rm, effects: [write], commands: ["rm *"], decision: approve, approvers: [ana]}
${SHELL_RULES.trim().replace(/^/, '  ')}
  - {name: protected, objects: ["default/configmaps/protected"], effects: [write], decision: block, message: ask the platform team}
masks:
  - {name: found, detect: [email, credit_card], strategy: redact, except: [forwarder]}
`;

describe.skipIf(missing !== undefined)('kubectl through the gateway', () => {
  let cluster: TestCluster;
  let kubelet: TestKubelet;
  let hoopctl: Hoopctl;
  let devin: string;
  let ana: string;
  let proxy: HeldProxy & { readonly certificate: string };
  let kubeconfig: string;
  let shelly: string | undefined;

  beforeAll(async () => {
    cluster = await startCluster();
    kubelet = await startKubelet(cluster);
    await kubelet.addPod('web');
    await cluster.api('POST', '/api/v1/namespaces/default/configmaps', {
      metadata: { name: 'site' },
      data: { mail: 'write to jane@example.com', card: '4111111111111111' },
    });
    await cluster.api('POST', '/api/v1/namespaces/default/secrets', {
      metadata: { name: 'db' },
      stringData: { password: 'hunter2' },
    });
    hoopctl = await Hoopctl.initialised();
    await hoopctl.applyPolicy(POLICY);
    await hoopctl.ok(['connection', 'add', 'prod-k8s', '--kubeconfig', cluster.kubeconfig, '--no-input']);
    devin = await hoopctl.createIdentity('devin', 'requester');
    ana = await hoopctl.createIdentity('ana', 'approver');
    proxy = (await hoopctl.proxy('prod-k8s', { token: devin })) as typeof proxy;
    kubeconfig = writeKubeconfig(proxy, join(hoopctl.home, '..'));
  }, 120_000);

  afterAll(async () => {
    await hoopctl?.close();
    await kubelet?.stop();
    await cluster?.stop();
  }, 60_000);

  const kubectl = (...args: string[]) =>
    run('kubectl', args, {
      env: { PATH: process.env.PATH ?? '', KUBECONFIG: kubeconfig, HOME: join(kubeconfig, '..') },
    });

  async function nextApproval(): Promise<string> {
    for (;;) {
      const { approvals } = await hoopctl.json<{ approvals: { id: string }[] }>(['approvals']);
      const [first] = approvals;
      if (first !== undefined) return first.id;
    }
  }

  test('`connect` runs the real kubectl, and its session can be replayed', async () => {
    const result = await hoopctl.run(['connect', 'prod-k8s', '--', 'get', 'pods'], { token: devin });
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/^NAME\s+READY[^\n]*\nweb/);
    const session = /session (s-\w+)/.exec(result.stderr)?.[1] ?? '';
    const replay = await hoopctl.ok(['replay', session, '--no-wait']);
    expect(replay.stdout).toContain('GET /api/v1/namespaces/default/pods?limit=500');
  });

  test('values that a mask covers are hidden in every form kubectl asks for', async () => {
    for (const args of [
      ['-o', 'yaml'],
      ['-o', 'json'],
      ['-o', 'jsonpath={.data}'],
      ['--watch', '--request-timeout=1s', '-o', 'json'],
    ]) {
      const site = await kubectl('get', 'configmap', 'site', ...args);
      expect(site.stdout).toContain('[masked]');
      expect(site.stdout).not.toMatch(/jane@|4111/);
      const secret = await kubectl('get', 'secret', 'db', ...args);
      expect(secret.stdout).toContain(Buffer.from('[masked]').toString('base64'));
      expect(secret.stdout).not.toContain(Buffer.from('hunter2').toString('base64'));
    }
    expect((await kubectl('get', 'secrets')).stdout).toMatch(/db\s+Opaque\s+1/);
  });

  test("what the policy blocks is refused in the API's words, with reason and next step", async () => {
    const { code, stderr } = await kubectl('delete', 'node', 'n1');
    expect(code).toBe(1);
    expect(stderr).toContain(
      'Error from server (Forbidden): hoopctl: blocked by the policy: DELETE /nodes/n1',
    );
    expect(stderr).toContain("hoopctl policy explain --connection prod-k8s 'DELETE /api/v1/nodes/n1'");
    const protectedOne = await kubectl('create', 'configmap', 'protected');
    expect(protectedOne.stderr).toContain('blocked by rule "protected"');
    expect(protectedOne.stderr).toContain('ask the platform team');
  });

  test('a write waits for its approval; the card shows what a dry run changes', async () => {
    await cluster.api('POST', '/apis/apps/v1/namespaces/default/deployments', deployment('held', 1));
    const patch = kubectl('patch', 'deployment', 'held', '-p', '{"spec":{"replicas":3}}');
    const id = await nextApproval();
    const approved = await hoopctl.approve(id, { token: ana });
    expect(approved.stderr).toContain('write: PATCH default/deployments/held');
    expect(approved.stderr).toContain('- spec.replicas: 1');
    expect(approved.stderr).toContain('+ spec.replicas: 3');
    const { code, stderr } = await patch;
    expect(code).toBe(0);
    expect(stderr).toContain('Warning: hoopctl: approved by ana');
    const now = await cluster.api<{ spec: { replicas: number } }>(
      'GET',
      '/apis/apps/v1/namespaces/default/deployments/held',
    );
    expect(now.spec.replicas).toBe(3);
  });

  test('`kubectl diff` is let in as a dry run where a rule names that, and changes nothing', async () => {
    const path = '/apis/apps/v1/namespaces/default/deployments';
    await cluster.api('POST', path, deployment('compared', 1));
    const diff = (name: string) =>
      run('kubectl', ['diff', '-f', '-'], {
        env: { PATH: process.env.PATH ?? '', KUBECONFIG: kubeconfig, HOME: join(kubeconfig, '..') },
        stdin: JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', ...deployment(name, 4) }),
      });
    const [changed, made] = await Promise.all([diff('compared'), diff('not-there')]);
    expect(changed.stdout, changed.stderr).toMatch(/- {2}replicas: 1\n\+ {2}replicas: 4/);
    expect(made.stdout, made.stderr).toContain('+  name: not-there');
    const { items } = await cluster.api<{
      items: { metadata: { name: string }; spec: { replicas: number } }[];
    }>('GET', path);
    expect(items.find(({ metadata }) => metadata.name === 'compared')?.spec.replicas).toBe(1);
    expect(items.map(({ metadata }) => metadata.name)).not.toContain('not-there');
  });

  test('protobuf that kubectl sends is read: its name, and what it asks of the node', async () => {
    const create = kubectl('create', 'deployment', 'proto', '--image=nginx');
    const approved = await hoopctl.approve(await nextApproval(), { token: ana });
    expect(approved.stderr).toContain('write: CREATE default/deployments/proto');
    expect((await create).stdout).toContain('deployment.apps/proto created');
  });

  test('a denied write does not happen and says who denied it and why', async () => {
    const remove = kubectl('delete', 'configmap', 'site');
    await hoopctl.deny(await nextApproval(), 'still needed', { token: ana });
    const { code, stderr } = await remove;
    expect(code).toBe(1);
    expect(stderr).toMatch(/ap-\w+ was denied by ana: still needed/);
    await cluster.api('GET', '/api/v1/namespaces/default/configmaps/site');
  });

  test('a client that goes away withdraws what it asked', async () => {
    const child = spawn('kubectl', ['delete', 'configmap', 'site'], {
      env: { PATH: process.env.PATH ?? '', KUBECONFIG: kubeconfig, HOME: join(kubeconfig, '..') },
    });
    const id = await nextApproval();
    child.kill('SIGINT');
    for (;;) {
      const { approvals } = await hoopctl.json<{ approvals: unknown[] }>(['approvals']);
      if (approvals.length === 0) break;
    }
    const late = await hoopctl.approve(id, { token: ana });
    expect(late.code).not.toBe(0);
    await cluster.api('GET', '/api/v1/namespaces/default/configmaps/site');
  });

  describe('exec', () => {
    test('gives output, errors and exit code back', async () => {
      const result = await kubectl('exec', 'web', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7');
      expect(result).toMatchObject({ code: 7, stdout: 'out\n' });
      expect(result.stderr).toContain('err');
    });

    test('masks what the program says, and passes stdin', async () => {
      expect((await kubectl('exec', 'web', '--', 'echo', 'jane@example.com')).stdout).toBe('[masked]\n');
      const { stdout } = await run('kubectl', ['exec', '-i', 'web', '--', 'cat'], {
        env: { PATH: process.env.PATH ?? '', KUBECONFIG: kubeconfig, HOME: join(kubeconfig, '..') },
        stdin: 'a\nbob@example.com\n',
      });
      expect(stdout).toBe('a\n[masked]\n');
    });

    test.each([
      [['reboot'], 'reboot'],
      [['sh', '-c', 'ls; reboot'], 'reboot'],
      [['sh'], 'the shell reads its commands from its input'],
      [['sh', '-c', 'eval "$X"'], 'eval'],
    ])('%j is judged as a command line', async (command, reason) => {
      const { code, stderr } = await kubectl('exec', '-i', 'web', '--', ...command);
      expect(code).toBe(1);
      expect(stderr).toContain('(Forbidden)');
      expect(stderr).toContain(reason);
    });

    test('waits for its approval, and asks only once when it is denied', async () => {
      const held = kubectl('exec', 'web', '--', 'rm', '/tmp/hoopctl-nothing');
      await hoopctl.deny(await nextApproval(), 'no', { token: ana });
      const { code, stderr } = await held;
      expect(code).toBe(1);
      expect(stderr).toContain('was denied by ana: no');
      expect((await hoopctl.json<{ approvals: unknown[] }>(['approvals'])).approvals).toEqual([]);
    });
  });

  describe.each([
    ['WebSockets', {}],
    ['SPDY', { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false' }],
  ])('exec on a terminal, over %s', (_name, more) => {
    const open = (file: string, program: readonly string[], columns: number) =>
      new Terminal('kubectl', ['exec', '-it', 'web', '--', ...program], {
        env: { PATH: process.env.PATH ?? '', KUBECONFIG: file, HOME: join(file, '..'), ...more },
        columns,
        rows: 30,
      });

    test('tells its size, and each new one', async () => {
      const terminal = open(kubeconfig, ['sh', '-c', 'while sleep 0.05; do stty size; done'], 91);
      await terminal.shows('30 91');
      terminal.resize(73, 21);
      await terminal.shows('21 73');
      terminal.close();
    });

    test('masks what is shown of what is typed', async () => {
      const terminal = open(kubeconfig, ['cat'], 80);
      terminal.type('mail jane@example.com\n');
      await terminal.shows(/mail \[masked\]\s+mail \[masked\]/);
      terminal.close();
    });

    test('a shell is there only where a rule names it; what is typed is recorded', async () => {
      const refused = open(kubeconfig, ['sh'], 80);
      await refused.shows('the shell reads its commands from its input');
      expect(await refused.exited).not.toBe(0);
      shelly ??= await hoopctl.createIdentity('shelly', 'requester');
      const own = (await hoopctl.proxy('prod-k8s', { token: shelly })) as typeof proxy;
      const shell = open(writeKubeconfig(own, join(hoopctl.home, '..')), ['sh'], 80);
      await shell.shows(/[#$] $/);
      shell.type('echo $((40 + 2)) bob@example.com; exit 3\n');
      await shell.shows('42 [masked]');
      expect(await shell.exited).toBe(3);
      await own.stop();
      const { sessions } = await hoopctl.json<{ sessions: { id: string; identity: string }[] }>([
        'session',
        'list',
      ]);
      const session = sessions.find(({ identity }) => identity === 'shelly');
      const { stdout } = await hoopctl.ok(['replay', session?.id ?? '', '--no-wait', '--json']);
      const typed = stdout
        .split('\n')
        .filter((line) => line.includes('"stream":"input"'))
        .map((line) => Buffer.from((JSON.parse(line) as { base64: string }).base64, 'base64').toString());
      expect(typed.join('')).toContain('echo $((40 + 2))');
    });
  });

  testGatedShells(() => ({ hoopctl, ana, policy: POLICY }));

  describe('exec over SPDY, as kubectl before 1.31 speaks', () => {
    const spdy = (args: readonly string[], stdin?: string) =>
      run('kubectl', ['exec', ...args], {
        env: {
          PATH: process.env.PATH ?? '',
          KUBECONFIG: kubeconfig,
          HOME: join(kubeconfig, '..'),
          KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false',
        },
        ...(stdin === undefined ? {} : { stdin }),
      });

    test('gives output, errors and exit code back', async () => {
      const result = await spdy(['web', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
      expect(result).toMatchObject({ code: 7, stdout: 'out\n' });
      expect(result.stderr).toContain('err');
    });

    test('masks what the program says, and ends its input', async () => {
      const { code, stdout } = await spdy(['-i', 'web', '--', 'cat'], 'a\nbob@example.com\n');
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'a\n[masked]\n' });
    });

    test('passes bulk output whole', async () => {
      const { code, stdout } = await spdy(['web', '--', 'seq', '1', '200000']);
      expect(code).toBe(0);
      expect(stdout).toBe(`${Array.from({ length: 200_000 }, (_, i) => i + 1).join('\n')}\n`);
    });

    test('is judged as over WebSockets', async () => {
      const { code, stderr } = await spdy(['web', '--', 'reboot']);
      expect(code).toBe(1);
      expect(stderr).toContain('(Forbidden): hoopctl: blocked by the policy: reboot');
    });
  });

  test('logs are masked, followed or not', async () => {
    kubelet.logs = (response, follow) => {
      response.write('mail to jane@exam');
      response.write('ple.com\nnext\n');
      if (!follow) response.end();
      else setTimeout(() => response.end('last 4111 1111 1111 1111\n'), 200);
    };
    expect((await kubectl('logs', 'web')).stdout).toBe('mail to [masked]\nnext\n');
    expect((await kubectl('logs', '-f', 'web')).stdout).toBe('mail to [masked]\nnext\nlast [masked]\n');
  });

  test('port-forward is refused while masks look at every value', async () => {
    const { code, stderr } = await kubectl('port-forward', 'web', '0:80');
    expect(code).toBe(1);
    expect(stderr).toContain('masks cannot follow');
  });

  test('port-forward works for who may see what it carries', async () => {
    const token = await hoopctl.createIdentity('forwarder', 'requester');
    const own = (await hoopctl.proxy('prod-k8s', { token })) as typeof proxy;
    const child = spawn('kubectl', ['port-forward', 'web', ':80'], {
      env: {
        PATH: process.env.PATH ?? '',
        KUBECONFIG: writeKubeconfig(own, join(hoopctl.home, '..')),
        HOME: join(kubeconfig, '..'),
      },
    });
    const port = await new Promise<number>((resolve) => {
      child.stdout.on('data', (text) => {
        const found = /127\.0\.0\.1:(\d+)/.exec(String(text));
        if (found) resolve(Number(found[1]));
      });
    });
    const said = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('hi'));
      socket.once('data', (chunk) => {
        socket.destroy();
        resolve(String(chunk));
      });
    });
    expect(said).toBe('echo hi');
    child.kill();
    await own.stop();
  });

  test('many people use one connection at the same time', async () => {
    const tokens = await Promise.all(
      Array.from({ length: 6 }, (_, i) => hoopctl.createIdentity(`dev-${i}`, 'requester')),
    );
    const proxies = await Promise.all(tokens.map((token) => hoopctl.proxy('prod-k8s', { token })));
    const answers = await Promise.all(
      proxies.flatMap((one) =>
        Array.from({ length: 20 }, () =>
          ask(one as typeof proxy, 'GET', '/api/v1/namespaces/default/configmaps'),
        ),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(answers.every(({ text }) => text.includes('[masked]') && !text.includes('jane@'))).toBe(true);
    await Promise.all(proxies.map((one) => one.stop()));
    const { sessions } = await hoopctl.json<{ sessions: { identity: string }[] }>(['session', 'list']);
    expect(sessions.filter(({ identity }) => identity.startsWith('dev-'))).toHaveLength(6);
  }, 60_000);

  test('`kubectl cp` reads a file by the tar that it runs, and is judged by it', async () => {
    const from = join(kubeconfig, '..', 'told');
    writeFileSync(from, 'mail jane@example.com\n');
    const to = join(kubeconfig, '..', 'copied');
    const copied = await kubectl('cp', `web:${from}`, to);
    expect(copied.code, copied.stderr).toBe(0);
    expect(readFileSync(to, 'utf8')).not.toContain('jane@');
    const into = kubectl('cp', from, 'web:/tmp/hoopctl-nothing');
    await hoopctl.deny(await nextApproval(), 'not there', { token: ana });
    expect((await into).stderr).toContain('was denied by ana: not there');
  });

  test('`kubectl debug` asks for a container in a pod, which is refused', async () => {
    const { code, stderr } = await kubectl('debug', 'web', '--image=busybox');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/hoopctl: blocked.*ephemeralcontainers/);
  });

  test('`kubectl proxy` serves what its user may see', async () => {
    const child = spawn('kubectl', ['proxy', '--port=0'], {
      env: { PATH: process.env.PATH ?? '', KUBECONFIG: kubeconfig, HOME: join(kubeconfig, '..') },
    });
    const port = await new Promise<string>((resolve) => {
      child.stdout.on('data', (text) => {
        const found = /127\.0\.0\.1:(\d+)/.exec(String(text));
        if (found?.[1] !== undefined) resolve(found[1]);
      });
    });
    const site = await fetch(`http://127.0.0.1:${port}/api/v1/namespaces/default/configmaps/site`);
    expect(await site.text()).toContain('[masked]');
    expect((await fetch(`http://127.0.0.1:${port}/api/v1/nodes/n1/proxy/`)).status).toBe(403);
    child.kill();
  });

  test("another language's client library works unchanged", async () => {
    const script = [
      'import sys',
      'from kubernetes import client, config',
      'from kubernetes.stream import stream',
      'config.load_kube_config(sys.argv[1])',
      'core = client.CoreV1Api()',
      'print([p.metadata.name for p in core.list_namespaced_pod("default").items])',
      'print(core.read_namespaced_config_map("site", "default").data["mail"])',
      'print(stream(core.connect_get_namespaced_pod_exec, "web", "default", command=["echo", "hi"], stdout=True, stderr=True).strip())',
      'try: core.delete_node("n1")',
      'except client.ApiException as error: print(error.status)',
    ].join('\n');
    const result = await run('/usr/bin/python3', ['-c', script, kubeconfig], { env: { PATH: '/usr/bin' } });
    expect(result.stderr).toBe('');
    expect(result.stdout).toBe("['web']\nwrite to [masked]\nhi\n403\n");
  });

  describe('a hostile client', () => {
    test.each([
      ['no token', {}],
      ['a wrong token', { authorization: 'Bearer x' }],
      ['the token in another scheme', { authorization: 'Basic x' }],
    ])('with %s gets nothing', async (_name, headers) => {
      const answer = await ask(proxy, 'GET', '/version', { headers, anonymous: true });
      expect(answer.status).toBe(401);
    });

    test('cannot name whom it wants to be', async () => {
      const answer = await ask(proxy, 'GET', '/api/v1/namespaces/default/pods', {
        headers: {
          'impersonate-user': 'system:admin',
          'x-remote-user': 'root',
          'x-forwarded-for': '1.2.3.4',
        },
      });
      expect(answer.status).toBe(403);
      expect(answer.text).toContain('IMPERSONATE /users/system:admin');
      const quiet = await ask(proxy, 'GET', '/api/v1/namespaces/default/pods', {
        headers: { 'x-remote-user': 'root' },
      });
      expect(quiet.status).toBe(200);
    });

    test.each([
      '/api/v1/namespaces/default/pods/web/../../secrets',
      '/api/v1/namespaces/default/%73ecrets',
      '/api/v1/namespaces/default%2fsecrets/db',
      '/api/v1//namespaces/default/secrets',
    ])('gets no other reading of %s', async (path) => {
      expect((await ask(proxy, 'GET', path)).status).toBe(400);
    });

    test('is answered once for two requests in one, and never by the cluster', async () => {
      const head = `Host: x\r\nAuthorization: Bearer ${proxy.password}\r\n`;
      const cases = [
        `GET /version HTTP/1.1\r\n${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
        `POST /version HTTP/1.1\r\n${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api HTTP/1.1\r\n${head}\r\n`,
        `GET /version HTTP/1.1\r\n${head}X: a\r\n b\r\n\r\n`,
        `GET https://other/version HTTP/1.1\r\n${head}\r\n`,
        `CONNECT x:443 HTTP/1.1\r\n${head}\r\n`,
        `GET /version HTTP/1.1\r\n${head}Host: y\r\n\r\n`,
        `TRACE /version HTTP/1.1\r\n${head}\r\n`,
      ];
      for (const text of cases) expect(await raw(proxy, text)).not.toContain('gitVersion');
    });

    test('that sends requests ahead is answered in order, and cut off when it floods', async () => {
      const one = (path: string) =>
        `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${proxy.password}\r\n\r\n`;
      const two = await raw(proxy, one('/api/v1/namespaces/default/nope') + one('/version'));
      expect(two).toMatch(/403 Forbidden[\s\S]*gitVersion/);
      const many = await raw(proxy, one('/version').repeat(10));
      expect(many.split('gitVersion').length).toBeLessThan(10);
    });

    test('that upgrades a request which is no upgrade is refused', async () => {
      for (const path of [
        '/api/v1/namespaces/default/pods?watch=1',
        '/version',
        '/api/v1/namespaces/default/pods/web/log',
      ]) {
        const said = await raw(
          proxy,
          `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${proxy.password}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
        );
        expect(said).toContain('400');
      }
    });

    test('gets no HTTP/2', async () => {
      const socket = connectTls({
        host: '127.0.0.1',
        port: proxy.port,
        ca: proxy.certificate,
        ALPNProtocols: ['h2', 'http/1.1'],
      });
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      expect(socket.alpnProtocol).toBe('http/1.1');
      socket.destroy();
    });

    test('that sends a body which cannot be judged changes nothing', async () => {
      const path = '/api/v1/namespaces/default/configmaps';
      const bodies: readonly (readonly [string, string, OutgoingHttpHeaders])[] = [
        ['{"metadata":{"name":"x"},"metadata":{"name":"protected"}}', 'application/json', {}],
        ['\x1f\x8b', 'application/json', { 'content-encoding': 'gzip' }],
        ['{}', 'application/cbor', {}],
        ['x'.repeat(4 * 1024 * 1024), 'application/json', {}],
      ];
      for (const [body, type, headers] of bodies) {
        const answer = await ask(proxy, 'POST', path, {
          body,
          headers: { 'content-type': type, ...headers },
        });
        expect([400, 403, 413]).toContain(answer.status);
      }
    });

    test('cannot write back what was masked', async () => {
      const answer = await ask(proxy, 'PUT', '/api/v1/namespaces/default/configmaps/site', {
        body: '{"metadata":{"name":"site"},"data":{"mail":"[masked]"}}',
        headers: { 'content-type': 'application/json' },
      });
      expect(answer.status).toBe(400);
      expect(answer.text).toContain('would overwrite');
    });
  });

  test('a session that is killed ends its watches', async () => {
    const own = (await hoopctl.proxy('prod-k8s', { token: devin })) as typeof proxy;
    const watch = await begin(own, 'GET', '/api/v1/namespaces/default/configmaps?watch=1');
    await new Promise((resolve) => watch.once('data', resolve));
    const ended = new Promise((resolve) => watch.once('close', resolve));
    const { sessions } = await hoopctl.json<{ sessions: { id: string; status: string }[] }>([
      'session',
      'list',
    ]);
    for (const { id, status } of sessions)
      if (status === 'open') await hoopctl.run(['session', 'kill', id, '--yes']);
    await ended;
    await own.stop();
  });

  test('`kubeconfig` writes a file without a credential, with which clients just work', async () => {
    const { stdout } = await hoopctl.ok(['kubeconfig', 'prod-k8s'], { token: devin });
    expect(stdout).not.toContain('insecure');
    expect(stdout).not.toMatch(/"token"|hpt_/);
    const file = join(kubeconfig, '..', 'standing');
    writeFileSync(file, stdout, { mode: 0o600 });
    const env = { ...hoopctl.env({ token: devin }), KUBECONFIG: file };
    const pods = await Promise.all(
      Array.from({ length: 3 }, () => run('kubectl', ['get', 'pods', '-o', 'name'], { env })),
    );
    expect(pods.map((one) => one.stdout)).toEqual(['pod/web\n', 'pod/web\n', 'pod/web\n']);
    const denied = await run('kubectl', ['get', 'pods'], { env: { ...env, HOOPCTL_TOKEN: 'wrong' } });
    expect(denied.code).not.toBe(0);
  });

  test('`policy explain` and `policy test` judge requests as sessions do', async () => {
    const { explanation } = await hoopctl.json<{ explanation: object }>([
      ...['policy', 'explain', '--connection', 'prod-k8s', '--as', 'devin'],
      'GET /api/v1/namespaces/default/secrets',
    ]);
    expect(explanation).toMatchObject({
      decision: 'allow',
      effects: ['admin'],
      objects: ['default/secrets/*'],
    });
    const asTyped = await hoopctl.json<{ explanation: object }>([
      ...['policy', 'explain', '--connection', 'prod-k8s', '--as', 'devin', 'kubectl get secrets'],
    ]);
    expect(asTyped.explanation).toEqual(explanation);
    const file = join(kubeconfig, '..', 'expect.yaml');
    writeFileSync(
      file,
      '- {as: devin, connection: prod-k8s, statement: "DELETE /api/v1/namespaces/default", expect: block}\n' +
        '- {as: devin, connection: prod-k8s, statement: "delete ns default", expect: block}\n',
    );
    expect((await hoopctl.run(['policy', 'test', file])).code).toBe(0);
  });
});

function deployment(name: string, replicas: number): object {
  const labels = { app: name };
  return {
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'none' }] } },
    },
  };
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { issueCertificate, makeAuthority } from './certificates.ts';

/** A real kube-apiserver with a real etcd on loopback; no kubelet but where a test brings one. */
export interface TestCluster {
  readonly url: string;
  readonly port: number;
  readonly ca: string;
  /** A member of system:masters. */
  readonly adminToken: string;
  /** A kubeconfig with that token; 0600. */
  readonly kubeconfig: string;
  /** Client certificate and key in PEM of a user, signed by what the server trusts. */
  clientCertificate(user: string): { readonly cert: string; readonly key: string };
  /** One API call as admin; the parsed answer. */
  api<T = unknown>(method: string, path: string, body?: object): Promise<T>;
  readonly directory: string;
  stop(): Promise<void>;
}

/** Why tests of Kubernetes do not run here, for them to say so; undefined when there is a server to be started. */
export function clusterMissing(): string | undefined {
  if (apiServerSource() !== undefined) return undefined;
  return 'kube-apiserver is missing: name one in HOOPCTL_TEST_KUBE_APISERVER, or put it on the PATH';
}

/** With a server, all else must be there: such tests are never left out silently. */
function requirePrograms(): void {
  for (const [name, from] of [
    ['etcd', 'etcd-server'],
    ['kubectl', 'kubernetes-client'],
  ] as const) {
    if (findProgram(name) === undefined)
      throw new Error(`${name} is missing (Debian: apt-get install ${from})`);
  }
}

function findProgram(name: string): string | undefined {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** The program itself, or one packed by xz beside this repository. */
function apiServerSource(): string | undefined {
  const named = process.env.HOOPCTL_TEST_KUBE_APISERVER;
  if (named !== undefined && named !== '') return existsSync(named) ? named : undefined;
  const onPath = findProgram('kube-apiserver');
  if (onPath !== undefined) return onPath;
  const beside = fileURLToPath(new URL('../../../shared/bin', import.meta.url));
  if (!existsSync(beside)) return undefined;
  const packed = readdirSync(beside).find((name) => /^kube-apiserver-.*\.xz$/.test(name));
  return packed === undefined ? undefined : join(beside, packed);
}

function unpacked(source: string): string {
  if (!source.endsWith('.xz')) return source;
  const id = createHash('sha256').update(source).digest('hex').slice(0, 12);
  const path = join(tmpdir(), `hoopctl-kube-apiserver-${process.getuid?.() ?? 0}-${id}`, 'kube-apiserver');
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.${process.pid}`;
  const file = openSync(fresh, 'wx', 0o700);
  const { status } = spawnSync('xz', ['-dc', source], { stdio: ['ignore', file, 'inherit'] });
  if (status !== 0) throw new Error('xz could not unpack kube-apiserver');
  closeSync(file);
  renameSync(fresh, path);
  return path;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function start(program: string, args: readonly string[], log: string): ChildProcess {
  const file = openSync(log, 'a');
  const child = spawn(program, [...args], { stdio: ['ignore', file, file] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Settles once it answers. Throws with what it said when it does not. */
export async function startCluster(): Promise<TestCluster> {
  const source = apiServerSource();
  if (source === undefined) throw new Error(clusterMissing());
  requirePrograms();
  const directory = mkdtempSync(join(tmpdir(), 'hoopctl-k8s-'));
  const file = (name: string) => join(directory, name);
  const [etcdPort = 0, peerPort = 0, port = 0] = await freePorts(3);
  const authority = makeAuthority(directory);
  const serving = issueCertificate(directory, authority, 'localhost', ['DNS:localhost', 'IP:127.0.0.1']);
  writeFileSync(file('server.crt'), serving.cert);
  writeFileSync(file('server.key'), serving.key, { mode: 0o600 });
  const adminToken = randomBytes(16).toString('hex');
  writeFileSync(file('tokens.csv'), `${adminToken},admin,1,system:masters\n`, { mode: 0o600 });
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(file('sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  writeFileSync(file('sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const etcd = start(
    'etcd',
    [
      `--data-dir=${file('etcd')}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
      '--unsafe-no-fsync',
    ],
    file('etcd.log'),
  );
  const server = start(
    unpacked(source),
    [
      `--etcd-servers=${etcdUrl}`,
      `--secure-port=${port}`,
      '--insecure-port=0',
      '--bind-address=127.0.0.1',
      `--cert-dir=${file('certs')}`,
      `--tls-cert-file=${file('server.crt')}`,
      `--tls-private-key-file=${file('server.key')}`,
      `--client-ca-file=${authority.certFile}`,
      `--token-auth-file=${file('tokens.csv')}`,
      '--authorization-mode=RBAC',
      `--service-account-key-file=${file('sa.pub')}`,
      `--service-account-signing-key-file=${file('sa.key')}`,
      '--service-account-issuer=https://k',
      '--service-cluster-ip-range=10.0.0.0/24',
      '--disable-admission-plugins=ServiceAccount',
      '--endpoint-reconciler-type=none',
      '--allow-privileged=true',
    ],
    file('apiserver.log'),
  );
  const url = `https://127.0.0.1:${port}`;
  const api = <T>(method: string, path: string, body?: object) =>
    call<T>(`${url}${path}`, method, authority.cert, adminToken, body);
  const cluster: TestCluster = {
    url,
    port,
    ca: authority.cert,
    adminToken,
    kubeconfig: file('admin.kubeconfig'),
    clientCertificate: (user) => issueCertificate(directory, authority, user, []),
    api,
    directory,
    async stop() {
      await Promise.all([stopped(server), stopped(etcd)]);
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  writeFileSync(cluster.kubeconfig, kubeconfigOf(cluster), { mode: 0o600 });
  const deadline = Date.now() + 45_000;
  while (!(await ready(api))) {
    if (Date.now() > deadline || server.exitCode !== null) {
      const said = readFileSync(file('apiserver.log'), 'utf8').slice(-2000);
      await cluster.stop();
      throw new Error(`kube-apiserver did not come up\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return cluster;
}

async function ready(api: TestCluster['api']): Promise<boolean> {
  try {
    await api('GET', '/api/v1/namespaces/default');
    await api('GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin');
    return true;
  } catch {
    return false;
  }
}

function kubeconfigOf({ adminToken, ca, url }: TestCluster): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
      },
    ],
    users: [{ name: 'admin', user: { token: adminToken } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  });
}

function call<T>(url: string, method: string, ca: string, token: string, body?: object): Promise<T> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method,
      ca,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined
          ? {}
          : { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }),
      },
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if ((response.statusCode ?? 500) < 300) resolve(JSON.parse(text) as T);
        else reject(new Error(`${method} ${url}: ${response.statusCode} ${text.slice(0, 500)}`));
      });
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

// `npm run bench:kube`: what the gateway costs next to the API server itself: lists of 5,000 objects, small requests,
// with and without masks. Both ways are measured in turns within one run, so that a slow minute hits both.
import { Agent, request } from 'node:https';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { DETECTORS } from '../../src/masking/detectors.ts';
import { Hoopctl } from '../servers/hoopctl.ts';
import { startCluster, type TestCluster } from '../servers/kubernetes.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    objects: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '9' },
    gets: { type: 'string', default: '300' },
    only: { type: 'string' },
  },
});
const OBJECTS = Number(options.objects);
const ROUNDS = Number(options.rounds);
const GETS = Number(options.gets);
/** Of the issue that brought Kubernetes: of the direct throughput, and milliseconds added to a small request. */
const FLOORS = { list: 0.8, addedMs: 10 };

const POLICY = `version: 1
rules:
  - {name: all, effects: [read, admin], decision: allow}
masks:
  - {name: usual, detect: [email, credit_card, api_key], strategy: redact, except: [plain, every]}
  - {name: every, detect: [${DETECTORS.join(', ')}], strategy: redact, except: [plain, usual]}
`;

/** One way to the API server. */
interface Way {
  readonly name: string;
  readonly port: number;
  readonly ca: string;
  readonly token: string;
  readonly agent: Agent;
}

/** Asks for a path; how long it took to the last byte, in milliseconds. */
function ask(way: Way, path: string): Promise<{ readonly ms: number }> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const outgoing = request({
      host: '127.0.0.1',
      port: way.port,
      ca: way.ca,
      agent: way.agent,
      path,
      headers: { authorization: `Bearer ${way.token}`, accept: 'application/json' },
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      response.resume();
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode !== 200) reject(new Error(`${way.name}: HTTP ${response.statusCode}`));
        else resolve({ ms: performance.now() - began });
      });
    });
    outgoing.end();
  });
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

async function inParallel(count: number, make: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await make(next++);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** Pods as a deployment makes them, of about 2 kB, some of which hold what detectors look for. */
async function fill(cluster: TestCluster): Promise<void> {
  await inParallel(OBJECTS, (index) =>
    cluster.api('POST', '/api/v1/namespaces/default/pods', {
      metadata: {
        name: `web-${index}`,
        labels: { app: `shop-${index % 40}`, tier: 'frontend', 'pod-template-hash': '6d4cf56db6' },
        annotations: index % 50 === 0 ? { owner: `jane-${index}@example.com` } : { checked: 'yes' },
      },
      spec: {
        containers: ['main', 'sidecar'].map((name) => ({
          name,
          image: `registry.example/shop/${name}:1.${index % 9}.0`,
          args: ['--listen=0.0.0.0:8080', '--log-level=info'],
          env: [
            { name: 'REGION', value: 'eu-west-1' },
            { name: 'DATABASE_HOST', value: 'db.internal' },
          ],
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
        })),
      },
    }),
  );
  await inParallel(OBJECTS, (index) =>
    cluster.api('POST', '/api/v1/namespaces/default/secrets', {
      metadata: { name: `secret-${index}` },
      stringData: { user: `app-${index}`, password: 'x'.repeat(24), 'config.json': '{"a":"b"}'.repeat(40) },
    }),
  );
}

interface Row {
  readonly load: string;
  readonly direct: number;
  readonly gateway: number;
  readonly unit: string;
  readonly figure: string;
  readonly ok: boolean | undefined;
}

async function list(load: string, path: string, direct: Way, gateway: Way, held: boolean): Promise<Row> {
  const speeds: Record<string, number[]> = { direct: [], gateway: [] };
  for (const way of [direct, gateway]) await ask(way, path);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, way] of Object.entries({ direct, gateway })) {
      // Whole lists: a masked one has fewer bytes.
      speeds[name]?.push(1000 / (await ask(way, path)).ms);
    }
  }
  const [a, b] = [median(speeds.direct ?? []), median(speeds.gateway ?? [])];
  const ratio = b / a;
  return {
    load,
    direct: a,
    gateway: b,
    unit: 'lists/s',
    figure: `${ratio.toFixed(2)} of direct`,
    ok: held ? ratio >= FLOORS.list : undefined,
  };
}

async function get(load: string, path: string, direct: Way, gateway: Way): Promise<Row> {
  const times: Record<string, number[]> = { direct: [], gateway: [] };
  for (let round = 0; round < GETS; round++) {
    for (const [name, way] of Object.entries({ direct, gateway })) {
      times[name]?.push((await ask(way, path)).ms);
    }
  }
  const [a, b] = [median(times.direct ?? []), median(times.gateway ?? [])];
  const added = b - a;
  return {
    load,
    direct: a,
    gateway: b,
    unit: 'ms',
    figure: `${added.toFixed(2)} ms added`,
    ok: added <= FLOORS.addedMs,
  };
}

const cluster = await startCluster();
const hoopctl = await Hoopctl.initialised();
const rows: Row[] = [];
try {
  await fill(cluster);
  await hoopctl.applyPolicy(POLICY);
  await hoopctl.ok(['connection', 'add', 'bench', '--kubeconfig', cluster.kubeconfig, '--no-input']);
  const agent = () => new Agent({ keepAlive: true, maxSockets: 1 });
  const direct: Way = {
    name: 'direct',
    port: cluster.port,
    ca: cluster.ca,
    token: cluster.adminToken,
    agent: agent(),
  };
  const through = async (identity: string): Promise<Way> => {
    const token = await hoopctl.createIdentity(identity, 'requester');
    const proxy = await hoopctl.proxy('bench', { token });
    const { certificate = '', password, port } = proxy as typeof proxy & { certificate?: string };
    return { name: identity, port, ca: certificate, token: password, agent: agent() };
  };
  const ways = {
    plain: await through('plain'),
    usual: await through('usual'),
    every: await through('every'),
  };
  const pods = '/api/v1/namespaces/default/pods';
  const secrets = '/api/v1/namespaces/default/secrets';
  const loads: readonly (readonly [string, () => Promise<Row>])[] = [
    ['pods, no masks', () => list('pods, no masks', pods, direct, ways.plain, true)],
    ['secrets, data hidden', () => list('secrets, data hidden', secrets, direct, ways.plain, true)],
    ['pods, 3 detectors', () => list('pods, 3 detectors', pods, direct, ways.usual, true)],
    ['pods, all detectors', () => list('pods, all detectors', pods, direct, ways.every, false)],
    ['secrets, all detectors', () => list('secrets, all detectors', secrets, direct, ways.every, false)],
    ['one pod', () => get('one pod', `${pods}/web-1`, direct, ways.plain)],
    ['one pod, all detectors', () => get('one pod, all detectors', `${pods}/web-1`, direct, ways.every)],
  ];
  for (const [name, measure] of loads) {
    if (options.only !== undefined && !name.includes(options.only)) continue;
    const row = await measure();
    rows.push(row);
    if (options.json) continue;
    const mark = row.ok === undefined ? ' ' : row.ok ? '✔' : '✘';
    process.stdout.write(
      `${mark} ${row.load.padEnd(24)} direct ${row.direct.toFixed(2)} ${row.unit}, gateway ${row.gateway.toFixed(2)} ${row.unit}: ${row.figure}\n`,
    );
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ objects: OBJECTS, floors: FLOORS, rows })}\n`);
} finally {
  await hoopctl.close();
  await cluster.stop();
}
process.exitCode = rows.some(({ ok }) => ok === false) ? 1 : 0;

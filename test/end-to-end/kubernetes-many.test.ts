import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Proxy as HeldProxy, Hoopctl } from '../servers/hoopctl.ts';
import { ask, begin, type Place, writeKubeconfig } from '../servers/kube-client.ts';
import { clusterMissing, startCluster, type TestCluster } from '../servers/kubernetes.ts';
import { run } from '../servers/psql.ts';

const missing = clusterMissing();
if (missing !== undefined) test.skip(`tests of many Kubernetes users did not run: ${missing}`, () => {});

/** Each may write in the namespace of its name alone; only ana sees addresses. */
const PEOPLE = ['ana', 'bob', 'cleo'] as const;
type Person = (typeof PEOPLE)[number];
const POLICY = `version: 1
rules:
  - {name: look, effects: [read], decision: allow}
  - {name: change, who: [ana, bob], effects: [write], decision: allow}
masks:
  - {name: addresses, detect: [email], strategy: redact, except: [ana]}
`;
const CLIENTS_EACH = 8;
const ROUNDS = 3;

describe.skipIf(missing !== undefined)('three people with many clients on one connection', () => {
  let cluster: TestCluster;
  let hoopctl: Hoopctl;
  const ways = new Map<Person, { proxy: HeldProxy & Place; kubeconfig: string }>();

  beforeAll(async () => {
    cluster = await startCluster();
    // The roles that Kubernetes brings are filled by a controller that does not run here.
    for (const [name, verbs] of [
      ['looks', ['get', 'list', 'watch']],
      ['changes', ['*']],
    ] as const) {
      const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs }];
      await cluster.api('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
        metadata: { name },
        rules,
      });
    }
    for (const person of PEOPLE) {
      await cluster.api('POST', '/api/v1/namespaces', { metadata: { name: person } });
      const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${person}`;
      await cluster.api('POST', `${rbac}/rolebindings`, {
        metadata: { name: 'own' },
        subjects: [{ kind: 'User', name: person, apiGroup: 'rbac.authorization.k8s.io' }],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'changes' },
      });
      await cluster.api('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
        metadata: { name: person },
        subjects: [{ kind: 'User', name: person, apiGroup: 'rbac.authorization.k8s.io' }],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'looks' },
      });
    }
    hoopctl = await Hoopctl.initialised();
    await hoopctl.applyPolicy(POLICY);
    await hoopctl.ok([
      ...['connection', 'add', 'prod-k8s', '--kubeconfig', cluster.kubeconfig],
      ...['--impersonate', '--no-input'],
    ]);
    for (const person of PEOPLE) {
      const token = await hoopctl.createIdentity(person, 'requester');
      const proxy = (await hoopctl.proxy('prod-k8s', { token })) as HeldProxy & Place;
      ways.set(person, { proxy, kubeconfig: writeKubeconfig(proxy, join(hoopctl.home, '..')) });
    }
  }, 120_000);

  afterAll(async () => {
    await hoopctl?.close();
    await cluster?.stop();
  }, 60_000);

  const way = (person: Person) => {
    const found = ways.get(person);
    if (found === undefined) throw new Error(`no way for ${person}`);
    return found;
  };
  const mail = (person: Person, client: number) => `${person}-${client}@example.com`;

  /** Server-side apply, a read of what everybody wrote, and again. */
  async function work(person: Person, client: number): Promise<readonly string[]> {
    const { proxy } = way(person);
    const seen: string[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const name = `c-${client}`;
      const body = JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name },
        data: { mail: mail(person, client), round: String(round) },
      });
      const applied = await ask(
        proxy,
        'PATCH',
        `/api/v1/namespaces/${person}/configmaps/${name}?fieldManager=test&force=true`,
        { body, headers: { 'content-type': 'application/apply-patch+yaml' } },
      );
      seen.push(applied.text);
      expect(applied.status).toBe(person === 'cleo' ? 403 : round === 1 ? 201 : 200);
      const other = PEOPLE[(PEOPLE.indexOf(person) + 1) % PEOPLE.length] ?? 'bob';
      const trespass = await ask(
        proxy,
        'PATCH',
        `/api/v1/namespaces/${other}/configmaps/x?fieldManager=test`,
        { body, headers: { 'content-type': 'application/apply-patch+yaml' } },
      );
      expect(trespass.status).toBe(403);
      const all = await ask(proxy, 'GET', '/api/v1/configmaps');
      expect(all.status).toBe(200);
      seen.push(all.text);
    }
    return seen;
  }

  test('get each what is theirs: names, rights and masks never change places', async () => {
    const watched = new Map<Person, string[]>();
    const watches = await Promise.all(
      PEOPLE.map(async (person): Promise<IncomingMessage> => {
        const said: string[] = [];
        watched.set(person, said);
        const answer = await begin(way(person).proxy, 'GET', '/api/v1/configmaps?watch=1');
        answer.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')));
        return answer;
      }),
    );
    const kubectl = (person: Person) =>
      run('kubectl', ['get', 'configmaps', '-A', '-o', 'json'], {
        env: { PATH: process.env.PATH ?? '', KUBECONFIG: way(person).kubeconfig, HOME: hoopctl.home },
      });
    const [worked, ran] = await Promise.all([
      Promise.all(
        PEOPLE.flatMap((person) =>
          Array.from({ length: CLIENTS_EACH }, async (_, client) => ({
            person,
            seen: await work(person, client),
          })),
        ),
      ),
      Promise.all(PEOPLE.map(async (person) => ({ person, ...(await kubectl(person)) }))),
    ]);
    for (const watch of watches) watch.destroy();
    const texts = [
      ...worked.map(({ person, seen }) => ({ person, text: seen.join('\n') })),
      ...ran.map(({ person, stdout }) => ({ person, text: stdout })),
      ...[...watched].map(([person, said]) => ({ person, text: said.join('') })),
    ];
    expect(worked).toHaveLength(PEOPLE.length * CLIENTS_EACH);
    for (const { person, text } of texts) {
      if (person !== 'ana') expect(text).not.toContain('@example.com');
    }
    const told = (person: Person) =>
      texts
        .filter((one) => one.person === person)
        .map(({ text }) => text)
        .join();
    expect(told('ana')).toContain(mail('bob', 3));
    expect(told('bob')).toContain('[masked]');
    // What stands in the cluster is what each wrote, where it may.
    const { items } = await cluster.api<{
      items: { metadata: { namespace: string; name: string }; data: { mail: string } }[];
    }>('GET', '/api/v1/configmaps');
    const written = items.filter(({ metadata }) => metadata.name.startsWith('c-'));
    expect(written).toHaveLength(2 * CLIENTS_EACH);
    for (const { data, metadata } of written)
      expect(data.mail).toBe(`${metadata.namespace}-${metadata.name.slice(2)}@example.com`);
  }, 90_000);

  test('are told apart in the books', async () => {
    const { sessions } = await hoopctl.json<{ sessions: { id: string; identity: string }[] }>([
      'session',
      'list',
    ]);
    for (const person of PEOPLE) {
      const own = sessions.find(({ identity }) => identity === person);
      const replay = await hoopctl.ok(['replay', own?.id ?? '', '--no-wait']);
      const patched = [...replay.stdout.matchAll(/PATCH \/api\/v1\/namespaces\/(\w+)\/configmaps\/c-/g)];
      expect(new Set(patched.map(([, namespace]) => namespace))).toEqual(new Set([person]));
    }
  });

  test('keep their own credentials: none is good at the place of another', async () => {
    for (const [one, other] of [
      ['ana', 'bob'],
      ['bob', 'cleo'],
      ['cleo', 'ana'],
    ] as const) {
      const mixed = { ...way(one).proxy, password: way(other).proxy.password };
      expect((await ask(mixed, 'GET', '/api/v1/configmaps')).status).toBe(401);
    }
  });
});

import type { OutgoingHttpHeaders } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Proxy as HeldProxy, Hoopctl } from '../servers/hoopctl.ts';
import { ask, type Place, raw } from '../servers/kube-client.ts';
import { startKubelet, type TestKubelet } from '../servers/kubelet.ts';
import { clusterMissing, startCluster, type TestCluster } from '../servers/kubernetes.ts';

const missing = clusterMissing();
if (missing !== undefined) test.skip(`hostile tests of Kubernetes did not run: ${missing}`, () => {});

/** Everything ordinary is allowed; what is not must find no other way. */
const POLICY = `version: 1
rules:
  - {name: ordinary, effects: [read, write, session], decision: allow}
  - {name: keeper, who: [keeper], objects: ["*/secrets/*"], effects: [admin], decision: allow}
  - {name: no-deletes, commands: ["DELETE *", "DELETECOLLECTION *"], decision: block}
  - {name: no-new-services, commands: ["CREATE */services/*"], decision: block}
  - {name: frozen, objects: ["frozen/*", "/namespaces/frozen"], effects: [write, admin, unknown], decision: block}
  - {name: no-power, commands: ["RUN AS */serviceaccounts/power *", "RUN AS */serviceaccounts/\\\\* *"], decision: block}
`;
const JSON_TYPE = { 'content-type': 'application/json' };
const NS = '/api/v1/namespaces/default';

interface Trick {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: OutgoingHttpHeaders;
}

const pod = (spec: object) =>
  JSON.stringify({ metadata: { name: 'trick' }, spec: { containers: [{ name: 'a', image: 'b' }], ...spec } });
const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': 'v5.channel.k8s.io',
};
const spdy = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' };

/** Numbers are those of the family in which the case is listed. */
const TRICKS: readonly Trick[] = [
  // 1: ways into a container
  ...[
    'exec?command=id',
    'attach?stdin=true',
    'portforward',
    'proxy',
    'proxy/x',
    'ephemeralcontainers',
  ].flatMap((way) =>
    (['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).flatMap((method) =>
      way === 'ephemeralcontainers' && method === 'GET'
        ? []
        : [{ name: `1 ${method} ${way}`, method, path: `${NS}/pods/web/${way}` }],
    ),
  ),
  {
    name: '1 exec by WebSocket',
    method: 'GET',
    path: `${NS}/pods/web/exec?command=id&stdout=1`,
    headers: upgrade,
  },
  { name: '1 exec by SPDY', method: 'POST', path: `${NS}/pods/web/exec?command=id&stdout=1`, headers: spdy },
  {
    name: '1 exec with two commands',
    method: 'GET',
    path: `${NS}/pods/web/exec?command=id&command=%2Ftmp`,
    headers: upgrade,
  },
  // 2: identity headers
  { name: '2 impersonation', method: 'GET', path: `${NS}/pods`, headers: { 'impersonate-user': 'admin' } },
  {
    name: '2 impersonation of a group alone',
    method: 'GET',
    path: `${NS}/pods`,
    headers: { 'impersonate-group': 'system:masters' },
  },
  // 3: paths
  ...[
    `${NS}/pods/../secrets`,
    `${NS}/pods/%2e%2e/secrets`,
    `${NS}/%2e/secrets`,
    `${NS}/pods%2f..%2fsecrets`,
    `${NS}//secrets`,
    `//api/v1/namespaces/default/secrets`,
    `${NS}/secrets/`,
    `${NS}/Secrets`,
    '/API/v1/secrets',
    '/api/V1/secrets',
    `${NS}/secrets;a=b`,
    `${NS}/secrets?watch=0;watch=1`,
    `${NS}/pods?fieldSelector=a&fieldSelector=b`,
    '/api/v1/watch/secrets',
    '/api/v1/watch/namespaces/default/secrets/db',
    '/api/v1/proxy/namespaces/default/pods/web',
    '/api/v1/redirect/namespaces/default/pods/web',
    'https://127.0.0.1/api/v1/secrets',
    '*',
  ].map((path) => ({ name: `3 ${path}`, method: 'GET', path })),
  // 4: bodies
  {
    name: '4 CBOR',
    method: 'POST',
    path: `${NS}/configmaps`,
    body: '\xa0',
    headers: { 'content-type': 'application/cbor' },
  },
  {
    name: '4 an unknown type',
    method: 'POST',
    path: `${NS}/configmaps`,
    body: '{}',
    headers: { 'content-type': 'text/plain' },
  },
  {
    name: '4 protobuf that is none',
    method: 'POST',
    path: `${NS}/configmaps`,
    body: 'k8s',
    headers: { 'content-type': 'application/vnd.kubernetes.protobuf' },
  },
  {
    name: '4 JSON called protobuf',
    method: 'POST',
    path: `${NS}/configmaps`,
    body: '{}',
    headers: { 'content-type': 'application/vnd.kubernetes.protobuf' },
  },
  {
    name: '4 gzip',
    method: 'POST',
    path: `${NS}/configmaps`,
    body: gzipSync('{}').toString('latin1'),
    headers: { ...JSON_TYPE, 'content-encoding': 'gzip' },
  },
  {
    name: '4 a key twice',
    method: 'POST',
    path: `${NS}/pods`,
    body: '{"metadata":{"name":"trick"},"spec":{},"spec":{"hostPID":true}}',
    headers: JSON_TYPE,
  },
  {
    name: '4 a YAML anchor',
    method: 'POST',
    path: `${NS}/configmaps`,
    body: 'metadata: &a {name: trick}\nb: *a\n',
    headers: { 'content-type': 'application/yaml' },
  },
  {
    name: '4 two YAML documents',
    method: 'POST',
    path: `${NS}/configmaps`,
    body: 'metadata: {name: trick}\n---\nmetadata: {name: b}\n',
    headers: { 'content-type': 'application/yaml' },
  },
  {
    name: '4 more than the server takes',
    method: 'POST',
    path: `${NS}/configmaps`,
    body: `{"a":"${'x'.repeat(4e6)}"}`,
    headers: JSON_TYPE,
  },
  // 5: patches and apply
  {
    name: '5 apply that makes a service',
    method: 'PATCH',
    path: `${NS}/services/trick?fieldManager=a`,
    body: '{"apiVersion":"v1","kind":"Service","metadata":{"name":"trick"},"spec":{"ports":[{"port":80}]}}',
    headers: { 'content-type': 'application/apply-patch+yaml' },
  },
  {
    name: '5 apply by force',
    method: 'PATCH',
    path: `${NS}/services/trick?fieldManager=a&force=true`,
    body: '{"apiVersion":"v1","kind":"Service","metadata":{"name":"trick"},"spec":{"ports":[{"port":80}]}}',
    headers: { 'content-type': 'application/apply-patch+yaml' },
  },
  {
    name: '5 update that makes a service',
    method: 'PUT',
    path: `${NS}/services/trick`,
    body: '{"apiVersion":"v1","kind":"Service","metadata":{"name":"trick"},"spec":{"ports":[{"port":80}]}}',
    headers: JSON_TYPE,
  },
  { name: '5 dry run of what is not allowed', method: 'DELETE', path: `${NS}/pods/web?dryRun=All` },
  {
    name: '5 a patch of a kind that there is not',
    method: 'PATCH',
    path: `${NS}/pods/web`,
    body: '{}',
    headers: { 'content-type': 'application/other-patch+json' },
  },
  {
    name: '5 a JSON Patch to the node',
    method: 'PATCH',
    path: `${NS}/pods/web`,
    body: '[{"op":"add","path":"/spec/hostNetwork","value":true}]',
    headers: { 'content-type': 'application/json-patch+json' },
  },
  {
    name: '5 a JSON Patch that spells its paths in escapes',
    method: 'PATCH',
    path: '/apis/apps/v1/namespaces/default/deployments/web',
    body: '[{"op":"add","path":"\\u002fspec/template/spec/hostNetwork","value":true}]',
    headers: { 'content-type': 'application/json-patch+json' },
  },
  // 6: deletions
  { name: '6 a collection', method: 'DELETE', path: `${NS}/pods` },
  { name: '6 a collection of one', method: 'DELETE', path: `${NS}/pods?fieldSelector=metadata.name%3Dweb` },
  {
    name: '6 with a body',
    method: 'DELETE',
    path: `${NS}/pods/web`,
    body: '{"propagationPolicy":"Orphan"}',
    headers: JSON_TYPE,
  },
  {
    name: '6 by eviction',
    method: 'POST',
    path: `${NS}/pods/web/eviction`,
    body: '{"apiVersion":"policy/v1beta1","kind":"Eviction","metadata":{"name":"web","namespace":"default"}}',
    headers: JSON_TYPE,
  },
  { name: '6 the namespace around it', method: 'DELETE', path: '/api/v1/namespaces/default' },
  // 7: what reaches further
  ...[
    ['GET', '/api/v1/nodes/n1/proxy/'],
    ['GET', '/api/v1/nodes/n1/proxy/exec/default/web/main'],
    ['GET', `${NS}/services/x/proxy`],
    ['POST', `${NS}/serviceaccounts/default/token`],
    ['PUT', '/apis/certificates.k8s.io/v1/certificatesigningrequests/a/approval'],
    ['PUT', '/apis/certificates.k8s.io/v1/certificatesigningrequests/a/status'],
    ['POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings`],
    ['GET', `${NS}/secrets`],
    ['GET', `${NS}/secrets/db`],
    ['HEAD', `${NS}/secrets/db`],
    ['GET', `${NS}/secrets?watch=true`],
    ['GET', '/api/v1/secrets?fieldSelector=metadata.name%3Ddb'],
    ['PATCH', `${NS}/secrets/db`],
    ['POST', `${NS}/pods/web/binding`],
    ['POST', `${NS}/bindings`],
    ['PATCH', '/api/v1/nodes/n1/status'],
  ].map(([method = '', path = '']) => ({ name: `7 ${method} ${path}`, method, path })),
  {
    name: '7 secrets as metadata alone',
    method: 'GET',
    path: `${NS}/secrets`,
    headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' },
  },
  // 8: paths outside of the API
  ...[
    '/metrics',
    '/debug/pprof/heap',
    '/debug/flags/v',
    '/logs/',
    '/apis/metrics.k8s.io/v1beta1/pods',
    '/apis/other.example/v1/things',
    '/api/v1/things',
    '/configz',
    '/x',
  ].map((path) => ({ name: `8 ${path}`, method: 'GET', path })),
  // 9: who may do what
  ...[
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
    '/apis/apiregistration.k8s.io/v1/apiservices',
    '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles',
    '/apis/flowcontrol.apiserver.k8s.io/v1beta1/flowschemas',
  ].map((path) => ({
    name: `9 ${path}`,
    method: 'POST',
    path,
    body: '{"metadata":{"name":"trick"}}',
    headers: JSON_TYPE,
  })),
  // 10: pods that reach for their node, or for more power
  ...[
    { volumes: [{ name: 'v', hostPath: { path: '/' } }] },
    { hostPID: true },
    { nodeName: 'n1' },
    { serviceAccountName: 'power' },
    { serviceAccount: 'power' },
    { containers: [{ name: 'a', image: 'b', securityContext: { privileged: true } }] },
    {
      initContainers: [{ name: 'a', image: 'b', securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }],
    },
  ].map((spec) => ({
    name: `10 ${JSON.stringify(spec)}`,
    method: 'POST',
    path: `${NS}/pods`,
    body: pod(spec),
    headers: JSON_TYPE,
  })),
];

describe.skipIf(missing !== undefined)('a request that says one thing and does another', () => {
  let cluster: TestCluster;
  let kubelet: TestKubelet;
  let hoopctl: Hoopctl;
  let proxy: HeldProxy & Place;
  let keeper: Place;
  let before: string;

  /** All that a trick could have changed. */
  async function state(): Promise<string> {
    const kinds = ['pods', 'configmaps', 'services', 'secrets'];
    const names = await Promise.all(
      kinds.map(async (kind) => {
        const { items } = await cluster.api<{ items: { metadata: { name: string; uid: string } }[] }>(
          'GET',
          `${NS}/${kind}`,
        );
        return items.map(({ metadata }) => `${kind}/${metadata.name}/${metadata.uid}`);
      }),
    );
    return names.flat().sort().join('\n');
  }

  beforeAll(async () => {
    cluster = await startCluster();
    kubelet = await startKubelet(cluster);
    await kubelet.addPod('web');
    await cluster.api('POST', `${NS}/secrets`, {
      metadata: { name: 'db' },
      stringData: { password: 'hunter2' },
    });
    hoopctl = await Hoopctl.initialised();
    await hoopctl.applyPolicy(POLICY.replaceAll('\\\\*', '*'));
    await hoopctl.ok(['connection', 'add', 'prod-k8s', '--kubeconfig', cluster.kubeconfig, '--no-input']);
    const token = await hoopctl.createIdentity('devin', 'requester');
    proxy = (await hoopctl.proxy('prod-k8s', { token })) as typeof proxy;
    const other = await hoopctl.createIdentity('keeper', 'requester');
    keeper = (await hoopctl.proxy('prod-k8s', { token: other })) as typeof proxy;
    before = await state();
  }, 120_000);

  afterAll(async () => {
    await hoopctl?.close();
    await kubelet?.stop();
    await cluster?.stop();
  }, 60_000);

  test.each(TRICKS.map((trick) => [trick.name, trick] as const))('is refused: %s', async (_name, trick) => {
    const { status, text } = await ask(proxy, trick.method, trick.path, {
      headers: trick.headers ?? {},
      ...(trick.body === undefined ? {} : { body: trick.body }),
    });
    expect([400, 403, 413]).toContain(status);
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain(Buffer.from('hunter2').toString('base64'));
  });

  test.each([
    ['discovery', 'GET', '/api', undefined],
    ['a version', 'GET', '/version', undefined],
    ['schemas', 'GET', '/openapi/v2', undefined],
    ['a list', 'GET', `${NS}/pods`, undefined],
    ['a list with a slash behind it', 'GET', `${NS}/pods/`, undefined],
    ['a table', 'GET', `${NS}/pods?limit=0`, undefined],
    ['a name as a selector', 'GET', `${NS}/pods?fieldSelector=metadata.name%3Dweb`, undefined],
    [
      'a question about oneself',
      'POST',
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      '{"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}',
    ],
    [
      'a question about a token',
      'POST',
      '/apis/authentication.k8s.io/v1/tokenreviews',
      '{"spec":{"token":"x"}}',
    ],
    ['a dry run', 'POST', `${NS}/configmaps?dryRun=All`, '{"metadata":{"name":"dry"}}'],
  ])('an ordinary one is served: %s', async (_name, method, path, body) => {
    const answer = await ask(proxy, method, path, body === undefined ? {} : { body, headers: JSON_TYPE });
    expect([200, 201]).toContain(answer.status);
  });

  test('a token that ran out of its list is the same list, masked and judged again', async () => {
    const first = await ask(proxy, 'GET', `${NS}/pods?limit=1`);
    expect(first.status).toBe(200);
    const forged = await ask(proxy, 'GET', `${NS}/pods?limit=1&continue=not-a-token`);
    expect([200, 400, 410]).toContain(forged.status);
  });

  const HIDDEN = Buffer.from('hunter2').toString('base64');

  test.each([
    ['what cannot be decoded', 'json', '[{"op":"add","path":"/data/x","value":"!!!"}]', 422],
    ['the same, merged', 'merge', '{"data":{"x":"!!!"}}', 422],
    ['the same, as strategic', 'strategic-merge', '{"data":{"x":"!!!"}}', 422],
    ['a copy beside it', 'json', '[{"op":"copy","from":"/data/password","path":"/metadata/labels/x"}]', 400],
    ['a copy in escapes', 'json', '[{"\\u006fp":"c\\u006fpy","from":"/data/password","path":"/type"}]', 400],
    ['a move', 'json', '[{"op":"move","from":"/data/password","path":"/metadata/annotations"}]', 400],
    ['a guess', 'json', `[{"op":"test","path":"/data/password","value":"${HIDDEN}"}]`, 400],
  ])(
    'a patch of a Secret by somebody who may does not bring it to light: %s (14)',
    async (_name, kind, body, code) => {
      const answer = await ask(keeper, 'PATCH', `${NS}/secrets/db`, {
        body,
        headers: { 'content-type': `application/${kind}-patch+json` },
      });
      expect(answer.status).toBe(code);
      expect(answer.text).not.toMatch(/hunter2/);
      expect(answer.text).not.toContain(HIDDEN);
      expect(answer.text).toMatch(/masked/);
    },
  );

  test('an ordinary patch of a Secret is taken, and one of none says so', async () => {
    const patch = (name: string, body: string, kind: string) =>
      ask(keeper, 'PATCH', `${NS}/secrets/${name}`, {
        body,
        headers: { 'content-type': `application/${kind}-patch+json` },
      });
    const merged = await patch('db', '{"metadata":{"labels":{"a":"b"}}}', 'merge');
    expect(merged.status).toBe(200);
    expect(merged.text).not.toContain(HIDDEN);
    const tested =
      '[{"op":"test","path":"/metadata/name","value":"db"},{"op":"remove","path":"/metadata/labels/a"}]';
    expect((await patch('db', tested, 'json')).status).toBe(200);
    expect((await patch('none', '{}', 'merge')).text).toContain('secrets \\"none\\" not found');
  });

  test('nothing hides behind a request that was answered (12)', async () => {
    const head = `Host: x\r\nAuthorization: Bearer ${proxy.password}\r\n`;
    for (const text of [
      `GET /version HTTP/1.1\r\n${head}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
      `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
      `POST ${NS}/configmaps HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`,
      `POST ${NS}/configmaps HTTP/1.1\r\n${head}Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
      `POST ${NS}/configmaps HTTP/1.1\r\n${head}Transfer-Encoding:\x0bchunked\r\nContent-Length: 2\r\n\r\n{}`,
      `GET /version HTTP/1.1\n${head.replaceAll('\r', '')}\nGET ${NS}/secrets HTTP/1.1\n\n`,
    ]) {
      const said = await raw(proxy, text);
      expect(said).not.toContain('gitVersion');
      expect(said).not.toContain('"items"');
    }
  });

  test('and nothing of it all has changed the cluster', async () => {
    expect(await state()).toBe(before);
  });
});

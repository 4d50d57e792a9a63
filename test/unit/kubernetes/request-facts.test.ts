import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readBody } from '../../../src/protocols/kubernetes/request-body.ts';
import { requestFacts } from '../../../src/protocols/kubernetes/request-facts.ts';
import { type Method, requestInfo } from '../../../src/protocols/kubernetes/request-info.ts';
import { readTarget } from '../../../src/protocols/kubernetes/request-target.ts';

const local = (group: string) =>
  group === 'example.com' ? true : group === 'metrics.k8s.io' ? false : undefined;

/** `effect: command` of every action. */
function effects(method: Method, target: string, body?: string, type = 'application/json'): string[] {
  const { facts } = requestFacts(
    {
      method,
      target: readTarget(target),
      body: body === undefined ? undefined : { type, bytes: Buffer.from(body) },
      impersonates: undefined,
    },
    local,
  );
  return facts.statements.flatMap((one) => one.actions.map((a) => `${a.effect}: ${a.command}`));
}

describe('a request is resolved as the API server resolves it', () => {
  const info = (method: Method, target: string) => requestInfo(method, readTarget(target));

  test.each([
    ['GET', '/api/v1/namespaces/shop/pods', 'list', '', 'pods', undefined, 'shop', undefined],
    ['GET', '/api/v1/namespaces/shop/pods/web', 'get', '', 'pods', undefined, 'shop', 'web'],
    ['HEAD', '/api/v1/namespaces/shop/pods/web', 'get', '', 'pods', undefined, 'shop', 'web'],
    ['GET', '/api/v1/pods?watch=true', 'watch', '', 'pods', undefined, '', undefined],
    ['GET', '/api/v1/pods?watch=0', 'list', '', 'pods', undefined, '', undefined],
    ['GET', '/api/v1/watch/namespaces/shop/pods', 'watch', '', 'pods', undefined, 'shop', undefined],
    ['GET', '/api/v1/proxy/namespaces/shop/pods/web/x', 'proxy', '', 'pods', undefined, 'shop', 'web'],
    ['GET', '/api/v1/namespaces/shop', 'get', '', 'namespaces', undefined, 'shop', 'shop'],
    ['PUT', '/api/v1/namespaces/shop/finalize', 'update', '', 'namespaces', 'finalize', 'shop', 'shop'],
    ['PUT', '/api/v1/namespaces/shop/status', 'update', '', 'namespaces', 'status', 'shop', 'shop'],
    [
      'DELETE',
      '/apis/apps/v1/namespaces/shop/deployments',
      'deletecollection',
      'apps',
      'deployments',
      undefined,
      'shop',
      undefined,
    ],
    [
      'PATCH',
      '/apis/apps/v1/namespaces/shop/deployments/web/scale',
      'patch',
      'apps',
      'deployments',
      'scale',
      'shop',
      'web',
    ],
    ['POST', '/api/v1/namespaces/shop/pods/web/exec?command=ls', 'create', '', 'pods', 'exec', 'shop', 'web'],
    [
      'GET',
      '/api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3Dweb',
      'list',
      '',
      'pods',
      undefined,
      'shop',
      'web',
    ],
    ['GET', '/api/v1/namespaces/namespaces/pods', 'list', '', 'pods', undefined, 'namespaces', undefined],
  ] as const)('%s %s', (method, target, verb, group, resource, subresource, namespace, name) => {
    expect(info(method, target)).toMatchObject({
      kind: 'resource',
      verb,
      group,
      resource,
      subresource,
      namespace,
      name,
    });
  });

  test('short paths are no resources', () => {
    for (const path of [
      '/',
      '/api',
      '/api/v1',
      '/apis',
      '/apis/apps',
      '/apis/apps/v1',
      '/version',
      '/metrics/x/y',
    ]) {
      expect(info('GET', path)).toMatchObject({ kind: 'path' });
    }
  });

  test('a path that the server cannot resolve is unknown', () => {
    expect(info('GET', '/api/v1/watch')).toBeUndefined();
    expect(effects('GET', '/api/v1/watch')).toEqual(['unknown: GET /api/v1/watch']);
  });
});

describe('what a request may come to by another way', () => {
  const shop = '/api/v1/namespaces/shop';

  test('apply and some updates make what is not there', () => {
    const type = 'application/apply-patch+yaml';
    expect(effects('PATCH', `${shop}/configmaps/a`, '{}', type)).toEqual([
      'write: PATCH shop/configmaps/a',
      'write: CREATE shop/configmaps/a',
    ]);
    expect(effects('PUT', `${shop}/services/a`, '{}')).toContain('write: CREATE shop/services/a');
    expect(effects('PUT', `${shop}/configmaps/a`, '{}')).toEqual(['write: UPDATE shop/configmaps/a']);
    expect(effects('PATCH', `${shop}/pods/a/status`, '{}', type)).toEqual([
      'write: PATCH shop/pods/a/status',
    ]);
  });

  test('a revision holds pods in whatever words', () => {
    const path = '/apis/apps/v1/namespaces/shop/controllerrevisions';
    const body = '{"metadata":{"name":"db-1"},"data":{"spec":{"template":{"spec":{"hostPID":true}}}}}';
    expect(effects('POST', path, body)).toEqual(['admin: CREATE shop/controllerrevisions/db-1']);
    expect(effects('GET', path)).toEqual(['read: LIST shop/controllerrevisions/*']);
  });

  test('the place of a kubelet is where the API server sends its credential', () => {
    expect(effects('PATCH', '/api/v1/nodes/n1/status', '{}')).toEqual(['admin: PATCH /nodes/n1/status']);
    expect(effects('GET', '/api/v1/nodes/n1/status')).toEqual(['read: GET /nodes/n1/status']);
    // Who makes a node says its status as well.
    expect(effects('POST', '/api/v1/nodes', '{"metadata":{"name":"n2"}}')).toEqual([
      'admin: CREATE /nodes/n2',
    ]);
    expect(effects('PATCH', '/api/v1/nodes/n1', '{}')).toEqual(['write: PATCH /nodes/n1']);
    expect(effects('PATCH', '/api/v1/nodes/n2', '{}', 'application/apply-patch+yaml')).toEqual([
      'write: PATCH /nodes/n2',
      'admin: CREATE /nodes/n2',
    ]);
  });

  test.each([
    ['POST', 'pods', '{"metadata":{"name":"a"},"spec":{"serviceAccountName":"power"}}', 'power'],
    ['POST', 'pods', '{"metadata":{"name":"a"},"spec":{"serviceAccount":"power"}}', 'power'],
    ['PATCH', 'pods/a', '{"spec":{"template":{"spec":{"serviceAccountName":"power"}}}}', 'power'],
    ['PATCH', 'pods/a', '[{"op":"add","value":"power","path":"/spec/serviceAccountName"}]', '*'],
  ] as const)('%s %s %s runs as another account', (method, path, body, account) => {
    expect(effects(method, `${shop}/${path}`, body)).toContain(
      `write: RUN AS shop/serviceaccounts/${account} shop/pods/a`,
    );
    expect(effects(method, `${shop}/${path}`, body.replace('power', 'default')).length).toBeGreaterThan(0);
  });

  test("a pod that names its namespace's own account, or none, asks for nothing", () => {
    for (const spec of ['{}', '{"serviceAccountName":"default"}', '{"serviceAccountName":""}']) {
      expect(effects('POST', `${shop}/pods`, `{"metadata":{"name":"a"},"spec":${spec}}`)).toEqual([
        'write: CREATE shop/pods/a',
      ]);
    }
    expect(
      effects('POST', `${shop}/configmaps`, '{"metadata":{"name":"a"},"data":{"serviceAccountName":"x"}}'),
    ).toEqual(['write: CREATE shop/configmaps/a']);
  });
});

describe('a path that could be read in two ways', () => {
  test.each([
    '/api/v1/namespaces/x/pods/y/../z',
    '/api/v1/namespaces/x/./pods',
    '/api/v1/namespaces/x/%2e%2e/secrets',
    '/api/v1/namespaces/x/%2E/secrets',
    '/api/v1/namespaces/x/pods%2fy',
    '/api/v1/namespaces/x/pods%2Fy/exec',
    '/api/v1/namespaces/x//pods',
    '//api/v1/pods',
    '/api/v1/namespaces/x/%70ods',
    '/api/v1/namespaces/x/pods%252fy',
    '/api/v1/namespaces/x/pods/..;/z',
    '/api/v1/namespaces/x/pods\\y',
    '/api/v1/pods%00',
    '/api/v1/pods%0d%0aX: y',
    '/api/v1/pods?watch=true;x=y',
    '/api/v1/pods#x',
    'https://other/api/v1/pods',
    '*',
    '/api/v1/pods/\u00e9',
    '/api/v1/pods/%ff',
    '/api/v1/pods/%zz',
    '/api/v1/pods/%',
    `/api/v1/pods/${'x'.repeat(40_000)}`,
  ])('is refused: %s', (target) => {
    expect(() => readTarget(target)).toThrow(/cannot be judged/);
  });

  test('is refused when a parameter that decides stands there twice', () => {
    expect(() => requestInfo('GET', readTarget('/api/v1/pods?watch=0&watch=1'))).toThrow(/twice/);
  });

  test('in upper case names nothing that is known', () => {
    expect(effects('GET', '/API/v1/pods')).toEqual(['unknown: GET /API/v1/pods']);
    expect(effects('GET', '/api/v1/Pods')).toEqual(['unknown: LIST */Pods/*']);
    expect(effects('GET', '/api/v1/namespaces/x/secretS')[0]).toMatch(/^unknown/);
  });

  test('names with characters that need an encoding stay readable', () => {
    expect(readTarget('/api/v1/a%20b/system:node').segments).toEqual(['api', 'v1', 'a b', 'system:node']);
  });

  test('never makes the reader throw anything else, and what is read encodes back', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('/', '.', '%', '2', 'e', 'f', 'a', 'P', '?', '=', '&', ';'),
          maxLength: 20,
        }),
        (text) => {
          let target: ReturnType<typeof readTarget>;
          try {
            target = readTarget(`/${text}`);
          } catch (error) {
            expect((error as { code: string }).code).toBe('bad_request_target');
            return;
          }
          const path = `/${text}`.split('?')[0] ?? '';
          const whole = `/${target.segments.join('/')}${target.trailingSlash ? '/' : ''}`;
          expect(whole).toBe(decodeURIComponent(path));
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('what a request does', () => {
  const shop = '/api/v1/namespaces/shop';

  test('reading, writing, deleting', () => {
    expect(effects('GET', `${shop}/pods`)).toEqual(['read: LIST shop/pods/*']);
    expect(effects('GET', '/api/v1/pods')).toEqual(['read: LIST */pods/*']);
    expect(effects('GET', '/api/v1/nodes/n1')).toEqual(['read: GET /nodes/n1']);
    expect(effects('GET', `${shop}/pods/web/log?follow=true`)).toEqual(['read: GET shop/pods/web/log']);
    expect(effects('POST', `${shop}/configmaps`, '{"metadata":{"name":"a"}}')).toEqual([
      'write: CREATE shop/configmaps/a',
    ]);
    expect(effects('POST', `${shop}/configmaps`, '{"metadata":{"generateName":"a-"}}')).toEqual([
      'write: CREATE shop/configmaps/*',
    ]);
    expect(effects('DELETE', `${shop}/pods`)).toEqual(['write: DELETECOLLECTION shop/pods/*']);
    expect(
      effects('DELETE', `${shop}/pods/web`, '{"kind":"DeleteOptions","propagationPolicy":"Orphan"}'),
    ).toEqual(['write: DELETE shop/pods/web']);
    expect(effects('POST', `${shop}/pods/web/eviction`, '{}')).toEqual([
      'write: CREATE shop/pods/web/eviction',
      'write: DELETE shop/pods/web',
    ]);
  });

  test('a namespace takes everything in it along', () => {
    expect(effects('DELETE', shop)).toEqual(['write: DELETE /namespaces/shop', 'write: DELETE shop/*/*']);
  });

  test.each([
    ['POST', `${shop}/pods/web/exec?command=ls`, 'admin: EXEC shop/pods/web'],
    ['GET', `${shop}/pods/web/exec?command=ls`, 'admin: EXEC shop/pods/web'],
    ['GET', `${shop}/pods/web/attach`, 'admin: ATTACH shop/pods/web'],
    ['POST', `${shop}/pods/web/portforward`, 'admin: PORT-FORWARD shop/pods/web'],
    ['GET', `${shop}/pods/web/proxy/x/y`, 'admin: PROXY shop/pods/web'],
    ['GET', `${shop}/services/web:80/proxy/x`, 'admin: PROXY shop/services/web:80'],
    ['GET', '/api/v1/nodes/n1/proxy/run/x', 'admin: PROXY /nodes/n1'],
    ['GET', '/api/v1/proxy/nodes/n1/x', 'admin: PROXY /nodes/n1'],
    ['PATCH', `${shop}/pods/web/ephemeralcontainers`, 'admin: PATCH shop/pods/web/ephemeralcontainers'],
    ['POST', `${shop}/serviceaccounts/a/token`, 'admin: CREATE shop/serviceaccounts/a/token'],
    [
      'PUT',
      '/apis/certificates.k8s.io/v1/certificatesigningrequests/a/approval',
      'admin: UPDATE /certificatesigningrequests/a/approval',
    ],
    ['GET', `${shop}/secrets/a`, 'admin: GET shop/secrets/a'],
    ['GET', `${shop}/secrets`, 'admin: LIST shop/secrets/*'],
    ['GET', '/api/v1/secrets?watch=1', 'admin: WATCH */secrets/*'],
    ['GET', '/api/v1/watch/secrets', 'admin: WATCH */secrets/*'],
    [
      'POST',
      '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
      'admin: CREATE /clusterrolebindings/*',
    ],
    ['PATCH', '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/r', 'admin: PATCH shop/roles/r'],
    [
      'POST',
      '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
      'admin: CREATE /mutatingwebhookconfigurations/*',
    ],
    ['POST', '/apis/apiregistration.k8s.io/v1/apiservices', 'admin: CREATE /apiservices/*'],
    ['POST', `${shop}/bindings`, 'admin: CREATE shop/bindings/*'],
    ['POST', `${shop}/pods/web/binding`, 'admin: CREATE shop/pods/web/binding'],
    [
      'POST',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      'ddl: CREATE /customresourcedefinitions/*',
    ],
  ] as const)('%s %s is not an ordinary read or write', (method, target, expected) => {
    expect(effects(method, target)[0]).toBe(expected);
  });

  test('a patch of a secret shows it, so it counts as reading it too', () => {
    expect(effects('PATCH', `${shop}/secrets/a`, '{}', 'application/merge-patch+json')).toEqual([
      'write: PATCH shop/secrets/a',
      'admin: READ shop/secrets/a',
    ]);
  });

  test('reviews of what somebody may do are reads', () => {
    expect(effects('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', '{}')).toEqual([
      'read: CREATE /selfsubjectaccessreviews/*',
    ]);
    expect(effects('POST', '/apis/authentication.k8s.io/v1/tokenreviews', '{}')).toEqual([
      'read: CREATE /tokenreviews/*',
    ]);
  });

  test('discovery and health are reads; other paths are unknown', () => {
    for (const path of [
      '/',
      '/api',
      '/api/v1',
      '/apis',
      '/apis/apps/v1',
      '/openapi/v2',
      '/openapi/v3/apis/apps/v1',
      '/version',
      '/healthz',
      '/readyz',
      '/.well-known/openid-configuration',
      '/openid/v1/jwks',
    ]) {
      expect(effects('GET', path)).toEqual([`read: GET ${path}`]);
    }
    for (const path of [
      '/metrics',
      '/debug/pprof',
      '/logs',
      '/logs/kube-apiserver.log',
      '/swagger.json',
      '/configz',
    ]) {
      expect(effects('GET', path)[0]).toMatch(/^unknown/);
    }
    expect(effects('POST', '/version', '{}')[0]).toMatch(/^unknown/);
  });

  test('aggregated and unheard-of groups are unknown, custom resources are what their verb says', () => {
    expect(effects('GET', '/apis/metrics.k8s.io/v1beta1/pods')).toEqual([
      'unknown: LIST */pods.metrics.k8s.io/*',
    ]);
    expect(effects('GET', '/apis/nobody.io/v1/things')[0]).toMatch(/^unknown/);
    expect(effects('GET', '/apis/example.com/v1/namespaces/shop/widgets/a')).toEqual([
      'read: GET shop/widgets.example.com/a',
    ]);
    expect(effects('GET', '/apis/example.com/v1/namespaces/shop/widgets/a/connect')[0]).toMatch(/^unknown/);
    expect(effects('GET', `${shop}/pods/web/newthing`)[0]).toMatch(/^unknown/);
  });

  test('impersonation is an admin action of its own', () => {
    const { facts } = requestFacts(
      { method: 'GET', target: readTarget('/version'), body: undefined, impersonates: 'system:admin' },
      local,
    );
    expect(facts.statements[0]?.actions.at(-1)).toMatchObject({
      effect: 'admin',
      command: 'IMPERSONATE /users/system:admin',
    });
  });
});

describe('what a body asks for', () => {
  const host = (body: object) =>
    readBody({ type: 'application/json', bytes: Buffer.from(JSON.stringify(body)) }).hostAccess;

  test('a plain pod asks for nothing of the node', () => {
    expect(
      host({
        kind: 'Pod',
        metadata: { name: 'a', labels: { privileged: 'x' } },
        spec: {
          hostNetwork: false,
          containers: [
            {
              securityContext: {
                privileged: false,
                capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
              },
            },
          ],
        },
      }),
    ).toEqual([]);
    expect(host({ kind: 'ConfigMap', data: { hostPath: '/', path: '/spec/hostNetwork' } })).toEqual([]);
  });

  test.each([
    [{ spec: { volumes: [{ hostPath: { path: '/' } }] } }, 'hostPath'],
    [{ spec: { template: { spec: { hostPID: true } } } }, 'hostPID'],
    [{ spec: { containers: [{ securityContext: { privileged: true } }] } }, 'privileged'],
    [
      { spec: { containers: [{ securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }] } },
      'capabilities',
    ],
    [{ spec: { nodeName: 'n1' } }, 'nodeName'],
    [{ kind: 'PersistentVolume', spec: { local: { path: '/x' } } }, 'hostPath'],
    [[{ op: 'add', path: '/spec/template/spec/hostNetwork', value: true }], 'hostNetwork'],
    [[{ op: 'add', path: '/spec/volumes/-', value: { hostPath: {} } }], 'hostPath'],
  ])('%j reaches for the node', (body, expected) => {
    expect(host(body)).toContain(expected);
  });

  test.each([
    ['{"spec":{"h\\u006fstPID":true}}', 'hostPID'],
    ['[{"op":"add","path":"\\u002fspec\\/template/spec/hostNetwork","value":true}]', 'hostNetwork'],
    ['[{"op":"add","p\\u0061th":"/spec/h\\u006fstIPC","value":true}]', 'hostIPC'],
  ])('%s does so, however it is spelled', (body, expected) => {
    expect(readBody({ type: 'application/json', bytes: Buffer.from(body) }).hostAccess).toEqual([expected]);
  });

  test('such a write is an admin action too', () => {
    expect(
      effects('POST', '/api/v1/namespaces/shop/pods', '{"metadata":{"name":"a"},"spec":{"hostPID":true}}'),
    ).toEqual(['write: CREATE shop/pods/a', 'admin: HOST ACCESS shop/pods/a hostPID']);
  });

  test('what cannot be read is unknown', () => {
    const post = (body: string, type: string) =>
      effects('POST', '/api/v1/namespaces/shop/pods', body, type)[0];
    expect(post('{"spec":{"hostPID":true},"spec":{}}', 'application/json')).toMatch(/^unknown/);
    expect(post('{', 'application/json')).toMatch(/^unknown/);
    expect(post('{}', 'application/cbor')).toMatch(/^unknown/);
    expect(post('{}', 'text/plain')).toMatch(/^unknown/);
    expect(post('a: &x 1\nb: *x', 'application/yaml')).toMatch(/^unknown/);
    expect(post('<<: {a: 1}', 'application/yaml')).toMatch(/^unknown/);
    expect(post('a: !!binary aGk=', 'application/yaml')).toMatch(/^unknown/);
    expect(post('a: 1\n---\nb: 1', 'application/yaml')).toMatch(/^unknown/);
    expect(post('a: 1\na: 2', 'application/yaml')).toMatch(/^unknown/);
    expect(post('\u0000', 'application/vnd.kubernetes.protobuf')).toMatch(/^unknown/);
    expect(post(`${'['.repeat(300)}${']'.repeat(300)}`, 'application/json')).toMatch(/^unknown/);
  });

  test('YAML is read as the server reads it', () => {
    const yaml = 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  hostNetwork: yes\n';
    expect(readBody({ type: 'application/yaml', bytes: Buffer.from(yaml) })).toMatchObject({
      kind: 'Pod',
      name: 'web',
      hostAccess: ['hostNetwork'],
    });
  });

  test('of any bytes never throws', () => {
    const types = [
      'application/json',
      'application/yaml',
      'application/vnd.kubernetes.protobuf',
      'application/apply-patch+yaml',
    ];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom(...types),
        fc.boolean(),
        (bytes, type, magic) => {
          const body = magic ? Buffer.concat([Buffer.from('k8s\0'), bytes]) : Buffer.from(bytes);
          readBody({ type, bytes: body });
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('protobuf', () => {
  const field = (number: number, value: Buffer) =>
    Buffer.concat([Buffer.from([number * 8 + 2, value.length]), value]);
  const text = (number: number, value: string) => field(number, Buffer.from(value));
  const envelope = (kind: string, raw: Buffer) =>
    Buffer.concat([
      Buffer.from('k8s\0'),
      field(1, Buffer.concat([text(1, 'v1'), text(2, kind)])),
      field(2, raw),
    ]);
  const object = (kind: string, metadata: Buffer) => envelope(kind, field(1, metadata));

  test('says of which kind and name it is', () => {
    const bytes = object('ConfigMap', Buffer.concat([text(1, 'a'), text(3, 'shop')]));
    expect(readBody({ type: 'application/vnd.kubernetes.protobuf', bytes })).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: 'a',
      namespace: 'shop',
      hostAccess: [],
      accounts: [],
    });
  });

  test('tells what a pod in it asks of its node', () => {
    const privileged = field(15, Buffer.from([0x10, 1]));
    const spec = Buffer.concat([
      field(2, Buffer.concat([text(1, 'main'), privileged])),
      Buffer.from([11 * 8, 1]),
    ]);
    const template = field(3, field(2, spec));
    const bytes = envelope('Deployment', Buffer.concat([field(1, text(1, 'web')), field(2, template)]));
    const body = readBody({ type: 'application/vnd.kubernetes.protobuf', bytes });
    expect(body).toMatchObject({
      kind: 'Deployment',
      name: 'web',
      hostAccess: ['hostNetwork', 'privileged'],
    });
  });

  test('that has a field twice is unreadable', () => {
    const twice = Buffer.concat([object('ConfigMap', text(1, 'a')), field(2, field(1, text(1, 'b')))]);
    expect(readBody({ type: 'application/vnd.kubernetes.protobuf', bytes: twice }).unreadable).toContain(
      'twice',
    );
  });
});

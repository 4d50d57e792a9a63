import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HoopError } from '../../../src/base/errors.ts';
import { effectWords, requestFacts } from '../../../src/protocols/kubernetes/request-facts.ts';
import { readStatement } from '../../../src/protocols/kubernetes/statement-text.ts';

/** What a statement does, as policy gets it. */
function does(text: string, namespace = 'shop'): readonly string[] {
  return effectWords(requestFacts(readStatement(text, namespace), () => undefined).facts);
}

describe('a command of kubectl is judged as the request it makes', () => {
  test.each([
    ['kubectl get pods', 'read: LIST shop/pods/*'],
    ['get po -n other', 'read: LIST other/pods/*'],
    ['get pods -A', 'read: LIST */pods/*'],
    ['get pod/web -o yaml', 'read: GET shop/pods/web'],
    ['get deployments.apps web --output=json', 'read: GET shop/deployments/web'],
    ['get ing', 'read: LIST shop/ingresses/*'],
    ['get nodes', 'read: LIST /nodes/*'],
    ['get pods --field-selector metadata.name=web -w', 'read: WATCH shop/pods/web'],
    ['get secret db', 'admin: GET shop/secrets/db'],
    ['describe svc web', 'read: GET shop/services/web'],
    ['logs web -f -c main', 'read: GET shop/pods/web/log'],
    ['rollout status deploy/web', 'read: GET shop/deployments/web'],
    ['rollout restart deploy/web', 'write: PATCH shop/deployments/web'],
    ['top pods', 'unknown: LIST shop/pods.metrics.k8s.io/*'],
    ['version', 'read: GET /version'],
    ['delete deployment web', 'write: DELETE shop/deployments/web'],
    ['delete pods --all', 'write: DELETECOLLECTION shop/pods/*'],
    ['delete pods -l app=web', 'write: DELETECOLLECTION shop/pods/*'],
    ['scale deploy web --replicas=3', 'write: PATCH shop/deployments/web/scale'],
    ['label pod web a=b', 'write: PATCH shop/pods/web'],
    ['cordon n1', 'write: PATCH /nodes/n1'],
    ['create configmap settings', 'write: CREATE shop/configmaps/settings'],
    ['create clusterrolebinding all', 'admin: CREATE /clusterrolebindings/all'],
    ['port-forward pod/web 8080:80', 'admin: PORT-FORWARD shop/pods/web'],
  ])('%s', (text, expected) => {
    expect(does(text)).toContain(expected);
  });

  test('exec is its program, too', () => {
    expect(does("exec web -c main -- sh -c 'rm -rf /data'")).toEqual([
      'admin: EXEC shop/pods/web',
      'write: rm -rf /data',
    ]);
    expect(does('exec -it web -- bash').at(-1)).toMatch(/^unknown/);
  });

  test('a manifest below it says what it is about', () => {
    const web =
      'kind: Deployment\nmetadata: {name: web, namespace: other}\nspec: {template: {spec: {hostPID: true}}}';
    expect(does(`apply -f -\n${web}`)).toEqual([
      'write: PATCH other/deployments/web',
      'admin: HOST ACCESS other/deployments/web hostPID',
      'write: CREATE other/deployments/web',
    ]);
    expect(does(`delete -f web.yaml\n${web}`)).toEqual(['write: DELETE other/deployments/web']);
    expect(
      does(`patch deploy web --type json\n[{"op":"add","path":"/spec/template/spec/hostPID"}]`),
    ).toContain('admin: HOST ACCESS shop/deployments/web hostPID');
    expect(does(`patch deploy web -p '{"spec":{"template":{"spec":{"hostPID":true}}}}'`)).toContain(
      'admin: HOST ACCESS shop/deployments/web hostPID',
    );
  });

  test.each([
    'get widgets',
    'get pods,svc',
    'get pods; delete pods --all',
    'get pods | sh',
    'get $x',
    'get pods --as admin',
    'frobnicate',
    'apply -f web.yaml',
    'delete pods',
    'exec deploy/web -- ls',
    'label pod web a=b --dry-run=client',
    'diff -f web.yaml',
    'patch pod web --type other -p {}',
    '',
  ])('what cannot be read for certain is refused with what to write instead: %s', (text) => {
    expect(() => does(text)).toThrow(HoopError);
  });

  test('of any words never throws anything else, nor leaves the API', () => {
    const word = fc.oneof(
      fc.constantFrom(
        'get',
        'delete',
        'exec',
        'apply',
        'pods',
        'deploy/web',
        '-n',
        '-it',
        '--',
        '../x',
        '-f',
        '--all',
      ),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), fc.string({ maxLength: 40 }), (words, body) => {
        try {
          const { target } = readStatement(`${words.join(' ')}\n${body}`);
          expect(target.raw.startsWith('/')).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(HoopError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashKey } from '../../../src/masking/strategies.ts';
import type { ActiveMask } from '../../../src/policy/decision.ts';
import { requestInfo } from '../../../src/protocols/kubernetes/request-info.ts';
import { readTarget } from '../../../src/protocols/kubernetes/request-target.ts';
import { JsonMasking } from '../../../src/protocols/kubernetes/results/json-masking.ts';
import {
  acceptFor,
  objectMasksFor,
  responseMasks,
} from '../../../src/protocols/kubernetes/results/response-masks.ts';

const KEY = hashKey(Buffer.alloc(32, 1));
const base64 = (text: string) => Buffer.from(text).toString('base64');
const mask = (facts: Partial<ActiveMask>): ActiveMask => ({
  name: 'm',
  columns: [],
  detect: [],
  strategy: 'redact',
  keepLast: 4,
  ...facts,
});

const coverage = (covered: boolean) => ({ hasMaskOver: () => covered, mayMask: () => covered });

/** What a requester gets of a response, given in pieces of `size` bytes. */
async function shown(
  target: string,
  body: string,
  masks: readonly ActiveMask[],
  { covered = false, size = 7, type = 'application/json' } = {},
): Promise<string> {
  const info = requestInfo('GET', readTarget(target));
  const masking = responseMasks(masks, info, KEY, coverage(covered)).maskingFor(type);
  if (masking === undefined) return body;
  const bytes = Buffer.from(body);
  const out: Buffer[] = [];
  const show = (piece: Buffer) => out.push(piece);
  for (let i = 0; i < bytes.length; i += size) masking.push(bytes.subarray(i, i + size), show);
  masking.end(show);
  return Buffer.concat(out).toString('utf8');
}

const secret = (name: string, data: Record<string, string>) => ({
  kind: 'Secret',
  apiVersion: 'v1',
  metadata: {
    name,
    namespace: 'shop',
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ data }) },
  },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
});

describe('the data of secrets', () => {
  const one = '/api/v1/namespaces/shop/secrets/db';

  test('comes in nothing but JSON', async () => {
    await expect(shown(one, 'k8s\0', [], { type: 'application/vnd.kubernetes.protobuf' })).rejects.toThrow(
      /cannot be masked/,
    );
    expect(await shown(one, '404 page not found', [], { type: 'text/plain; charset=utf-8' })).toBe(
      '404 page not found',
    );
  });

  test('is hidden where no mask says otherwise, in every form it comes in', async () => {
    const plain = JSON.stringify(secret('db', { password: 'hunter2' }));
    const list = JSON.stringify({ kind: 'SecretList', metadata: {}, items: [secret('a', { x: 'hunter2' })] });
    const table = JSON.stringify({
      kind: 'Table',
      columnDefinitions: [{ name: 'Name' }],
      rows: [{ cells: ['db', 'Opaque', 1], object: secret('db', { password: 'hunter2' }) }],
    });
    const event = `${JSON.stringify({ type: 'ADDED', object: secret('db', { password: 'hunter2' }) })}\n`;
    const cases: readonly (readonly [string, string])[] = [
      [one, plain],
      ['/api/v1/namespaces/shop/secrets', list],
      ['/api/v1/secrets', table],
      [one, table],
      ['/api/v1/secrets?watch=1', event + event],
      ['/api/v1/secrets?watch=1', `${JSON.stringify({ type: 'ADDED', object: JSON.parse(table) })}\n`],
    ];
    for (const [target, body] of cases) {
      for (const size of [1, 7, 100_000]) {
        const text = await shown(target, body, [], { size });
        expect(text).not.toContain(base64('hunter2'));
        expect(text).not.toContain('hunter2');
        expect(text).toContain(base64('[masked]'));
      }
    }
  });

  test('stays valid, and all other bytes stay as they are', async () => {
    const text = await shown(one, JSON.stringify(secret('db', { password: 'hunter2' })), []);
    const read = JSON.parse(text);
    expect(Buffer.from(read.data.password, 'base64').toString()).toBe('[masked]');
    expect(read.metadata).toMatchObject({ name: 'db', namespace: 'shop' });
    expect(read.metadata.annotations['kubectl.kubernetes.io/last-applied-configuration']).toBe('{}');
  });

  test('is shown as a mask of the policy says', async () => {
    const body = JSON.stringify(secret('db', { number: '4111111111111111', other: 'x' }));
    const partial = mask({ columns: ['shop/secrets/db/data.number'], strategy: 'partial' });
    const read = JSON.parse(await shown(one, body, [partial]));
    expect(Buffer.from(read.data.number, 'base64').toString()).toBe('************1111');
    expect(Buffer.from(read.data.other, 'base64').toString()).toBe('[masked]');
  });

  test('is shown in clear to whom a mask of the policy leaves out', async () => {
    const body = JSON.stringify(secret('db', { password: 'hunter2' }));
    expect(await shown(one, body, [], { covered: true })).toContain(base64('hunter2'));
  });

  test('that is not whole is not shown', async () => {
    for (const text of ['{"data":"a" "b"}', '{"data":{"a":1]}', '[1,]', '{"a":1}}', '{data:1}', '{"a":"b']) {
      await expect(shown(one, text, [])).rejects.toThrow(/cannot be read/);
    }
  });

  test('is hidden under a key that stands there twice or is spelled with escapes', async () => {
    for (const covered of [false, true]) {
      const field = mask({ columns: ['*/secrets/*/data*'] });
      const text = await shown(
        one,
        '{"metadata":{"name":"db"},"data":{"a":"aHVudGVyMg=="},"d\\u0061ta":{"a":"aHVudGVyMg==","a":"aHVudGVyMg=="}}',
        covered ? [field] : [],
        { covered },
      );
      expect(text).not.toContain('aHVudGVyMg==');
    }
  });

  test('that is not whole is not shown, whatever masks there are', async () => {
    await expect(shown(one, '{"data":{"a":"aHVudGVyMg=="', [])).rejects.toThrow(/cannot be read/);
  });
});

describe('fields under a mask', () => {
  const pods = '/api/v1/namespaces/shop/pods';
  const field = mask({ columns: ['shop/pods/*/spec.containers.*.env.*.value'] });

  test('are masked wherever the object stands', async () => {
    const pod = {
      metadata: { name: 'web', namespace: 'shop' },
      spec: { containers: [{ env: [{ name: 'A', value: 's3cret' }] }] },
    };
    const text = await shown(pods, JSON.stringify({ kind: 'PodList', items: [pod, pod] }), [field]);
    expect(text).not.toContain('s3cret');
    expect(JSON.parse(text).items[1].spec.containers[0].env[0]).toEqual({ name: 'A', value: '[masked]' });
  });

  test('keep a table from showing them as a printed column', () => {
    const info = requestInfo('GET', readTarget(pods));
    const masks = responseMasks([field], info, KEY, coverage(false));
    expect(acceptFor('application/json;as=Table;v=v1;g=meta.k8s.io,application/json', info, masks)).toBe(
      'application/json',
    );
  });
});

describe('detectors', () => {
  const detect = mask({ detect: ['email', 'credit_card', 'private_key'] });

  test('look at every value but those by which clients find their way', async () => {
    const body = JSON.stringify({
      kind: 'ConfigMap',
      metadata: { name: 'jane@example.com', uid: 'jane@example.com', labels: { a: 'jane@example.com' } },
      data: { a: 'mail jane@example.com now', b: 'jane\\u0040example.com' },
    });
    const read = JSON.parse(await shown('/api/v1/namespaces/shop/configmaps/a', body, [detect]));
    expect(read.metadata).toEqual({
      name: 'jane@example.com',
      uid: 'jane@example.com',
      labels: { a: '[masked]' },
    });
    expect(read.data.a).toBe('mail [masked] now');
  });

  test('find what comes in two pieces of a log', async () => {
    const log = 'a jane@example.com b\nnothing\nlast 4111 1111 1111 1111';
    for (const size of [1, 3, 1000]) {
      const text = await shown('/api/v1/namespaces/shop/pods/web/log', log, [detect], {
        size,
        type: 'text/plain',
      });
      expect(text).toBe('a [masked] b\nnothing\nlast [masked]');
    }
  });

  test('find a private key across the lines of a log', async () => {
    const key = `-----BEGIN RSA PRIVATE KEY-----\n${'abc\n'.repeat(50)}-----END RSA PRIVATE KEY-----`;
    const text = await shown('/api/v1/namespaces/shop/pods/web/log', `x\n${key}\ny\n`, [detect], {
      type: 'text/plain',
    });
    expect(text).toBe('x\n[masked]\ny\n');
  });

  test('leave discovery and schemas alone', async () => {
    expect(await shown('/openapi/v2', '{"a":"jane@example.com"}', [detect])).toContain('jane@example.com');
  });
});

describe('what the cluster is asked to answer in', () => {
  const info = requestInfo('GET', readTarget('/api/v1/namespaces/shop/pods'));

  test('is JSON, whatever else the client would take', () => {
    const accept = (header: string | undefined) => acceptFor(header, info, { withoutTables: false });
    expect(accept('application/vnd.kubernetes.protobuf')).toBe('application/json');
    expect(accept('application/cbor, application/yaml')).toBe('application/json');
    expect(accept('application/vnd.kubernetes.protobuf,application/json')).toBe('application/json');
    expect(accept('application/json;as=Table;v=v1,application/json')).toBe(
      'application/json;as=Table;v=v1,application/json',
    );
  });
});

describe('a stream of JSON', () => {
  const json = fc.json({ maxDepth: 4 });
  const objects = (secrets: boolean, facts: readonly ActiveMask[]) =>
    objectMasksFor(
      facts,
      requestKind(secrets ? '/api/v1/namespaces/shop/secrets' : '/api/v1/namespaces/shop/pods'),
      KEY,
      coverage(facts.length > 0),
    );
  const requestKind = (path: string) => {
    const info = requestInfo('GET', readTarget(path));
    return info?.kind === 'resource' ? info : undefined;
  };
  const pieces = (masking: JsonMasking, bytes: Buffer, size: number): readonly Buffer[] => {
    const out: Buffer[] = [];
    for (let i = 0; i < bytes.length; i += size) {
      masking.push(bytes.subarray(i, i + size), (part) => out.push(part));
    }
    return [...out, masking.end()];
  };

  test('comes out as it went in when nothing is masked, wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(json, { maxLength: 4 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 20 }),
        (texts, lists, size) => {
          const all = texts.map((text) => `{"items":[${text},{"a":${text}}],"b":${text}}`);
          const bytes = Buffer.from(all.join('\n'));
          for (const facts of [[mask({ columns: ['x/pods/y/z'] })], [mask({ detect: ['jwt'] })]]) {
            const out = pieces(new JsonMasking(objects(false, facts), lists), bytes, size);
            expect(Buffer.concat(out).toString()).toBe(bytes.toString());
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('says the same wherever it is cut, and stays JSON', () => {
    const long = fc.array(fc.constantFrom('\\', '"', 'x', 'y'.repeat(45), 'jane@example.com'), {
      maxLength: 8,
    });
    const value = fc.oneof(
      fc.constantFrom('jane@example.com', 'a', '4111 1111 1111 1111', '\\"', '\u00e9', ''),
      long.map((parts) => parts.join('')),
    );
    const key = fc.oneof(
      fc.constantFrom('data', 'metadata', 'name', 'items', 'object', 'rows', 'spec', 'a.b', '"'),
      fc.constantFrom('metadata', 'managedFields', 'annotations'),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        value,
        fc.integer(),
        fc.array(tie('tree'), { maxLength: 3 }),
        tie('map'),
      ),
      map: fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
    }));
    const facts = [
      [mask({ detect: ['email', 'credit_card'] })],
      [mask({ columns: ['*/spec*'] }), mask({ detect: ['email', 'credit_card'] })],
    ];
    fc.assert(
      fc.property(
        fc.array(tree, { minLength: 1, maxLength: 3 }),
        fc.record({ lists: fc.boolean(), secrets: fc.boolean(), size: fc.integer({ min: 1, max: 12 }) }),
        (values, { lists, secrets, size }) => {
          const text = JSON.stringify({ kind: 'X', items: values, data: values[0] });
          for (const one of facts) {
            const masks = objects(secrets, one);
            const whole = pieces(new JsonMasking(masks, lists), Buffer.from(text), text.length);
            const cut = pieces(new JsonMasking(masks, lists), Buffer.from(text), size);
            expect(Buffer.concat(cut).toString()).toBe(Buffer.concat(whole).toString());
            JSON.parse(Buffer.concat(whole).toString());
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('leaves out what servers keep for themselves, and masks all behind it, wherever it is cut', () => {
    const kept = {
      'f:a': [{ '}': ']"' }, [1, -2, null], {}],
      long: `${'\\'.repeat(7)}"${'x'.repeat(60)}"jane@example.com`,
    };
    const element = (managedFields: unknown) => ({
      metadata: { managedFields, annotations: { owner: 'jane@example.com' } },
      spec: ['jane@example.com', 'y'.repeat(60)],
    });
    const text = (of: object) => Buffer.from(JSON.stringify(of));
    const bytes = text({ items: [element([kept]), element(null), element({}), element([])] });
    const expected = JSON.parse(bytes.toString(), (key, value) =>
      key === 'managedFields' ? null : value === 'jane@example.com' ? '[masked]' : value,
    );
    const facts = [
      [mask({ detect: ['email'] })],
      [mask({ detect: ['email'] }), mask({ columns: ['*/pods/*/status'] })],
    ];
    for (const one of facts) {
      for (let size = 1; size < 200; size++) {
        const masking = new JsonMasking(objects(false, one), true);
        expect(Buffer.concat(pieces(masking, bytes, size)).equals(text(expected))).toBe(true);
      }
    }
  });

  test('whose left-out part has brackets that do not belong together is refused', () => {
    const masking = new JsonMasking(objects(false, [mask({ detect: ['email'] })]), true);
    const text = '{"items":[{"metadata":{"managedFields":[{]';
    expect(() => masking.push(Buffer.from(text), () => {})).toThrow(/out of place/);
  });

  test('of a list is never held longer than one of its elements', () => {
    const element = JSON.stringify({ metadata: { name: 'x'.repeat(100) } });
    const bytes = Buffer.from(`{"items":[${Array(1000).fill(element).join(',')}],"kind":"List"}`);
    const masking = new JsonMasking(objects(false, [mask({ columns: ['*/pods/*/metadata.name'] })]), true);
    let [put, got, most] = [0, 0, 0];
    for (let i = 0; i < bytes.length; i += 10) {
      put += 10;
      masking.push(bytes.subarray(i, i + 10), (out) => {
        got += out.length + (out.toString().split('[masked]').length - 1) * (100 - '[masked]'.length);
      });
      most = Math.max(most, put - got);
    }
    expect(most).toBeLessThan(element.length + 20);
  });

  test('that opens more than it may is refused', () => {
    const masking = new JsonMasking(objects(true, []), true);
    expect(() => masking.push(Buffer.from('['.repeat(300)), () => {})).toThrow(/too deeply/);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashKey } from '../../../src/masking/strategies.ts';
import type { ActiveMask } from '../../../src/policy/decision.ts';
import { requestInfo } from '../../../src/protocols/kubernetes/request-info.ts';
import { readTarget } from '../../../src/protocols/kubernetes/request-target.ts';
import { JsonUnits } from '../../../src/protocols/kubernetes/results/json-units.ts';
import { acceptFor, responseMasks } from '../../../src/protocols/kubernetes/results/response-masks.ts';

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

/** What a requester gets of a response, given in pieces of `size` bytes. */
async function shown(
  target: string,
  body: string,
  masks: readonly ActiveMask[],
  { covered = false, size = 7, type = 'application/json' } = {},
): Promise<string> {
  const info = requestInfo('GET', readTarget(target));
  const stream = responseMasks(masks, info, KEY, () => covered).streamFor(type, 200);
  if (stream === undefined) return body;
  const bytes = Buffer.from(body);
  for (let i = 0; i < bytes.length; i += size) stream.write(bytes.subarray(i, i + size));
  stream.end();
  const out: Buffer[] = [];
  for await (const chunk of stream) out.push(chunk as Buffer);
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
    await expect(shown(one, '{"data":{"a":"aHVudGVyMg==","a":"x"}}', [])).rejects.toThrow(/twice/);
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
    const masks = responseMasks([field], info, KEY, () => false);
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

  test('comes out as it went in when nothing is masked, wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(json, { maxLength: 4 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 20 }),
        (texts, lists, size) => {
          const objects = texts.map((text) => `{"items":[${text},{"a":${text}}],"b":${text}}`);
          const bytes = Buffer.from(objects.join('\n'));
          const units = new JsonUnits((unit) => {
            JSON.parse(unit.toString());
            return unit;
          }, lists);
          const out: Buffer[] = [];
          for (let i = 0; i < bytes.length; i += size) out.push(units.push(bytes.subarray(i, i + size)));
          out.push(units.end());
          expect(Buffer.concat(out).toString()).toBe(bytes.toString());
        },
      ),
      { numRuns: 500 },
    );
  });

  test('of a list is never held longer than one of its elements', () => {
    let longest = 0;
    const units = new JsonUnits((unit) => {
      longest = Math.max(longest, unit.length);
      return unit;
    }, true);
    const element = JSON.stringify({ metadata: { name: 'x'.repeat(100) } });
    units.push(Buffer.from(`{"items":[${Array(1000).fill(element).join(',')}],"kind":"List"}`));
    units.end();
    expect(longest).toBe(element.length);
  });
});

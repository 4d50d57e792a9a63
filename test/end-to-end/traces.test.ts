import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CARD_NUMBER,
  connectClient,
  type GovernedShop,
  openShop,
  TARGET_PASSWORD,
} from '../servers/governed-shop.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

let shop: GovernedShop;
let receiver: Server;
let received = '';
const spans: Span[] = [];

beforeAll(async () => {
  receiver = createServer(async (incoming, response) => {
    let body = '';
    for await (const chunk of incoming.setEncoding('utf8') as AsyncIterable<string>) body += chunk;
    received += body;
    const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
    for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  shop = await openShop();
  await shop.hoopctl.ok(['daemon', 'stop']);
  const { port } = receiver.address() as AddressInfo;
  await shop.hoopctl.ok(['daemon', 'start'], {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_HEADERS: 'key=hidden-header',
    },
  });
}, 60_000);
afterAll(async () => {
  await shop?.stop();
  receiver.close();
});

const facts = ({ attributes }: Span) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** A call as a traced program makes it. */
function call(path: string, traceparent: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({
      socketPath: join(shop.hoopctl.home, 'daemon.sock'),
      path,
      headers: { authorization: `Bearer ${shop.devin}`, traceparent },
    });
    sent.on('response', (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('a session, its way to the target, its decisions and its wait are told, and nothing of what was said', async () => {
  const proxy = await shop.hoopctl.proxy('prod-db', { token: shop.devin });
  const { client, nextApproval } = await connectClient(proxy.url);
  await client.query("SELECT email, card_number FROM customers WHERE email = 'ana@shop.test'");
  await client.query('SELECT plan FROM customers WHERE id = $1', [1]);
  await client.query('DROP TABLE customers').catch(() => {});
  const ran = client.query("UPDATE customers SET plan = 'a-hidden-literal' WHERE id = 1");
  const id = await nextApproval();
  expect((await shop.hoopctl.approve(id, { token: shop.ana })).code).toBe(0);
  await ran;
  await client.end();
  await proxy.stop();
  const caller = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };
  expect(await call('/v1/whoami', `00-${caller.trace}-${caller.span}-01`)).toBe(200);
  expect(await call('/v1/status', `00-${caller.trace}-${caller.span}-00`)).toBe(200);
  // What waits is sent at its end.
  await shop.hoopctl.ok(['daemon', 'stop']);

  const session = spans.find(({ name }) => name === 'session');
  const opened = spans.find(({ name }) => name === 'POST /v1/endpoints');
  expect(session).toMatchObject({ traceId: opened?.traceId, parentSpanId: opened?.spanId });
  expect(session && facts(session)).toMatchObject({
    'hoopctl.connection': 'prod-db',
    'hoopctl.protocol': 'postgres',
    'hoopctl.identity.kind': 'machine',
    'hoopctl.approved': '1',
    'hoopctl.blocked': '1',
  });
  const parts = spans.filter(({ parentSpanId }) => parentSpanId === session?.spanId);
  expect(parts.filter(({ name }) => name === 'connect')).toHaveLength(1);
  const decisions = parts.filter(({ name }) => name === 'statement').map((span) => facts(span));
  expect(decisions.map((fact) => fact['hoopctl.decision'])).toEqual(['allow', 'allow', 'block']);
  expect(decisions[2]).toMatchObject({ 'hoopctl.rule': 'no-destructive-ddl', 'hoopctl.effects': 'ddl' });
  expect(parts.filter(({ name }) => name === 'hold').map((span) => facts(span))).toEqual([
    expect.objectContaining({ 'hoopctl.approval': id, 'hoopctl.outcome': 'approved' }),
  ]);
  expect(spans.find(({ name }) => name === 'GET /v1/whoami')).toMatchObject({
    traceId: caller.trace,
    parentSpanId: caller.span,
  });
  expect(spans.some(({ name, traceId }) => name === 'GET /v1/status' && traceId === caller.trace)).toBe(
    false,
  );
  for (const hidden of [
    'a-hidden-literal',
    'ana@shop.test',
    'SELECT',
    'UPDATE',
    'customers',
    CARD_NUMBER,
    TARGET_PASSWORD,
    shop.devin,
    'hidden-header',
    'correct horse',
  ]) {
    expect(received).not.toContain(hidden);
  }
});

test('without a word about traces nothing is sent', async () => {
  const before = spans.length;
  await shop.hoopctl.ok(['daemon', 'start']);
  await shop.hoopctl.ok(['exec', 'prod-db', '-c', 'select 1'], { token: shop.devin });
  await shop.hoopctl.ok(['daemon', 'stop']);
  expect(spans.length).toBe(before);
});

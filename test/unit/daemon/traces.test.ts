import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { TraceExporter } from '../../../src/daemon/traces/exporter.ts';
import type { EndedSpan } from '../../../src/daemon/traces/otlp.ts';
import { traceSettings } from '../../../src/daemon/traces/settings.ts';
import { readTraceparent, Tracer } from '../../../src/daemon/traces/tracer.ts';
import { httpCalls } from '../../../src/network/http-call.ts';
import { ManualClock } from '../session/manual-clock.ts';

const ended: EndedSpan[] = [];
const tracer = (ratio: number, parentBased = true) =>
  new Tracer({ clock: new ManualClock(), ratio, parentBased, ended: (span) => ended.push(span) });
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

describe('traceparent', () => {
  test('is read as W3C Trace Context has it', () => {
    expect(readTraceparent(`00-${TRACE}-${PARENT}-01`)).toEqual({
      traceId: TRACE,
      spanId: PARENT,
      sampled: true,
    });
    expect(readTraceparent(`00-${TRACE}-${PARENT}-00`)?.sampled).toBe(false);
    expect(readTraceparent(`cc-${TRACE}-${PARENT}-01-more`)?.traceId).toBe(TRACE);
  });

  test.each([
    undefined,
    '',
    `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01-more`,
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE}-${PARENT}-01${'-x'.repeat(200)}`,
  ])('is ignored when it is %s', (header) => {
    expect(readTraceparent(header)).toBeUndefined();
  });

  test('whatever it is, reading it does not fail', () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => void readTraceparent(text)));
  });
});

describe('a trace', () => {
  test('is kept when its caller keeps it, else by its part of all', () => {
    const caller = { traceId: TRACE, spanId: PARENT, sampled: true };
    expect(tracer(0).begin('a', {}, caller)).toBeDefined();
    expect(tracer(1).begin('a', {}, { ...caller, sampled: false })).toBeUndefined();
    expect(tracer(0, false).begin('a', {}, caller)).toBeUndefined();
    const kept = Array.from({ length: 2000 }, () => tracer(0.25).begin('a', {})).filter(Boolean).length;
    expect(kept).toBeGreaterThan(380);
    expect(kept).toBeLessThan(620);
  });

  test('tells parents and children apart, and each span once', () => {
    ended.splice(0);
    const span = tracer(1).begin('session', { a: 1 });
    const part = span?.begin('connect');
    part?.end({ b: 2 });
    part?.end({ b: 3 });
    span?.end();
    expect(ended).toMatchObject([
      { name: 'connect', facts: { b: 2 }, server: false, parentSpanId: ended[1]?.spanId },
      { name: 'session', facts: { a: 1 }, server: true, parentSpanId: undefined },
    ]);
    expect(new Set(ended.map(({ traceId }) => traceId)).size).toBe(1);
  });
});

describe('the settings', () => {
  const odd: string[] = [];
  const read = (environment: Record<string, string>, config?: { endpoint: string; ratio?: number }) =>
    traceSettings(environment, config as never, (why) => odd.push(why));

  test('are off unless somebody says where to', () => {
    expect(read({})).toBeUndefined();
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' })).toBeUndefined();
    expect(
      read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_TRACES_EXPORTER: 'none' }),
    ).toBeUndefined();
  });

  test('are those of the environment, or of the configuration before it', () => {
    expect(
      read({
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/',
        OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b,bad header=x,line=%0A',
        OTEL_SERVICE_NAME: 'gate',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=prod,service.name=other',
        OTEL_TRACES_SAMPLER: 'traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '0.5',
      }),
    ).toMatchObject({
      endpoint: new URL('http://c:4318/v1/traces'),
      headers: { 'api-key': 'a b' },
      resource: { 'service.name': 'gate', 'deployment.environment': 'prod' },
      ratio: 0.5,
      parentBased: false,
    });
    const config = { endpoint: 'https://d/x', ratio: 0.1 };
    expect(read({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/y' }, config)).toMatchObject({
      endpoint: new URL('https://d/x'),
      ratio: 0.1,
      parentBased: true,
    });
  });

  test('that cannot be followed mean none, and say why', () => {
    odd.splice(0);
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317' };
    expect(read({ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toBeUndefined();
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'file:///etc' })).toBeUndefined();
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:secret@c' })).toBeUndefined();
    expect(odd).toHaveLength(3);
    expect(odd.join()).not.toContain('secret');
  });
});

describe('the exporter', () => {
  const servers: { close(): void }[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function receiver(statuses: number[]) {
    const bodies: { resourceSpans: { scopeSpans: { spans: unknown[] }[] }[] }[] = [];
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) body += chunk;
      const status = statuses.shift() ?? 200;
      if (status === 200) bodies.push(JSON.parse(body));
      response.writeHead(status).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
  }

  /** A clock on which nothing has to be waited for. */
  class HurryingClock extends ManualClock {
    override after(_: number, fire: () => void): () => void {
      const timer = setImmediate(fire);
      return () => clearImmediate(timer);
    }
  }

  const span = (name: string): EndedSpan => ({
    traceId: TRACE,
    spanId: PARENT,
    parentSpanId: undefined,
    name,
    server: false,
    start: 1_795_255_200_000_000_001n,
    end: 1_795_255_200_000_000_002n,
    facts: { count: 3, share: 0.5, yes: true, word: 'w' },
    failed: true,
  });

  function exporterTo(url: string, clock = new HurryingClock()) {
    const lost: { why: string; spans: number }[] = [];
    const settings = traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: url }, undefined, () => {});
    if (!settings) throw new Error('no settings');
    return {
      lost,
      exporter: new TraceExporter({
        clock,
        call: httpCalls({}),
        settings,
        version: '1',
        lost: (one) => lost.push(one),
      }),
    };
  }

  test('sends what OTLP/HTTP has in JSON', async () => {
    const { bodies, url } = await receiver([]);
    const { exporter } = exporterTo(url);
    exporter.add(span('statement'));
    await exporter.flush();
    expect(bodies).toEqual([
      {
        resourceSpans: [
          {
            resource: { attributes: [{ key: 'service.name', value: { stringValue: 'hoopctl' } }] },
            scopeSpans: [
              {
                scope: { name: 'hoopctl', version: '1' },
                spans: [
                  {
                    traceId: TRACE,
                    spanId: PARENT,
                    name: 'statement',
                    kind: 1,
                    startTimeUnixNano: '1795255200000000001',
                    endTimeUnixNano: '1795255200000000002',
                    attributes: [
                      { key: 'count', value: { intValue: '3' } },
                      { key: 'share', value: { doubleValue: 0.5 } },
                      { key: 'yes', value: { boolValue: true } },
                      { key: 'word', value: { stringValue: 'w' } },
                    ],
                    status: { code: 2 },
                  },
                ],
              },
            ],
          },
        ],
      },
    ]);
  });

  test('tries a busy receiver again, gives up on one that says no, and tells what was lost', async () => {
    const busy = await receiver([503, 429, 200]);
    const first = exporterTo(busy.url);
    first.exporter.add(span('a'));
    await first.exporter.flush();
    expect({ taken: busy.bodies.length, lost: first.lost }).toEqual({ taken: 1, lost: [] });

    const refusing = exporterTo((await receiver([400])).url);
    refusing.exporter.add(span('a'));
    await refusing.exporter.flush();
    expect(refusing.lost).toEqual([{ why: 'the receiver answered with status 400', spans: 1 }]);

    const gone = exporterTo('http://127.0.0.1:1');
    gone.exporter.add(span('a'));
    await gone.exporter.flush();
    expect(gone.lost).toEqual([{ why: 'ECONNREFUSED', spans: 1 }]);
  });

  test('holds so many and no more while its receiver hangs', async () => {
    const hanging = createServer(() => {});
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
    servers.push({
      close: () => {
        hanging.close();
        hanging.closeAllConnections();
      },
    });
    const { exporter, lost } = exporterTo(`http://127.0.0.1:${(hanging.address() as AddressInfo).port}`);
    // The first batch is on its way, 2048 wait behind it.
    for (let i = 0; i < 512 + 2048 + 10; i++) exporter.add(span('a'));
    expect(lost).toEqual([{ why: 'too many spans wait', spans: 1 }]);
  });
});

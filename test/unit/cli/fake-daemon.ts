import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, openClient } from '../../../src/api/client.ts';
import { type Route, type RouteName, routes } from '../../../src/api/routes.ts';
import { HoopError, Internal, NotFound } from '../../../src/base/errors.ts';

export interface FakeCall {
  readonly name: RouteName;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly raw: string;
  readonly token: string | undefined;
  /** Aborts when the caller went away. */
  readonly gone: AbortSignal;
}

export type FakeHandler = (call: FakeCall) => unknown;
export type FakeHandlers = Partial<Record<RouteName, FakeHandler>>;

export interface FakeDaemon {
  readonly home: string;
  readonly socket: string;
  readonly client: Client;
  readonly calls: FakeCall[];
  close(): Promise<void>;
}

/** Answers by the route table on a Unix socket; bodies and answers are checked against its schemas. */
export async function startFakeDaemon(handlers: FakeHandlers): Promise<FakeDaemon> {
  const home = mkdtempSync(join(tmpdir(), 'hoopctl-fake-'));
  const socket = join(home, 'daemon.sock');
  const calls: FakeCall[] = [];
  const server = createServer((request, response) => {
    void answer(request, response, handlers, calls);
  });
  const umask = process.umask(0o177);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  process.umask(umask);
  return {
    home,
    socket,
    calls,
    client: openClient({ socket, token: 'token' }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handlers: FakeHandlers,
  calls: FakeCall[],
): Promise<void> {
  const cut = new AbortController();
  response.on('close', () => cut.abort());
  try {
    const { name, params, query } = matched(request);
    const route: Route = routes[name];
    let raw = '';
    for await (const chunk of request) raw += chunk;
    const body = route.body === undefined ? undefined : route.body.parse(JSON.parse(raw));
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    const call = { name, params, query, body, raw, token, gone: cut.signal };
    calls.push(call);
    const handler = handlers[name];
    if (handler === undefined) throw new NotFound('no_handler', `the fake has no handler for ${name}`);
    const result = await handler(call);
    if (!route.stream) {
      response.end(JSON.stringify(route.response.parse(result)));
      return;
    }
    response.flushHeaders();
    for await (const line of result as AsyncIterable<unknown>) {
      response.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
    }
    response.end();
  } catch (error) {
    const known = error instanceof HoopError ? error : new Internal('defect', String(error));
    const { kind, code, message, why, next, rule, retryable } = known;
    const line = JSON.stringify({ error: { kind, code, message, why, next, rule, retryable } });
    if (!response.headersSent) response.statusCode = 400;
    response.end(`${line}\n`);
  }
}

function matched(request: IncomingMessage) {
  const url = new URL(request.url ?? '/', 'http://fake');
  for (const [name, route] of Object.entries(routes)) {
    const pattern = new RegExp(`^${route.path.replace(/:([a-z]+)/g, '(?<$1>[^/]+)')}$`);
    const found = pattern.exec(url.pathname);
    if (request.method !== route.method || found === null) continue;
    const params = Object.fromEntries(
      Object.entries(found.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]),
    );
    return { name: name as RouteName, params, query: Object.fromEntries(url.searchParams) };
  }
  throw new NotFound('no_route', `${request.method} ${url.pathname}`);
}

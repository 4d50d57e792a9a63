import { chmodSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Route, RouteName } from '../api/routes.ts';
import type { Page } from '../api/sign-in-schemas.ts';
import { type HoopError, Internal, LoginNeeded, NotFound, UsageError } from '../base/errors.ts';
import type { Span } from '../session/trace.ts';
import { MAX_BODY_BYTES, MAX_PUBLIC_BODY_BYTES, readForm, readJson, readLines } from './api-body.ts';
import { asHoopError, errorBody, statusOf } from './api-errors.ts';
import { sendStream } from './api-stream.ts';
import { authorize, type Caller, type TokenHolder } from './authorize.ts';
import type { DaemonLog } from './daemon-log.ts';
import type { OpenStream, OpenStreams } from './open-streams.ts';
import { sendPage } from './page.ts';
import { matchRoute, type RouteMatch } from './route-match.ts';
import type { Call, Handlers } from './routes/handler.ts';
import type { Traces } from './traces/traces.ts';

/** Where a call comes from. */
export interface CallPeer {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

export interface ApiServerDeps {
  readonly handlers: Handlers;
  /** Throws LoginNeeded. `from`: the peer of the connection; it has no address on a Unix socket. */
  readonly authenticate: (token: string, from: CallPeer) => Promise<TokenHolder>;
  readonly log: DaemonLog;
  readonly traces?: Pick<Traces, 'call'> | undefined;
  /** Where streams that are being read are known. */
  readonly streams: Pick<OpenStreams, 'open'>;
  /** Where its callers are: on this machine, behind a socket only its user can open, or anywhere. */
  readonly origin?: Call<RouteName>['origin'];
  /** Told of every call that was answered, by its route; undefined where there is none. */
  readonly answered?: (route: RouteName | undefined, status: number, from: CallPeer) => void;
}

/** Before a caller has shown a token it gets this long for its headers, in milliseconds. */
const HEADERS_TIMEOUT = 10_000;
/** How long calls in progress may finish when the daemon stops, in milliseconds. */
const CLOSE_GRACE = 2000;
const MAX_CONNECTIONS = 512;

/** Answers calls, over whatever they came. */
export interface Api {
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Whose token a request carries. Throws LoginNeeded. */
  holderOf(request: IncomingMessage): Promise<TokenHolder>;
  /** Ends streams, lets calls in progress finish for a moment. */
  close(): Promise<void>;
}

export interface ApiServer {
  /** Listens on a Unix socket of mode 0600; its directory must exist with mode 0700. */
  listen(path: string): Promise<void>;
  /** Stops listening, ends streams, lets calls in progress finish for a moment. */
  close(): Promise<void>;
}

/** The daemon's API: every route of the contract, each call authorized, its words validated both ways. */
export function createApi(deps: ApiServerDeps): Api {
  const stopping = new AbortController();
  const active = new Set<Promise<void>>();
  return {
    answer(request, response) {
      const call = answer(deps, stopping.signal, request, response).finally(() => active.delete(call));
      active.add(call);
      return call;
    },
    async holderOf(request) {
      return deps.authenticate(bearerToken(request), request.socket);
    },
    async close() {
      stopping.abort();
      let late: NodeJS.Timeout | undefined;
      const grace = new Promise<void>((resolve) => {
        late = setTimeout(resolve, CLOSE_GRACE);
      });
      await Promise.race([Promise.allSettled([...active]), grace]);
      clearTimeout(late);
    },
  };
}

/** The API on this machine. */
export function createApiServer(deps: ApiServerDeps): ApiServer {
  const api = createApi(deps);
  const server = createServer((request, response) => void api.answer(request, response));
  server.headersTimeout = HEADERS_TIMEOUT;
  // Bulk bodies take as long as they take; a caller without a token never gets to its body.
  server.requestTimeout = 0;
  server.maxConnections = MAX_CONNECTIONS;
  return {
    listen: (path) => listen(server, path),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await api.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      chmodSync(path, 0o600);
      server.off('error', reject);
      resolve();
    });
  });
}

async function answer(
  deps: ApiServerDeps,
  stopping: AbortSignal,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  // A reset while writing is the same news as the close that follows it.
  response.on('error', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, stopping]);
  let route: RouteName | undefined;
  let stream: OpenStream | undefined;
  // When the answer has gone, the socket may be gone too, and its address with it.
  const { remoteAddress } = request.socket;
  response.once('finish', () => deps.answered?.(route, response.statusCode, { remoteAddress }));
  try {
    const url = URL.parse(request.url ?? '/', 'http://daemon');
    if (url === null) throw new NotFound('no_such_route', 'that is no path');
    const match = matchRoute(request.method ?? '', url.pathname);
    const open = match?.route.allow === 'public';
    const holder: Caller = open
      ? { kind: 'anyone' }
      : await deps.authenticate(bearerToken(request), request.socket);
    if (!match) throw new NotFound('no_such_route', `there is no ${request.method} ${url.pathname}`);
    route = match.name;
    authorize(match, holder);
    const trace = spanOf(deps, match, request, response);
    if (match.route.stream && !match.route.governed && holder.kind === 'identity')
      stream = deps.streams.open(match.route, holder.identity);
    const either = stream === undefined ? signal : AbortSignal.any([signal, stream.signal]);
    const call = { ...(await readCall(deps, match, holder, url, request, either)), trace };
    const handler = deps.handlers[match.name] as (call: unknown) => Promise<unknown>;
    const result = await handler(call);
    if (match.route.stream) {
      await sendStream(response, result as AsyncIterable<unknown>, {
        checked: (line) => checked(match, line),
        told: (error) => logged(deps, match.route, error),
        gone: signal,
        ended: stream?.signal,
      });
    } else if (match.route.page) sendPage(response, checked(match, result) as Page);
    else sendJson(response, 200, checked(match, result));
  } catch (error) {
    fail(deps, request, response, error);
  } finally {
    stream?.close();
  }
}

/** Only callers who may call are traced; what they say of their own trace is `traceparent` (W3C Trace Context). */
function spanOf(
  { traces }: ApiServerDeps,
  { route }: RouteMatch,
  request: IncomingMessage,
  response: ServerResponse,
): Span | undefined {
  const said = request.headers.traceparent;
  const span = traces?.call(route.path, route.method, typeof said === 'string' ? said : undefined);
  if (span) {
    response.once('close', () => {
      const { statusCode } = response;
      span.end({ 'http.response.status_code': statusCode }, statusCode >= 500);
    });
  }
  return span;
}

function bearerToken(request: IncomingMessage): string {
  const match = /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(request.headers.authorization ?? '');
  if (!match?.[1]) {
    throw new LoginNeeded('token_missing', 'the call carries no token', {
      next: 'set HOOPCTL_TOKEN, or run hoopctl init',
    });
  }
  return match[1];
}

async function readCall(
  deps: ApiServerDeps,
  { route, params }: RouteMatch,
  holder: Caller,
  url: URL,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<Call<RouteName>> {
  const query = route.query ? validated(route.query, Object.fromEntries(url.searchParams)) : undefined;
  const body = route.body ? validated(route.body, await readBody(route, request)) : undefined;
  return {
    caller: holder.kind === 'identity' ? holder.identity : undefined,
    param: (name: string) => params.get(name) ?? '',
    query,
    body,
    lines: route.rawBody ? readLines(request) : noLines(),
    origin: deps.origin ?? 'machine',
    address: request.socket.remoteAddress ?? 'local',
    signal,
  } as Call<RouteName>;
}

function readBody(route: Route, request: IncomingMessage): Promise<unknown> {
  if (route.form) return readForm(request);
  return readJson(request, route.allow === 'public' ? MAX_PUBLIC_BODY_BYTES : MAX_BODY_BYTES);
}

async function* noLines(): AsyncGenerator<string> {}

function validated(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = issue?.path.join('.') || 'the request';
  throw new UsageError('bad_request', `${at}: ${issue?.message ?? 'not as expected'}`);
}

function checked({ name, route }: RouteMatch, value: unknown): unknown {
  const result = route.response.safeParse(value);
  if (result.success) return result.data;
  throw new Internal('bad_answer', `the daemon's answer to ${name} is not what the contract says`, {
    why: z.prettifyError(result.error),
  });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(text);
}

function fail(deps: ApiServerDeps, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  // A caller that went away in the middle of its body is told nothing, and is no failure of ours.
  if (response.destroyed) return;
  const hoopError = logged(deps, { method: request.method, path: request.url?.split('?')[0] }, error);
  // The rest of a body that was not read would be taken for the next request.
  if (!request.complete) response.setHeader('connection', 'close');
  sendJson(response, statusOf(hoopError), errorBody(hoopError));
}

function logged(
  deps: ApiServerDeps,
  route: Pick<Route, 'path'> | { method: string | undefined; path: string | undefined },
  error: unknown,
): HoopError {
  const hoopError = asHoopError(error);
  if (hoopError.kind === 'internal') deps.log.error('api.failed', { path: route.path, error });
  else deps.log.debug('api.refused', { path: route.path, code: hoopError.code });
  return hoopError;
}

import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { ListenAddress } from '../../api/gateway-config.ts';
import { Conflict, NotPermitted, NotReachable } from '../../base/errors.ts';
import { asHoopError, errorBody, statusOf } from '../api-errors.ts';
import type { Api } from '../api-server.ts';
import type { TokenHolder } from '../authorize.ts';
import { hasRole } from '../views.ts';
import type { GatewayCertificate } from './certificate.ts';
import { isLoopbackHost, refuseOtherSites } from './cross-site.ts';
import type { DoorKeeper } from './door-keeper.ts';
import type { LoginThrottle } from './login-throttle.ts';
import { METRICS_TYPE } from './metrics.ts';
import type { Relay } from './relay.ts';

export interface GatewayServerDeps {
  readonly certificate: GatewayCertificate;
  readonly api: Pick<Api, 'answer' | 'holderOf'>;
  readonly relay: Relay;
  readonly keeper: DoorKeeper;
  readonly throttle: LoginThrottle;
  /** Why it takes no new sessions; undefined while it does. */
  readonly notReady: () => string | undefined;
  readonly metrics: () => string;
  readonly openApi: () => string;
  readonly turnedAway: () => void;
}

/** TLS and headers must be through after this, in milliseconds: what counts for strangers. */
const HANDSHAKE_TIMEOUT = 10_000;
const HEADERS_TIMEOUT = 10_000;
/** A connection without a call is closed after this, in milliseconds. */
const IDLE_TIMEOUT = 10_000;
/** RFC 6585, section 4. */
const TOO_MANY = 429;
/** Bytes of a request's line and headers: a token of 4 KiB and what proxies add. */
const MOST_HEADERS = 16 * 1024;

/** The gateway's API: TLS, the typed calls, streams, health, metrics, the contract. */
export function createGatewayServer(deps: GatewayServerDeps): Server {
  const server = createServer(
    {
      key: deps.certificate.key,
      cert: deps.certificate.cert,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: HANDSHAKE_TIMEOUT,
      maxHeaderSize: MOST_HEADERS,
      headersTimeout: HEADERS_TIMEOUT,
      // Streams and bulk bodies take as long as they take; nobody gets so far without a token.
      requestTimeout: 0,
      keepAliveTimeout: IDLE_TIMEOUT,
      connectionsCheckingInterval: 2000,
    },
    (request, response) => void route(deps, request, response),
  );
  server.on('connection', (socket: Socket) => {
    if (!deps.keeper.enter(socket)) deps.turnedAway();
  });
  server.on('upgrade', (request: IncomingMessage, socket, head: Buffer) => {
    const wait = deps.throttle.waitFor(request.socket.remoteAddress ?? '');
    deps.relay.upgrade(request, socket, head, wait > 0 ? tooManyFailures(wait) : undefined);
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

async function route(
  deps: GatewayServerDeps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('strict-transport-security', 'max-age=31536000');
  response.setHeader('x-content-type-options', 'nosniff');
  const path = request.url?.split('?')[0];
  if (request.method === 'GET') {
    switch (path) {
      case '/healthz':
        return answerText(response, 200, 'ok\n');
      case '/readyz':
        return answerReadiness(deps, response);
      case '/metrics':
        return restricted(deps, request, response, mayReadMetrics, () =>
          answerText(response, 200, deps.metrics(), METRICS_TYPE),
        );
      case '/openapi.json':
        return restricted(
          deps,
          request,
          response,
          () => {},
          () => answerText(response, 200, deps.openApi(), 'application/json'),
        );
      default:
    }
  }
  const wait = deps.throttle.waitFor(request.socket.remoteAddress ?? '');
  if (wait > 0) return tooMany(request, response, wait);
  try {
    refuseOtherSites(request);
  } catch (error) {
    return refuse(request, response, error);
  }
  await deps.api.answer(request, response);
}

function answerReadiness(deps: GatewayServerDeps, response: ServerResponse): void {
  const why = deps.notReady();
  answerText(response, why === undefined ? 200 : 503, why === undefined ? 'ready\n' : `${why}\n`);
}

async function restricted(
  deps: GatewayServerDeps,
  request: IncomingMessage,
  response: ServerResponse,
  require: (holder: TokenHolder) => void,
  answer: () => void,
): Promise<void> {
  const wait = deps.throttle.waitFor(request.socket.remoteAddress ?? '');
  if (wait > 0) return tooMany(request, response, wait);
  try {
    refuseOtherSites(request);
    require(await deps.api.holderOf(request));
    answer();
  } catch (error) {
    refuse(request, response, error);
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const hoopError = asHoopError(error);
  if (!request.complete) response.setHeader('connection', 'close');
  answerText(response, statusOf(hoopError), JSON.stringify(errorBody(hoopError)), 'application/json');
}

function mayReadMetrics(holder: TokenHolder): void {
  if (holder.kind === 'identity' && hasRole(holder.identity, 'owner', 'operator', 'auditor')) return;
  throw new NotPermitted('role_missing', 'metrics are for owners, operators and auditors', {
    next: 'or let Prometheus scrape the loopback listener: metrics.listen in the configuration',
  });
}

function tooMany(request: IncomingMessage, response: ServerResponse, wait: number): void {
  response.setHeader('retry-after', String(Math.ceil(wait / 1000)));
  if (!request.complete) response.setHeader('connection', 'close');
  const body = JSON.stringify(errorBody(tooManyFailures(wait)));
  answerText(response, TOO_MANY, body, 'application/json');
}

function tooManyFailures(wait: number): NotPermitted {
  return new NotPermitted('too_many_failures', 'too many failed logins from this address', {
    next: `try again in ${Math.ceil(wait / 1000)}s`,
    retryable: true,
  });
}

function answerText(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(text);
}

/** Metrics and health on loopback, without TLS and token. */
export function createMetricsServer(deps: Pick<GatewayServerDeps, 'metrics' | 'notReady'>): NetServer {
  const server = createHttpServer({ maxHeaderSize: 8192, headersTimeout: 5000 }, (request, response) => {
    const path = request.method === 'GET' ? request.url?.split('?')[0] : undefined;
    if (!isLoopbackHost(request.headers.host)) return answerText(response, 403, 'not under this name\n');
    if (path === '/metrics') return answerText(response, 200, deps.metrics(), METRICS_TYPE);
    if (path === '/healthz') return answerText(response, 200, 'ok\n');
    if (path === '/readyz') {
      const why = deps.notReady();
      return answerText(response, why === undefined ? 200 : 503, why === undefined ? 'ready\n' : `${why}\n`);
    }
    answerText(response, 404, 'nothing here\n');
  });
  server.maxConnections = 32;
  return server;
}

/** Throws Conflict `port_taken`, NotReachable `cannot_listen`; gives the port it got. */
export function listenAt(server: NetServer, { host, port }: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      const where = `${host}:${port}`;
      reject(
        error.code === 'EADDRINUSE'
          ? new Conflict('port_taken', `${where} is taken by another process`, { cause: error })
          : new NotReachable('cannot_listen', `the gateway cannot listen on ${where}`, {
              why: error.code ?? error.message,
              cause: error,
            }),
      );
    };
    server.once('error', failed);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', failed);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import { type HoopError, NotReachable, ProtocolViolation, systemCode } from '../base/errors.ts';
import type { GatewayAddress } from './client-dial.ts';
import { errorFromBody } from './failures.ts';
import { readLines } from './ndjson.ts';
import { type Route, type RouteName, routes } from './routes.ts';
import { errorBodySchema } from './schemas.ts';
import { assertOwnSocket } from './socket-path.ts';

type Routes = typeof routes;
export type StreamName = { [N in RouteName]: Routes[N] extends { stream: true } ? N : never }[RouteName];
export type CallName = Exclude<RouteName, StreamName>;

type PathParameters<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? Name | PathParameters<Rest>
  : P extends `${string}:${infer Name}`
    ? Name
    : never;

type ParamsOf<R extends Route> = [PathParameters<R['path']>] extends [never]
  ? unknown
  : { readonly params: Readonly<Record<PathParameters<R['path']>, string>> };
type QueryOf<R> = R extends { query: infer S extends z.ZodType }
  ? { readonly query?: QueryWords<S> }
  : unknown;
/** Query values go as text; a missing one is left out. */
type QueryWords<S extends z.ZodType> = {
  readonly [K in keyof z.output<S>]?: string | number | undefined;
};
type BodyOf<R> = R extends { body: infer S extends z.ZodType } ? { readonly body: z.input<S> } : unknown;
type RawOf<R> = R extends { rawBody: true }
  ? { readonly raw: string | AsyncIterable<Uint8Array | string> }
  : unknown;

export type InputOf<N extends RouteName> = ParamsOf<Routes[N]> &
  QueryOf<Routes[N]> &
  BodyOf<Routes[N]> &
  RawOf<Routes[N]> & { readonly signal?: AbortSignal };
export type AnswerOf<N extends RouteName> = z.output<Routes[N]['response']>;

/** The daemon's API by route name; answers are checked against the route's schema. */
export interface Client {
  /** One call, one answer. Throws the daemon's error as its class, NotReachable when there is no daemon. */
  call<N extends CallName>(name: N, input: InputOf<N>): Promise<AnswerOf<N>>;
  /** One call, many lines. The call is made when iteration starts and cut when iteration stops. */
  stream<N extends StreamName>(name: N, input: InputOf<N>): AsyncGenerator<AnswerOf<N>, void, void>;
  /** Bytes to and from an endpoint of a gateway that listens by `relay`; undefined with the local daemon. */
  readonly relay?: (endpoint: string) => Promise<Duplex>;
}

export type ClientOptions = Place & {
  /** The identity to act as; asked for anew at each call where it is a function. */
  readonly token: string | (() => Promise<string>);
};

/** Behind a Unix socket, or a gateway. */
type Place = { readonly socket: string } | { readonly gateway: GatewayAddress };

interface AnyInput {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly raw?: string | AsyncIterable<Uint8Array | string>;
  readonly signal?: AbortSignal;
}

/** Bytes that a single answer may have; lists are bounded by their routes far below it. */
const LARGEST_ANSWER = 256 * 1024 * 1024;

/** A client of the local daemon or of a gateway. Nothing is sent before the first call. */
export function openClient(options: ClientOptions): Client {
  const relay =
    'gateway' in options
      ? async (endpoint: string) => {
          const { openRelay } = await import('./client-relay.ts');
          return openRelay(options.gateway, await tokenOf(options), endpoint);
        }
      : undefined;
  return {
    ...(relay === undefined ? {} : { relay }),
    async call(name, input) {
      const answer = await send(options, name, input);
      return checked(name, await readJson(answer, options));
    },
    async *stream(name, input) {
      const answer = await send(options, name, input);
      try {
        for await (const line of readLines(answer)) {
          const failure = errorBodySchema.safeParse(line);
          if (failure.success) throw errorFromBody(failure.data);
          yield checked(name, line);
        }
      } catch (error) {
        throw broken(error, input.signal, options);
      } finally {
        answer.destroy();
      }
    },
  };
}

function pathOf(route: Route, input: AnyInput): string {
  const path = route.path.replace(/:([a-z]+)/g, (_, name: string) => {
    return encodeURIComponent(input.params?.[name] ?? '');
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined) query.set(name, String(value));
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Sends one request; settles with a successful answer's head, or throws what the daemon said. */
async function send(options: ClientOptions, name: RouteName, input: AnyInput): Promise<IncomingMessage> {
  const route: Route = routes[name];
  const json = input.body === undefined ? undefined : JSON.stringify(input.body);
  const token = await tokenOf(options);
  const call = request({
    ...(await placeOf(options, input.signal)),
    method: route.method,
    path: pathOf(route, input),
    headers: {
      host: 'gateway' in options ? new URL(options.gateway.url).host : 'hoopctl',
      authorization: `Bearer ${token}`,
      ...(json === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) }),
      ...(input.raw === undefined ? {} : { 'content-type': 'application/x-ndjson' }),
    },
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  });
  const head = new Promise<IncomingMessage>((resolve, reject) => {
    call.once('response', resolve);
    call.on('error', (error) => reject(unreachable(error, options, input.signal)));
  });
  if (input.raw === undefined) call.end(json);
  else void sendRaw(call, input.raw);
  const answer = await head;
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return answer;
  throw await failureOf(answer, options);
}

async function tokenOf({ token }: ClientOptions): Promise<string> {
  return typeof token === 'string' ? token : token();
}

/** How `request` gets there: one connection a call, its certificate checked before a token goes over it. */
async function placeOf(options: ClientOptions, signal: AbortSignal | undefined) {
  if ('gateway' in options) {
    // Loaded when it is needed: most command lines speak to the local daemon.
    const { dialGateway } = await import('./client-dial.ts');
    const socket = await dialGateway(options.gateway, signal);
    // Without an agent: one would make connections of its own.
    return { createConnection: () => socket };
  }
  assertOwnSocket(options.socket);
  return { socketPath: options.socket, agent: false as const };
}

/** Who did not answer, and where to look. */
function peerOf(options: ClientOptions): { readonly name: string; readonly logs: string } {
  return 'gateway' in options
    ? { name: `the gateway ${options.gateway.url}`, logs: "the gateway's own log says more" }
    : { name: 'the daemon', logs: 'hoopctl daemon logs' };
}

async function sendRaw(call: ClientRequest, raw: string | AsyncIterable<Uint8Array | string>): Promise<void> {
  try {
    if (typeof raw === 'string') call.write(raw);
    else {
      for await (const chunk of raw) {
        if (call.destroyed) return;
        if (!call.write(chunk))
          await new Promise((resolve) => call.once('drain', resolve).once('close', resolve));
      }
    }
    call.end();
  } catch (error) {
    call.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

async function failureOf(answer: IncomingMessage, options: ClientOptions): Promise<HoopError> {
  const body = errorBodySchema.safeParse(await readJson(answer, options).catch(() => undefined));
  if (body.success) return errorFromBody(body.data);
  const { name, logs } = peerOf(options);
  return new ProtocolViolation('bad_answer', `${name} answered ${answer.statusCode} and no reason`, {
    next: logs,
  });
}

async function readJson(answer: IncomingMessage, options: ClientOptions): Promise<unknown> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > LARGEST_ANSWER) throw new ProtocolViolation('answer_too_large', 'the answer is too large');
      parts.push(chunk);
    }
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new ProtocolViolation('bad_answer', 'the daemon answered with something that is not JSON', {
        cause: error,
      });
    }
    throw broken(error, undefined, options);
  }
}

function checked<N extends RouteName>(name: N, value: unknown): AnswerOf<N> {
  const result = routes[name].response.safeParse(value);
  if (result.success) return result.data as AnswerOf<N>;
  throw new ProtocolViolation('unexpected_answer', `the daemon's answer to "${name}" has an unknown form`, {
    why: 'daemon and command line are probably of different versions',
    next: 'hoopctl daemon restart',
    cause: result.error,
  });
}

function unreachable(error: Error, options: ClientOptions, signal: AbortSignal | undefined): Error {
  if (signal?.aborted) return error;
  const code = systemCode(error);
  if ('socket' in options && (code === 'ECONNREFUSED' || code === 'ENOENT')) {
    return new NotReachable('daemon_not_running', 'the daemon is not running', {
      why: `nothing answers at ${options.socket}`,
      next: 'hoopctl daemon start',
      cause: error,
    });
  }
  return broken(error, signal, options) as Error;
}

/** How a connection says that its other end, or the network on the way there, is gone. */
const BROKEN: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
]);

/** A connection that ended in the middle of an answer means that the daemon went away. */
function broken(error: unknown, signal: AbortSignal | undefined, options: ClientOptions): unknown {
  if (signal?.aborted || !BROKEN.has(systemCode(error) ?? '')) return error;
  const local = 'socket' in options;
  return new NotReachable('daemon_gone', `${peerOf(options).name} ended in the middle of the answer`, {
    next: local ? 'hoopctl daemon status' : 'try again when it is back, or ask who runs it',
    retryable: true,
    cause: error,
  });
}

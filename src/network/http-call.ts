import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { HoopError, NotReachable, systemCode } from '../base/errors.ts';
import { type Environment, openTunnel, proxyFor } from './proxy.ts';

/** One question to somebody else's server. */
export interface HttpCall {
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** From the first packet to the last byte of the answer, in milliseconds. */
  readonly patience: number;
  /** Bytes that a good answer's body may have, and of a refusal's that are read; 0 where only the status counts. */
  readonly largest: number;
  /** Ends it before; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Throws NotReachable `no_answer`, whose `why` holds no part of the URL but host and port. */
export type CallHttp = (url: string | URL, call: HttpCall) => Promise<HttpAnswer>;

/**
 * Calls over connections of their own. https goes through the proxy that the environment names, by a tunnel, so that
 * it ends at the server whose certificate is checked, whatever the environment says of checking; plain http goes
 * nowhere but straight. No redirect is followed.
 */
export function httpCalls(environment: Environment): CallHttp {
  return async (target, call) => {
    const url = new URL(target);
    const late = AbortSignal.timeout(call.patience);
    const signal = call.signal === undefined ? late : AbortSignal.any([call.signal, late]);
    try {
      if (url.protocol !== 'https:') return await ask(httpRequest, url, call, { agent: false }, signal);
      const way = await wayTo(url, environment, signal);
      return await ask(httpsRequest, url, call, { ...way, rejectUnauthorized: true }, signal);
    } catch (error) {
      if (call.signal?.aborted) throw call.signal.reason;
      const why = late.aborted ? `no answer in ${call.patience / 1000} s` : whyOf(error);
      throw new NotReachable('no_answer', `${url.hostname} does not answer`, {
        why,
        retryable: true,
        cause: error,
      });
    }
  };
}

/** A connection of its own, or one inside a tunnel. */
async function wayTo(
  { hostname, port }: URL,
  environment: Environment,
  signal: AbortSignal,
): Promise<RequestOptions> {
  const host = hostname.replace(/^\[|\]$/g, '');
  const to = Number(port) || 443;
  const proxy = proxyFor(host, to, environment);
  if (proxy === undefined) return { agent: false };
  const tunnel = await openTunnel(proxy, host, to, signal);
  return { createConnection: () => inside(tunnel, host) };
}

function inside(tunnel: Socket, host: string): Socket {
  return connectTls({
    socket: tunnel,
    host,
    // Server names are names (RFC 6066, section 3); an address is checked against the certificate without one.
    servername: isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true,
  });
}

function ask(
  send: typeof httpsRequest,
  url: URL,
  { body, headers = {}, largest, method }: HttpCall,
  way: RequestOptions,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = { 'user-agent': 'hoopctl', ...headers, ...length };
    const request = send(url, { ...way, method, headers: sent, signal }, (answer) => {
      const { headers: given, statusCode: status = 0 } = answer;
      readBody(answer, largest, status).then(
        (read) => resolve({ status, headers: given, body: read }),
        reject,
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Leaving the loop ends the connection. */
async function readBody(answer: IncomingMessage, largest: number, status: number): Promise<Buffer> {
  if (largest === 0) {
    answer.destroy();
    return Buffer.alloc(0);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > largest && status < 300) throw new Error('its answer is too large');
    if (length > largest) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The system's words for it, or what the proxy said. */
function whyOf(error: unknown): string {
  if (error instanceof HoopError) return [error.message, error.why].filter(Boolean).join(': ');
  if (!(error instanceof Error)) return 'the network failed';
  return systemCode(error) ?? error.message;
}

import { BlockList, connect as connectTcp, isIP, isIPv6, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { NotReachable, UsageError } from '../base/errors.ts';

/** Where proxies are named. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** An HTTP proxy that opens tunnels (RFC 9110, section 9.3.6). */
export interface HttpProxy {
  readonly host: string;
  readonly port: number;
  /** The proxy itself is spoken to over TLS. */
  readonly tls: boolean;
  /** `user:password`; never shown. */
  readonly credentials: string | undefined;
}

/**
 * The proxy that `HTTPS_PROXY` names for a host, unless `NO_PROXY` excepts it (both also in lower case, which
 * goes first, as curl has it). What is on this machine is never asked through one. Throws UsageError `bad_proxy`.
 */
export function proxyFor(host: string, port: number, environment: Environment): HttpProxy | undefined {
  const text = environment.https_proxy || environment.HTTPS_PROXY;
  if (!text || isLoopback(host)) return undefined;
  if (isExcepted(host, port, environment.no_proxy || environment.NO_PROXY || '')) return undefined;
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') throw badProxy();
  const tls = url.protocol === 'https:';
  return {
    host: bare(url.hostname),
    port: Number(url.port) || (tls ? 443 : 80),
    tls,
    credentials: url.username === '' ? undefined : credentialsOf(url),
  };
}

function credentialsOf({ password, username }: URL): string {
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    // The words of the error would be about a secret.
    throw badProxy();
  }
}

function badProxy(): UsageError {
  return new UsageError('bad_proxy', 'HTTPS_PROXY is not the URL of an HTTP proxy', {
    next: 'write it as http://proxy.internal:3128, or unset it; % in a password is written %25',
  });
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** RFC 1122, section 3.2.1.3 (127/8), RFC 4291, section 2.5.3, and RFC 6761, section 6.3 (`localhost`). */
function isLoopback(host: string): boolean {
  const name = bare(host).toLowerCase().replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost') || isIn(LOOPBACK, name);
}

function isIn(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** `10.0.0.0/8`; undefined for anything else. */
function networkOf(entry: string): BlockList | undefined {
  const [, address = '', bits = ''] = /^\[?([^\]/]+)\]?\/(\d{1,3})$/.exec(entry) ?? [];
  if (isIP(address) === 0 || Number(bits) > (isIPv6(address) ? 128 : 32)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4');
  return list;
}

/** `*`, a host, a domain with or without its leading dot, an address, each with a port where one is given; a network. */
function isExcepted(host: string, port: number, list: string): boolean {
  const name = bare(host).toLowerCase();
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const network = networkOf(entry);
      if (network !== undefined) return isIn(network, name);
      const match = /^(\[[^\]]+\]|[^:]*|[0-9a-f:]+)(?::(\d+))?$/i.exec(entry);
      if (match === null) return false;
      if (match[2] !== undefined && Number(match[2]) !== port) return false;
      const wanted = bare(match[1] ?? '')
        .toLowerCase()
        .replace(/^\*?\./, '');
      if (wanted === '') return false;
      return name === wanted || (isIP(name) === 0 && name.endsWith(`.${wanted}`));
    });
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

/** Status 407, Proxy Authentication Required (RFC 9110, section 15.5.8). */
const WHO_ASKS = 'it asks who you are, or does not know the name and password it got';

/** The longest answer to CONNECT that is read, in bytes. */
const LONGEST_ANSWER = 8192;

/** A socket to `host:port` through the proxy's tunnel. Throws NotReachable `proxy_failed`. */
export async function openTunnel(
  proxy: HttpProxy,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = proxy.tls
    ? connectTls({ host: proxy.host, port: proxy.port, servername: isIP(proxy.host) ? '' : proxy.host })
    : connectTcp({ host: proxy.host, port: proxy.port });
  const abort = () => socket.destroy(new Error('it took too long'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    const target = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const authorization =
      proxy.credentials === undefined
        ? ''
        : `Proxy-Authorization: Basic ${Buffer.from(proxy.credentials).toString('base64')}\r\n`;
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${authorization}\r\n`);
    const status = await readStatus(socket);
    if (status === 407) throw new Error(WHO_ASKS);
    if (status < 200 || status > 299) throw new Error(`it answered with status ${status}`);
    return socket;
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    const why = error instanceof Error ? error.message : String(error);
    const isAsked = why === WHO_ASKS;
    throw new NotReachable('proxy_failed', `the proxy ${proxy.host}:${proxy.port} opened no tunnel`, {
      why,
      next: isAsked
        ? 'give name and password in HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT'
        : 'check HTTPS_PROXY, or except the host with NO_PROXY',
      retryable: !isAsked,
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Reads the head of the answer to CONNECT. Bytes behind it would be nobody's, so they are an error. */
function readStatus(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const settle = (finish: () => void) => {
      socket.off('data', onData).off('error', onError).off('close', onClose);
      socket.pause();
      finish();
    };
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () => settle(() => reject(new Error('it closed the connection')));
    const onData = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) {
        if (head.length > LONGEST_ANSWER) settle(() => reject(new Error('its answer is too long')));
        return;
      }
      const match = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(head.toString('latin1', 0, end + 2));
      if (match === null) return settle(() => reject(new Error('it does not speak HTTP')));
      if (end + 4 !== head.length) return settle(() => reject(new Error('it sent more than an answer')));
      settle(() => resolve(Number(match[1])));
    };
    socket.on('data', onData).on('error', onError).on('close', onClose);
  });
}

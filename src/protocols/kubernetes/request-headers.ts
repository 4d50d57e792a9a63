import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { ProtocolViolation } from '../../base/errors.ts';
import type { RequestBody } from './request-body.ts';
import { METHODS, type Method } from './request-info.ts';

/** Headers that may stand in a request once: the first and the last of two are two requests. */
const ONCE = [
  'host',
  'authorization',
  'content-type',
  'content-encoding',
  'content-length',
  'accept-encoding',
];

/** What of a request's head counts here. */
export interface RequestHead {
  readonly method: Method;
  readonly bearer: string | undefined;
  readonly contentType: string;
  /** Whom it asks to be, by any `Impersonate-*` header. */
  readonly impersonates: string | undefined;
}

/** Throws ProtocolViolation `bad_request` for a head that two readers could take differently. */
export function readHead(request: IncomingMessage): RequestHead {
  const counts = new Map<string, number>();
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = (request.rawHeaders[i] ?? '').toLowerCase();
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const name of ONCE)
    if ((counts.get(name) ?? 0) > 1) throw bad(`the header ${name} stands there twice`);
  const method = METHODS.find((one) => one === request.method);
  if (method === undefined)
    throw bad(`the method ${String(request.method).slice(0, 20)} is not one of the API's`);
  const { headers } = request;
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw bad('a body with a Content-Encoding cannot be judged');
  }
  return {
    method,
    bearer: /^Bearer +([\x21-\x7e]+)$/i.exec(headers.authorization ?? '')?.[1],
    contentType: mediaType(headers['content-type']),
    impersonates: impersonated(headers),
  };
}

function mediaType(header: string | undefined): string {
  return (header ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

function impersonated(headers: IncomingHttpHeaders): string | undefined {
  const names = Object.keys(headers).filter((name) => name.startsWith('impersonate-'));
  if (names.length === 0) return undefined;
  const user = headers['impersonate-user'];
  return typeof user === 'string' && user !== '' ? user : '*';
}

/**
 * The headers that go on: the few that mean something to the API server, all others stay behind. Those by which a
 * proxy in front of the API server speaks (`Impersonate-*`, `X-Remote-*`, `X-Forwarded-*`) are never among them.
 */
export function outgoingHeaders(
  headers: IncomingHttpHeaders,
  body: RequestBody | undefined,
  accept: string | undefined,
  as: { readonly name: string; readonly groups: readonly string[] } | undefined,
): OutgoingHttpHeaders {
  const out: OutgoingHttpHeaders = {};
  if (accept !== undefined) out.accept = accept;
  for (const name of ['user-agent', 'if-none-match'] as const) {
    const value = headers[name];
    if (value !== undefined) out[name] = value;
  }
  if (body !== undefined) {
    out['content-length'] = body.bytes.length;
    if (headers['content-type'] !== undefined) out['content-type'] = headers['content-type'];
  }
  if (as !== undefined) Object.assign(out, impersonation(as));
  return out;
}

/** Runs the request as the real requester. Names that Kubernetes keeps for itself are not taken from anybody. */
export function impersonation(as: {
  readonly name: string;
  readonly groups: readonly string[];
}): Record<string, string | string[]> {
  if (as.name.startsWith('system:'))
    throw bad('an identity whose name begins with "system:" cannot be impersonated');
  const groups = as.groups.filter((group) => !group.startsWith('system:') && /^[\x21-\x7e]+$/.test(group));
  return {
    'impersonate-user': as.name,
    'impersonate-group': [...groups, 'system:authenticated'],
  };
}

const PASSED_BACK = [
  'content-type',
  'cache-control',
  'etag',
  'last-modified',
  'date',
  'warning',
  'retry-after',
  'audit-id',
  'deprecation',
  'x-kubernetes-pf-flowschema-uid',
  'x-kubernetes-pf-prioritylevel-uid',
] as const;

/** The headers of an answer that the requester gets. */
export function returnedHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of PASSED_BACK) {
    const value = headers[name];
    if (typeof value === 'string') out[name] = value;
  }
  return out;
}

function bad(why: string): ProtocolViolation {
  return new ProtocolViolation('bad_request', why);
}

import { parameter, type RequestQuery, type RequestTarget } from './request-target.ts';

/** What a request asks for, in the API server's words (k8s.io/apiserver/pkg/endpoints/request/requestinfo.go). */
export type RequestInfo = ResourceRequest | PathRequest;

export interface ResourceRequest {
  readonly kind: 'resource';
  readonly verb: ResourceVerb;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string | undefined;
  /** Empty for cluster-wide resources, and for a request over all namespaces. */
  readonly namespace: string;
  /** Undefined when it means all of them, or when only the body tells. */
  readonly name: string | undefined;
}

/** `/version`, `/apis/apps/v1`: no resource. */
export interface PathRequest {
  readonly kind: 'path';
  /** Lower-case method. */
  readonly verb: string;
  readonly path: string;
}

export type ResourceVerb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection'
  | 'proxy';

/** Methods that the API server gives a verb to. */
export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type Method = (typeof METHODS)[number];

const VERBS: Readonly<Record<Method, ResourceVerb>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** What may follow `namespaces/NAME` and still be about the namespace itself. */
const NAMESPACE_SUBRESOURCES: readonly string[] = ['status', 'finalize'];

/** Resolves a request by the API server's own rules; undefined where the server answers that it cannot. */
export function requestInfo(method: Method, target: RequestTarget): RequestInfo | undefined {
  const { segments } = target;
  const path: PathRequest = {
    kind: 'path',
    verb: method.toLowerCase(),
    path: `/${segments.join('/')}`,
  };
  if (segments.length < 3) return path;
  const [prefix, ...rest] = segments;
  if (prefix === 'api') return resourceRequest(method, '', rest, target.query);
  if (prefix !== 'apis' || rest.length < 3) return path;
  const [group = '', ...more] = rest;
  return resourceRequest(method, group, more, target.query);
}

function resourceRequest(
  method: Method,
  group: string,
  [version = '', ...rest]: readonly string[],
  query: RequestQuery,
): ResourceRequest | undefined {
  let parts = rest;
  let verb = VERBS[method];
  const special = parts[0] === 'watch' || parts[0] === 'proxy' ? parts[0] : undefined;
  if (special !== undefined) {
    if (parts.length < 2) return undefined;
    verb = special;
    parts = parts.slice(1);
  }
  let namespace = '';
  if (parts[0] === 'namespaces' && parts.length > 1) {
    namespace = parts[1] ?? '';
    if (parts.length > 2 && !NAMESPACE_SUBRESOURCES.includes(parts[2] ?? '')) parts = parts.slice(2);
  }
  const [resource = '', named] = parts;
  const subresource = verb === 'proxy' ? undefined : parts[2];
  const name = named ?? (verb === 'get' ? selectedName(query) : undefined);
  if (named === undefined && verb === 'get') verb = isWatch(query) ? 'watch' : 'list';
  if (named === undefined && verb === 'delete') verb = 'deletecollection';
  return { kind: 'resource', verb, group, version, resource, subresource, namespace, name };
}

/** A parameter that is there is true unless it says `false` or `0` (apimachinery, Convert_Slice_string_To_bool). */
function isWatch(query: RequestQuery): boolean {
  const value = parameter(query, 'watch');
  return value !== undefined && value !== '0' && value.toLowerCase() !== 'false';
}

/** `fieldSelector=metadata.name=web` narrows a list to one name. */
function selectedName(query: RequestQuery): string | undefined {
  const selector = parameter(query, 'fieldSelector');
  for (const term of selector?.split(',') ?? []) {
    const match = /^metadata\.name==?([a-z0-9.:-]+)$/.exec(term);
    if (match) return match[1];
  }
  return undefined;
}

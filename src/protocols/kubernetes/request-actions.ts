import type { Action } from '../../sql/facts.ts';
import {
  ADMIN_GROUPS,
  ADMIN_RESOURCES,
  ADMIN_SUBRESOURCES,
  isBuiltIn,
  isBuiltInGroup,
  isDiscoveryPath,
  PLAIN_SUBRESOURCES,
  REVIEWS,
  resourceWord,
} from './api-resources.ts';
import { connectActions, type ShellReading } from './connect-actions.ts';
import type { BodyFacts } from './request-body.ts';
import type { PathRequest, RequestInfo, ResourceRequest } from './request-info.ts';
import { parameters, type RequestQuery } from './request-target.ts';

/** What the request does, and why where that is not known. */
export interface RequestActions {
  readonly actions: readonly Action[];
  readonly reasons: readonly string[];
}

/**
 * True for a group that the cluster's own API server answers by itself (built in, or a custom resource), false for
 * one that it hands on to another server, undefined when the cluster has not told.
 */
export type ServedLocally = (group: string, version: string) => boolean | undefined;

const SEGMENT = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const READS: ReadonlySet<string> = new Set(['get', 'list', 'watch']);

/** As what a request is read that policy may know by several names. */
export type Reading = ShellReading | 'dry-run';

/** What a request does, by what it says about itself. */
export function requestActions(
  info: RequestInfo,
  body: BodyFacts,
  servedLocally: ServedLocally,
  around: {
    readonly query: RequestQuery;
    readonly unmaskable: boolean;
    readonly bodyType: string;
    /** Undefined for what it is by its own words. */
    readonly reading: Reading | undefined;
  },
): RequestActions {
  if (info.kind === 'path') return pathActions(info);
  const word = resourceWord(info.group, info.resource);
  const named = objectName(info, body, word);
  const command = commandOf(info, named);
  const object = { kind: 'other', name: named } as const;
  const unknown = whyUnknown(info, body, servedLocally);
  if (unknown !== undefined) {
    return { actions: [{ effect: 'unknown', command, object }], reasons: [unknown] };
  }
  if (around.reading === 'dry-run' && rehearses(info, around.query))
    return dryRunActions(info, named, command);
  const actions: Action[] = [{ effect: effectOf(info), command, object }];
  // The answer to a patch is the whole object: an empty one reads a secret.
  if (word === 'secrets' && info.verb === 'patch') {
    actions.push({ effect: 'admin', command: `READ ${named}`, object });
  }
  // With a namespace goes everything in it.
  if (word === 'namespaces' && info.verb === 'delete' && info.name !== undefined) {
    const inside = `${info.name}/*/*`;
    actions.push({ effect: 'write', command: `DELETE ${inside}`, object: { kind: 'other', name: inside } });
  }
  if (body.hostAccess.length > 0 && !READS.has(info.verb)) {
    actions.push({ effect: 'admin', command: `HOST ACCESS ${named} ${body.hostAccess.join(' ')}`, object });
  }
  for (const account of READS.has(info.verb) ? [] : body.accounts) {
    const of = `${namespaceOf(info) || '*'}/serviceaccounts/${account}`;
    actions.push({ effect: effectOf(info), command: `RUN AS ${of} ${named}`, object });
  }
  for (const verb of alsoDoes(info, around.bodyType)) {
    const effect = effectOf({ ...info, verb });
    actions.push({ effect, command: `${verb.toUpperCase()} ${named}`, object });
  }
  const shell = around.reading === 'dry-run' ? undefined : around.reading;
  const inside = connectActions(info, around.query, named, around.unmaskable, shell);
  return { actions: [...actions, ...inside.actions], reasons: inside.reasons };
}

const REHEARSED: ReadonlySet<string> = new Set(['create', 'update', 'patch']);

/**
 * True for a write that the API server is to keep nothing of. Deletions are none: their options may stand in the body,
 * and then those of the query do not count. Nor is what is more than a write, or a subresource with ways of its own.
 */
function rehearses(info: ResourceRequest, query: RequestQuery): boolean {
  const asked = parameters(query, 'dryRun');
  const all = asked.length === 1 && asked[0] === 'All';
  return all && REHEARSED.has(info.verb) && info.subresource === undefined && effectOf(info) === 'write';
}

/** The answer is the object as it would be: whoever may not read it may not have that. */
function dryRunActions(info: ResourceRequest, named: string, command: string): RequestActions {
  const object = { kind: 'other', name: named } as const;
  const reads = effectOf({ ...info, verb: 'get' });
  return {
    actions: [
      { effect: 'unknown', command: `DRY-RUN ${command}`, object },
      { effect: reads, command: `GET ${named}`, object },
    ],
    reasons: ['a dry run keeps nothing, but asks the webhooks of the cluster: a rule names it'],
  };
}

/** Resources that an update makes where there is none (AllowCreateOnUpdate of their strategies). */
const MADE_BY_UPDATE: ReadonlySet<string> = new Set([
  'endpoints',
  'events',
  'leases.coordination.k8s.io',
  'limitranges',
  'podtemplates',
  'services',
  'runtimeclasses.node.k8s.io',
]);

/** What a request may come to by another way than its verb says, as the API server's own authorisation has it. */
function alsoDoes(info: ResourceRequest, bodyType: string): readonly ('create' | 'delete')[] {
  const { group, resource, subresource, verb } = info;
  if (subresource === 'eviction') return ['delete'];
  if (subresource !== undefined) return [];
  if (verb === 'patch' && bodyType.startsWith('application/apply-patch')) return ['create'];
  const qualified = group === '' ? resource : `${resource}.${group}`;
  return verb === 'update' && MADE_BY_UPDATE.has(qualified) ? ['create'] : [];
}

function pathActions(info: PathRequest): RequestActions {
  const command = `${info.verb.toUpperCase()} ${info.path}`;
  const segments = info.path === '/' ? [] : info.path.slice(1).split('/');
  const reads = info.verb === 'get' || info.verb === 'head';
  if (reads && isDiscoveryPath(segments)) return { actions: [{ effect: 'read', command }], reasons: [] };
  const reason = `${info.path.slice(0, 120)} is no path of the Kubernetes API that hoopctl knows`;
  return { actions: [{ effect: 'unknown', command }], reasons: [reason] };
}

function whyUnknown(
  info: ResourceRequest,
  body: BodyFacts,
  servedLocally: ServedLocally,
): string | undefined {
  const { group, resource, subresource, version } = info;
  for (const part of [group, version, resource, subresource]) {
    if (part !== undefined && part !== '' && !SEGMENT.test(part)) return 'its path names no resource';
  }
  if (info.resource === '') return 'its path names no resource';
  if (isBuiltInGroup(group)) {
    if (!isBuiltIn(group, resource)) return `${resource} is no resource of Kubernetes that hoopctl knows`;
  } else if (servedLocally(group, version) !== true) {
    return `${group}/${version} is served by another server than the cluster's own, or not at all`;
  }
  const known = subresource === undefined || isKnownSubresource(info, subresource);
  if (!known) return `${resource}/${subresource} is no subresource that hoopctl knows`;
  if (info.verb === 'proxy') return undefined;
  if (body.unreadable !== undefined && !READS.has(info.verb)) return body.unreadable;
  return undefined;
}

function isKnownSubresource({ group }: ResourceRequest, subresource: string): boolean {
  if (!isBuiltInGroup(group)) return subresource === 'status' || subresource === 'scale';
  return PLAIN_SUBRESOURCES.has(subresource) || ADMIN_SUBRESOURCES.has(subresource);
}

function effectOf(info: ResourceRequest): Action['effect'] {
  const { group, resource, subresource, verb } = info;
  if (verb === 'proxy') return 'admin';
  if (subresource !== undefined && ADMIN_SUBRESOURCES.has(subresource)) return 'admin';
  const reads = READS.has(verb);
  // Where the node says its kubelet is, the API server sends exec, logs and its own certificate. Who makes a node says
  // its status, too (nodeStrategy.PrepareForCreate).
  const tellsStatus = subresource === 'status' || verb === 'create';
  if (!reads && group === '' && resource === 'nodes' && tellsStatus) return 'admin';
  const qualified = `${resource}.${group}`;
  if (reads) return group === '' && resource === 'secrets' ? 'admin' : 'read';
  if (verb === 'create' && REVIEWS.has(qualified)) return 'read';
  if (ADMIN_GROUPS.has(group)) return 'admin';
  if (ADMIN_RESOURCES.has(group === '' ? resource : qualified)) return 'admin';
  return group === 'apiextensions.k8s.io' ? 'ddl' : 'write';
}

/** `shop/deployments/web`; `*` for what the request leaves open, nothing before the slash for cluster-wide things. */
function objectName(info: ResourceRequest, body: BodyFacts, word: string): string {
  const own = info.name ?? (info.verb === 'create' ? body.name : undefined) ?? '*';
  return `${namespaceOf(info)}/${word}/${own}`;
}

/** Resources of Kubernetes that live in no namespace. */
const CLUSTER_WIDE: ReadonlySet<string> = new Set([
  'namespaces',
  'nodes',
  'persistentvolumes',
  'componentstatuses',
  'clusterroles.rbac.authorization.k8s.io',
  'clusterrolebindings.rbac.authorization.k8s.io',
  'storageclasses.storage.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'apiservices.apiregistration.k8s.io',
]);

function namespaceOf({ group, name, namespace, resource, verb }: ResourceRequest): string {
  if (group === '' && resource === 'namespaces') return '';
  if (namespace !== '') return namespace;
  const qualified = group === '' ? resource : `${resource}.${group}`;
  if (CLUSTER_WIDE.has(qualified)) return '';
  // One name or a creation outside of any namespace: only what is cluster-wide can be asked for so.
  const one = name !== undefined && verb !== 'list' && verb !== 'watch';
  return one || verb === 'create' ? '' : '*';
}

/** `DELETE shop/deployments/web`, `CREATE shop/pods/web/eviction`, `EXEC shop/pods/web`. */
function commandOf({ subresource, verb }: ResourceRequest, named: string): string {
  switch (subresource) {
    case undefined:
      return `${verb.toUpperCase()} ${named}`;
    case 'exec':
      return `EXEC ${named}`;
    case 'attach':
      return `ATTACH ${named}`;
    case 'portforward':
      return `PORT-FORWARD ${named}`;
    case 'proxy':
      return `PROXY ${named}`;
    default:
      return `${verb.toUpperCase()} ${named}/${subresource}`;
  }
}

import { type Kind, kindNamed } from './kinds.ts';
import { badCommand, type Command, readCommand } from './kubectl-command.ts';
import { readBody } from './request-body.ts';
import type { Method } from './request-info.ts';

/** A request as `readStatement` takes it: method and path, and what it carries. */
export interface WrittenRequest {
  readonly method: Method;
  readonly target: string;
  readonly body: string;
  /** Media type of the body; undefined for what its text looks like. */
  readonly type?: string;
}

const PATCH_TYPES: Readonly<Record<string, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};

/** An object, or all of its kind, in a namespace. */
interface Place {
  readonly kind: Kind;
  readonly name: string | undefined;
  /** Where a manifest says so. */
  readonly namespace?: string | undefined;
}

/**
 * The request that a command of kubectl makes, the one of several that its policy is about: so that people may ask
 * about it in the words they type. `body` is the manifest where it takes one. Throws UsageError `bad_statement`.
 */
export function requestOfWords(line: string, body: string, namespace: string): WrittenRequest {
  const command = readCommand(line);
  const request = requestOf(command, body, namespace);
  const dryRun = command.verb === 'diff' ? 'server' : command.flags.get('dryRun');
  if (dryRun === undefined || dryRun === 'none' || request.method === 'GET') return request;
  if (dryRun !== 'server') throw badCommand('the server is asked for dry runs by --dry-run=server alone');
  // One of a deletion is judged as the deletion.
  if (request.method === 'DELETE') return request;
  return { ...request, target: `${request.target}${request.target.includes('?') ? '&' : '?'}dryRun=All` };
}

function requestOf(command: Command, body: string, namespace: string): WrittenRequest {
  const at = new Places(command, namespace);
  const { flags, verb } = command;
  switch (verb) {
    case 'get':
    case 'describe':
    case 'wait':
      return get(at.path(at.object()) + at.query());
    case 'top':
      return get(at.metrics());
    case 'version':
      return get('/version');
    case 'api-resources':
    case 'api-versions':
      return get('/apis');
    case 'explain':
      return get('/openapi/v2');
    case 'delete': {
      const object = at.one(body) ?? at.object(undefined, flags.has('all') || flags.has('selector'));
      return { method: 'DELETE', target: at.path(object), body: '' };
    }
    case 'create':
    case 'replace':
    case 'apply':
      return manifestRequest(verb, at, body);
    case 'diff':
      return manifestRequest('apply', at, body);
    default:
      return podRequest(command, at) ?? patchRequest(command, at, body);
  }
}

function get(target: string): WrittenRequest {
  return { method: 'GET', target, body: '' };
}

function podRequest({ flags, program, verb }: Command, at: Places): WrittenRequest | undefined {
  switch (verb) {
    case 'logs':
      return get(`${at.pod()}/log${flags.has('follow') ? '?follow=true' : ''}`);
    case 'exec':
    case 'attach': {
      const query = [
        ...program.map((word) => `command=${encodeURIComponent(word)}`),
        ...['stdin', 'tty'].filter((one) => flags.has(one)).map((one) => `${one}=true`),
        'stdout=true',
      ];
      return { method: 'POST', target: `${at.pod()}/${verb}?${query.join('&')}`, body: '' };
    }
    case 'port-forward':
      return { method: 'POST', target: `${at.pod()}/portforward`, body: '' };
    default:
      return undefined;
  }
}

function patchRequest({ flags, verb, words }: Command, at: Places, body: string): WrittenRequest {
  const patch = (target: string, text = '', type = 'strategic'): WrittenRequest => ({
    method: 'PATCH',
    target,
    body: text,
    type: patchType(type),
  });
  switch (verb) {
    case 'patch':
      return patch(at.path(at.object()), flags.get('patch') ?? body, flags.get('type'));
    case 'scale': {
      const replicas = Number(flags.get('replicas') ?? 0);
      return patch(`${at.path(at.object())}/scale`, JSON.stringify({ spec: { replicas } }), 'merge');
    }
    case 'rollout': {
      const target = at.path(at.object(undefined, false, 1));
      return words[0] === 'status' || words[0] === 'history' ? get(target) : patch(target);
    }
    case 'cordon':
    case 'uncordon':
      return patch(at.path(at.object('nodes')));
    case 'edit':
    case 'label':
    case 'annotate':
    case 'taint':
      return patch(at.path(at.object()));
    default:
      throw badCommand(`what request "${verb.slice(0, 60)}" makes is not known here`);
  }
}

/** Where a command's objects are. */
class Places {
  readonly #command: Command;
  readonly #namespace: string;

  constructor(command: Command, namespace: string) {
    this.#command = command;
    this.#namespace = command.flags.get('namespace') ?? namespace;
  }

  /** What its words name from `from` on: `pods web`, `pods/web`, `pods`; a name alone where `kind` says of what. */
  object(kind?: string, wholesale = true, from = 0): Place {
    const [first = '', second] = this.#command.words.slice(from);
    const [word = '', named] = first.includes('/')
      ? first.split('/', 2)
      : kind === undefined
        ? [first, second]
        : [kind, first];
    const found = kindNamed(word);
    if (found === undefined)
      throw badCommand(`"${word.slice(0, 60)}" is no kind of Kubernetes that is known here`);
    if (named === undefined && !wholesale) throw badCommand('the name of the object is missing');
    return { kind: found, name: named === '' ? undefined : named };
  }

  pod(): string {
    const object = this.object('pods', false);
    if (object.kind.resource !== 'pods') throw badCommand('kubectl chooses a pod there: name the pod');
    return this.path(object);
  }

  /** The object that a manifest holds; undefined without one. */
  one(body: string): Place | undefined {
    if (body === '' && this.#command.flags.has('filename'))
      throw badCommand('the manifest is missing: write it below the command');
    if (body === '') return undefined;
    const {
      kind = '',
      name,
      namespace,
      unreadable,
    } = readBody({ type: 'application/yaml', bytes: Buffer.from(body) });
    const found = kindNamed(kind);
    if (unreadable !== undefined || found === undefined)
      throw badCommand(unreadable ?? `its kind "${kind}" is not known here`);
    return { kind: found, name, namespace };
  }

  path({ kind, name, namespace = this.#namespace }: Place): string {
    const within =
      kind.namespaced && !this.#command.flags.has('everywhere')
        ? `/namespaces/${encodeURIComponent(namespace)}`
        : '';
    return `${kind.api}${within}/${kind.resource}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
  }

  query(): string {
    const { flags } = this.#command;
    const selector = flags.get('fieldSelector');
    const parts = [
      ...(flags.has('watch') ? ['watch=true'] : []),
      ...(selector === undefined ? [] : [`fieldSelector=${encodeURIComponent(selector)}`]),
    ];
    return parts.length === 0 ? '' : `?${parts.join('&')}`;
  }

  metrics(): string {
    const { kind, name } = this.object();
    return this.path({ kind: { ...kind, api: '/apis/metrics.k8s.io/v1beta1' }, name });
  }
}

function manifestRequest(verb: 'create' | 'replace' | 'apply', at: Places, body: string): WrittenRequest {
  const object = at.one(body);
  if (object === undefined && verb === 'create') {
    const { kind, name } = at.object(undefined, false);
    return {
      method: 'POST',
      target: `${at.path({ kind, name: undefined })}`,
      body: JSON.stringify({ metadata: { name } }),
    };
  }
  if (object === undefined) throw badCommand('the manifest is missing: write it below the command');
  switch (verb) {
    case 'create':
      return { method: 'POST', target: `${at.path({ ...object, name: undefined })}`, body };
    case 'replace':
      return { method: 'PUT', target: `${at.path(object)}`, body };
    case 'apply':
      // It makes the object where there is none.
      return { method: 'PATCH', target: `${at.path(object)}`, body, type: 'application/apply-patch+yaml' };
  }
}

function patchType(name: string): string {
  const type = PATCH_TYPES[name];
  if (type === undefined) throw badCommand(`a patch is of type ${Object.keys(PATCH_TYPES).join(', ')}`);
  return type;
}

import { isMap, isScalar, parseDocument, visit } from 'yaml';
import { HoopError } from '../../base/errors.ts';
import { isSafeCapability } from './api-resources.ts';
import { type JsonPath, readString, walkJson } from './json-walk.ts';
import { readProtobufObject } from './protobuf-object.ts';

/** The API server takes no longer request than this (3 MiB); nothing longer is held. */
export const LONGEST_BODY = 3 * 1024 * 1024;

export interface RequestBody {
  /** Media type as it came, without parameters, lower case; empty when none was given. */
  readonly type: string;
  readonly bytes: Buffer;
}

/** What a body says about itself; `unreadable` in words where it cannot be judged. */
export interface BodyFacts {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  /** Ways out of a container that it asks for: `hostPath`, `privileged`. */
  readonly hostAccess: readonly string[];
  /** Service accounts that pods in it would run as, `default` apart. */
  readonly accounts: readonly string[];
  readonly unreadable?: string;
}

const EMPTY: BodyFacts = { hostAccess: [], accounts: [] };

const JSON_TYPES: ReadonlySet<string> = new Set([
  '',
  'application/json',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
]);
const YAML_TYPES: ReadonlySet<string> = new Set(['application/yaml', 'application/apply-patch+yaml']);
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** Reads a body for what policy needs of it. Never throws for what it holds. */
export function readBody(body: RequestBody | undefined): BodyFacts {
  if (body === undefined || body.bytes.length === 0) return EMPTY;
  try {
    if (JSON_TYPES.has(body.type)) return readJson(body.bytes);
    if (YAML_TYPES.has(body.type)) return readYaml(body.bytes);
    if (body.type === PROTOBUF) return readProtobufObject(body.bytes);
  } catch (error) {
    return { ...EMPTY, unreadable: error instanceof HoopError ? error.message : 'its body cannot be read' };
  }
  return { ...EMPTY, unreadable: `its body is of a type that cannot be judged: ${body.type.slice(0, 80)}` };
}

/** Fields of a pod (or of a volume) that give it the node, or put it where no scheduler would. */
const HOST_FIELDS: ReadonlySet<string> = new Set([
  'hostPath',
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'privileged',
  'procMount',
  'nodeName',
  'hostProcess',
]);
/** What these say when they ask for nothing. */
const HARMLESS: Readonly<Record<string, readonly string[]>> = {
  procMount: ['"Default"', 'null', '""'],
  nodeName: ['""', 'null'],
};
/** The name of a pod's service account, and the field that once held it. */
const ACCOUNT_FIELDS: ReadonlySet<string> = new Set(['serviceAccountName', 'serviceAccount']);

class ObjectReader {
  readonly #found: { apiVersion?: string; kind?: string; name?: string; namespace?: string } = {};
  readonly #host = new Set<string>();
  readonly #accounts = new Set<string>();

  facts(): BodyFacts {
    return { ...this.#found, hostAccess: [...this.#host], accounts: [...this.#accounts] };
  }

  /** A value at a path; `text` is its JSON form. */
  scalar(path: JsonPath, text: string): void {
    this.#identity(path, text);
    if (isFreeText(path)) return;
    const last = path.at(-1);
    if (last === 'path') this.#patchPath(stringOf(text) ?? '');
    if (typeof last === 'string' && ACCOUNT_FIELDS.has(last)) this.#account(text);
    for (const key of path)
      if (typeof key === 'string') this.#hostField(key, key === last ? text : undefined);
    if (path.at(-2) === 'add' && path.at(-3) === 'capabilities') this.#capability(text);
  }

  /** An empty object or array has no scalar, and may still mean something: `emptyDir: {}`, `hostPath: {}`. */
  container(path: JsonPath): void {
    if (isFreeText(path)) return;
    // A PersistentVolume on a node's own disk.
    if (path.length === 2 && path[0] === 'spec' && path[1] === 'local') this.#host.add('hostPath');
    for (const key of path) if (typeof key === 'string') this.#hostField(key, undefined);
  }

  #identity(path: JsonPath, text: string): void {
    const value = text.startsWith('"') ? stringOf(text) : undefined;
    if (value === undefined) return;
    const [first, second] = path;
    if (path.length === 1 && first === 'kind') this.#found.kind = value;
    if (path.length === 1 && first === 'apiVersion') this.#found.apiVersion = value;
    if (path.length === 2 && first === 'metadata' && second === 'name') this.#found.name = value;
    if (path.length === 2 && first === 'metadata' && second === 'namespace') this.#found.namespace = value;
  }

  /** JSON Patch (RFC 6902) names fields in its paths. */
  #patchPath(pointer: string): void {
    if (!pointer.startsWith('/')) return;
    const steps = pointer.split('/');
    // Its value may stand before it or behind it: it could be any.
    if (ACCOUNT_FIELDS.has(steps.at(-1) ?? '')) this.#accounts.add('*');
    for (const step of steps) {
      const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
      this.#hostField(key, undefined);
      if (key === 'capabilities') this.#host.add('capabilities');
    }
  }

  #hostField(key: string, text: string | undefined): void {
    if (!HOST_FIELDS.has(key)) return;
    if (text !== undefined && (HARMLESS[key] ?? ['false', 'null']).includes(text)) return;
    this.#host.add(key);
  }

  #account(text: string): void {
    const name = stringOf(text) ?? '';
    if (name !== '' && name !== 'default') this.#accounts.add(name);
  }

  #capability(text: string): void {
    if (!isSafeCapability(stringOf(text) ?? '')) this.#host.add('capabilities');
  }
}

/** Keys that users choose: what they are called means nothing. */
function isFreeText(path: JsonPath): boolean {
  const [first] = path;
  if (first === 'data' || first === 'stringData' || first === 'binaryData') return true;
  const metadata = path.indexOf('metadata');
  const part = metadata < 0 ? undefined : path[metadata + 1];
  return part === 'labels' || part === 'annotations' || part === 'managedFields';
}

function readJson(bytes: Buffer): BodyFacts {
  const reader = new ObjectReader();
  walkJson(bytes, {
    enter(path) {
      reader.container(path);
      return false;
    },
    scalar: (path, start, end) => reader.scalar(path, bytes.toString('utf8', start, end)),
  });
  return reader.facts();
}

/** What two YAML readers could take differently is not read: anchors, tags, merge keys, several documents. */
function readYaml(bytes: Buffer): BodyFacts {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  // Clients mostly send JSON under this name, which YAML readers take as it is.
  if (text.trimStart().startsWith('{')) return readJson(bytes);
  const document = parseDocument(text, {
    uniqueKeys: true,
    stringKeys: true,
    strict: true,
    version: '1.1',
    merge: false,
  });
  if (document.errors.length > 0 || document.warnings.length > 0)
    return unreadable('its YAML cannot be read');
  let odd: string | undefined;
  visit(document, {
    Node(_key, node) {
      if ('anchor' in node && node.anchor !== undefined) odd = 'an anchor';
      if (node.tag !== undefined) odd = 'a tag';
    },
    Alias: () => {
      odd = 'an alias';
    },
    Pair(_key, pair) {
      if (isScalar(pair.key) && pair.key.value === '<<') odd = 'a merge key';
    },
  });
  if (odd !== undefined) return unreadable(`its YAML holds ${odd}`);
  if (!isMap(document.contents)) return unreadable('its YAML is not an object');
  return readJson(Buffer.from(JSON.stringify(document.toJS({ maxAliasCount: 0 }))));
}

function unreadable(why: string): BodyFacts {
  return { ...EMPTY, unreadable: why };
}

function stringOf(token: string): string | undefined {
  const bytes = Buffer.from(token);
  return token.startsWith('"') ? readString(bytes, 0, bytes.length) : undefined;
}

import type { Detection } from '../../../masking/detectors.ts';
import { maskDetectedInJson } from '../../../masking/json-detection.ts';
import { scan, TRIGGER } from '../../../masking/prefilter.ts';
import {
  type HashKey,
  hashText,
  partialText,
  REDACTED,
  stricter,
  type ValueMasking,
} from '../../../masking/strategies.ts';
import type { ActiveMask } from '../../../policy/decision.ts';
import { compileGlob, type Glob } from '../../../policy/glob.ts';
import { overlap } from '../../../policy/object-globs.ts';
import { type JsonPath, readString, walkJson } from '../json-walk.ts';

/** Masks over fields of one kind of object, and detectors over all its values. */
export interface ObjectMasks {
  /** `secrets`, `widgets.example.com`. */
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly fields: readonly FieldMask[];
  /** Its values are base64 of what they mean, and hidden where no mask says otherwise. */
  readonly secret: boolean;
  /** Some mask, for whomever, is over this field: the policy has thought of it. */
  readonly covered: (field: string) => boolean;
  readonly detection: Detection | undefined;
  readonly key: HashKey;
}

export interface FieldMask {
  readonly globs: readonly Glob[];
  readonly masking: ValueMasking;
}

/** The masks whose columns could be fields of such objects: `namespace/resource/name/path.to.field`. */
export function fieldMasks(masks: readonly ActiveMask[], resource: string): readonly FieldMask[] {
  return masks.flatMap(({ columns, detect, keepLast, strategy }) => {
    const meant = columns.filter((column) => overlap(column, `*/${resource}/*/*`));
    if (meant.length === 0 || detect.length > 0) return [];
    return [{ globs: meant.map((column) => compileGlob(column)), masking: { strategy, keepLast } }];
  });
}

const REDACT: ValueMasking = { strategy: 'redact', keepLast: 0 };
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** By which clients find their way: they tell nothing, and a changed one breaks them. */
const STRUCTURE: ReadonlySet<string> = new Set([
  'resourceVersion',
  'uid',
  'continue',
  'selfLink',
  'name',
  'namespace',
  'generateName',
  'creationTimestamp',
  'deletionTimestamp',
  'generation',
]);

/** No detector finds anything in less, in bytes. */
const SHORTEST_FIND = 6;

interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** One JSON text with its masked values replaced; all other bytes stay. Throws ProtocolViolation `bad_json`. */
export function maskObjectText(bytes: Buffer, masks: ObjectMasks): Buffer {
  const structural = masks.secret || masks.fields.length > 0;
  const { detection } = masks;
  const mayHold =
    detection !== undefined && (scan(bytes, 0, bytes.length) & (detection.triggers | TRIGGER.escape)) !== 0;
  if (!structural && !mayHold) return bytes;
  const leaves: { path: JsonPath; start: number; end: number }[] = [];
  walkJson(bytes, {
    scalar: (path, start, end) => leaves.push({ path: [...path], start, end }),
  });
  const named = structural ? namesOf(leaves, bytes) : new Map<string, ObjectName>();
  const splices: Splice[] = [];
  for (const leaf of leaves) {
    const text = structural ? fieldText(bytes, leaf, named, masks) : undefined;
    const instead = text ?? (mayHold ? detectedText(bytes, leaf, masks) : undefined);
    if (instead !== undefined) splices.push({ start: leaf.start, end: leaf.end, text: instead });
  }
  return spliced(bytes, splices);
}

interface Leaf {
  readonly path: JsonPath;
  readonly start: number;
  readonly end: number;
}

interface ObjectName {
  namespace?: string;
  name?: string;
}

/** Where an object may begin: at the root, in a watch event, in a list, in a row of a table. */
function rootLengths(path: JsonPath): readonly number[] {
  const lengths = [0];
  let at = 0;
  if (path[0] === 'object') lengths.push(++at);
  const list = path[at];
  if ((list === 'items' || list === 'rows') && typeof path[at + 1] === 'number') {
    at += 2;
    lengths.push(at);
    if (path[at] === 'object') lengths.push(at + 1);
  }
  return lengths;
}

function namesOf(leaves: readonly Leaf[], bytes: Buffer): Map<string, ObjectName> {
  const found = new Map<string, ObjectName>();
  for (const { end, path, start } of leaves) {
    const last = path.at(-1);
    if (path.at(-2) !== 'metadata' || (last !== 'name' && last !== 'namespace') || bytes[start] !== 0x22)
      continue;
    const root = rootKey(path, path.length - 2);
    const name = found.get(root) ?? {};
    name[last] = readString(bytes, start, end);
    found.set(root, name);
  }
  return found;
}

function rootKey(path: JsonPath, length: number): string {
  return JSON.stringify(path.slice(0, length));
}

/** What stands instead of a value that a mask covers. */
function fieldText(
  bytes: Buffer,
  leaf: Leaf,
  named: ReadonlyMap<string, ObjectName>,
  masks: ObjectMasks,
): string | undefined {
  let masking: ValueMasking | undefined;
  let encoded = false;
  for (const length of rootLengths(leaf.path)) {
    const path = leaf.path.slice(length);
    if (path.length === 0) continue;
    if (path[0] === 'metadata' && path[1] === 'annotations' && path[2] === LAST_APPLIED) return '"{}"';
    const name = named.get(rootKey(leaf.path, length)) ?? {};
    const found = maskingOf(path, name, masks);
    if (found === undefined) continue;
    masking = masking === undefined ? found : stricter(masking, found);
    encoded ||= masks.secret && path[0] === 'data';
  }
  return masking === undefined ? undefined : maskedText(bytes, leaf, masking, encoded, masks.key);
}

function maskingOf(path: JsonPath, name: ObjectName, masks: ObjectMasks): ValueMasking | undefined {
  const place = `${name.namespace ?? masks.namespace ?? '*'}/${masks.resource}/${name.name ?? masks.name ?? '*'}`;
  let masking: ValueMasking | undefined;
  for (let length = 1; length <= path.length; length++) {
    const field = `${place}/${path.slice(0, length).join('.')}`;
    for (const mask of masks.fields) {
      if (!mask.globs.some((glob) => meets(glob, field))) continue;
      masking = masking === undefined ? mask.masking : stricter(masking, mask.masking);
    }
  }
  if (masking !== undefined || !masks.secret) return masking;
  const [first] = path;
  if (first !== 'data' && first !== 'stringData') return undefined;
  return masks.covered(`${place}/${path.join('.')}`) ? undefined : REDACT;
}

/** A name that is not known could be any. */
function meets(glob: Glob, field: string): boolean {
  return field.includes('*') ? overlap(glob.pattern, field) : glob.matches(field);
}

/** The masked value as a JSON token of the same kind; null where the kind can hold no text. */
function maskedText(
  bytes: Buffer,
  { end, start }: Leaf,
  { keepLast, strategy }: ValueMasking,
  encoded: boolean,
  key: HashKey,
): string {
  if (bytes[start] !== 0x22 || strategy === 'null') return 'null';
  const written = readString(bytes, start, end);
  const value = encoded ? Buffer.from(written, 'base64') : Buffer.from(written);
  const masked =
    strategy === 'redact'
      ? REDACTED
      : strategy === 'hash'
        ? hashText(value, key)
        : partialText(value.toString('utf8'), keepLast);
  return JSON.stringify(encoded ? Buffer.from(masked).toString('base64') : masked);
}

function detectedText(bytes: Buffer, leaf: Leaf, masks: ObjectMasks): string | undefined {
  const { end, path, start } = leaf;
  if (masks.detection === undefined || end - start < SHORTEST_FIND || isStructure(path)) return undefined;
  if ((scan(bytes, start, end) & (masks.detection.triggers | TRIGGER.escape)) === 0) return undefined;
  const masked = maskDetectedInJson(bytes, start, end, masks.detection, masks.key);
  if (masked === undefined) return undefined;
  // A number that became text would not be read by a client that knows its type.
  return masked === null || bytes[start] !== 0x22 ? 'null' : masked.toString('utf8');
}

function isStructure(path: JsonPath): boolean {
  const metadata = path.lastIndexOf('metadata');
  if (metadata < 0) return false;
  const part = path[metadata + 1];
  if (part === 'managedFields' || part === 'ownerReferences') return true;
  return path.length === metadata + 2 && typeof part === 'string' && STRUCTURE.has(part);
}

function spliced(bytes: Buffer, splices: readonly Splice[]): Buffer {
  if (splices.length === 0) return bytes;
  const parts: Buffer[] = [];
  let from = 0;
  for (const { end, start, text } of splices) {
    parts.push(bytes.subarray(from, start), Buffer.from(text));
    from = end;
  }
  parts.push(bytes.subarray(from));
  return Buffer.concat(parts);
}

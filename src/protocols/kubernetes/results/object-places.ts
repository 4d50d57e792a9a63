import { readString } from '../json-walk.ts';
import { SILENT } from './json-scanner.ts';

/** Where in an answer something stands, as far as masks care. */
export const PLACE = {
  /** Around the texts themselves. */
  outside: 0,
  /** Inside of an object, nowhere special. */
  plain: 1,
  /** A list, whose elements are what is masked. */
  list: 2,
  /** An object of the API: alone, in a watch event, in a list, in a row of a table. */
  root: 3,
  /** The `items` or `rows` of one. */
  elements: 4,
  metadata: 5,
  annotations: 6,
  /** By which clients and servers find their way, all of it; or what is left out. */
  structure: SILENT,
  /** The `data` or `stringData` of an object. */
  data: 7,
} as const;

/** What a key says about the value behind it. */
export const KEY = {
  other: 0,
  metadata: 1,
  object: 2,
  elements: 3,
  data: 4,
  name: 5,
  namespace: 6,
  /** Another value by which clients find their way. */
  pointer: 7,
  structure: 8,
  /** Who wrote which field: keys that repeat values. */
  managedFields: 11,
  annotations: 9,
  lastApplied: 10,
} as const;

interface Name {
  readonly name: Buffer;
  readonly key: number;
}
/** By their lengths, few of which are two names'. */
type Names = readonly (readonly Name[])[];

function names(table: Readonly<Record<string, number>>): Names {
  const byLength: Name[][] = [];
  for (const [name, key] of Object.entries(table)) {
    while (byLength.length <= name.length) byLength.push([]);
    byLength[name.length]?.push({ name: Buffer.from(name), key });
  }
  return byLength;
}

const IN_ROOT = names({
  metadata: KEY.metadata,
  object: KEY.object,
  items: KEY.elements,
  rows: KEY.elements,
  data: KEY.data,
  stringData: KEY.data,
});
/** They tell nothing, and a changed one breaks clients. */
const IN_METADATA = names({
  name: KEY.name,
  namespace: KEY.namespace,
  resourceVersion: KEY.pointer,
  uid: KEY.pointer,
  continue: KEY.pointer,
  selfLink: KEY.pointer,
  generateName: KEY.pointer,
  creationTimestamp: KEY.pointer,
  deletionTimestamp: KEY.pointer,
  generation: KEY.pointer,
  managedFields: KEY.managedFields,
  ownerReferences: KEY.structure,
  annotations: KEY.annotations,
});
const IN_ANNOTATIONS = names({ 'kubectl.kubernetes.io/last-applied-configuration': KEY.lastApplied });

/** What the key at [start, end), quotes included, means in that place. */
export function keyIn(place: number, bytes: Buffer, start: number, end: number): number {
  switch (place) {
    case PLACE.root:
    case PLACE.list:
      return find(IN_ROOT, bytes, start, end);
    case PLACE.metadata:
      return find(IN_METADATA, bytes, start, end);
    case PLACE.annotations:
      return find(IN_ANNOTATIONS, bytes, start, end);
    default:
      return KEY.other;
  }
}

function find(table: Names, bytes: Buffer, start: number, end: number): number {
  for (const one of table[end - start - 2] ?? []) if (stands(one.name, bytes, start + 1)) return one.key;
  if (!hasEscape(bytes, start, end)) return KEY.other;
  const spelled = readString(bytes, start, end);
  return table[spelled.length]?.find(({ name }) => name.toString() === spelled)?.key ?? KEY.other;
}

function hasEscape(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === 0x5c) return true;
  return false;
}

function stands(name: Buffer, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false;
  return true;
}

/** Objects of the API stand in one another at most so deep: a watch event's table's row's object. */
const DEEPEST_ROOT = 4;

/** What an object or array is that begins in `place` behind `key`, with `roots` objects of the API around it. */
export function placeInside(
  place: number,
  key: number,
  isArray: boolean,
  roots: number,
  lists: boolean,
): number {
  switch (place) {
    case PLACE.outside:
      if (isArray) return PLACE.plain;
      return lists ? PLACE.list : PLACE.root;
    case PLACE.elements:
      return !isArray && roots < DEEPEST_ROOT ? PLACE.root : PLACE.plain;
    case PLACE.list:
    case PLACE.root:
      return placeInObject(key, isArray, roots);
    case PLACE.metadata:
      if (key === KEY.structure || key === KEY.managedFields) return PLACE.structure;
      return key === KEY.annotations && !isArray ? PLACE.annotations : PLACE.plain;
    case PLACE.data:
      return place;
    default:
      return PLACE.plain;
  }
}

function placeInObject(key: number, isArray: boolean, roots: number): number {
  switch (key) {
    case KEY.metadata:
      return isArray ? PLACE.plain : PLACE.metadata;
    case KEY.object:
      return !isArray && roots < DEEPEST_ROOT ? PLACE.root : PLACE.plain;
    case KEY.elements:
      return isArray ? PLACE.elements : PLACE.plain;
    case KEY.data:
      return PLACE.data;
    default:
      return PLACE.plain;
  }
}

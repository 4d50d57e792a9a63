import { stricter, type ValueMasking } from '../../../masking/strategies.ts';
import { overlap } from '../../../policy/object-globs.ts';
import { readString } from '../json-walk.ts';
import { couldMeanField } from './field-globs.ts';
import type { ObjectMasks } from './object-masks.ts';
import { KEY, PLACE } from './object-places.ts';
import { maskedToken } from './value-masks.ts';

/** Keys of objects that are remembered. */
const MOST_KEYS = 1024;
const REDACT: ValueMasking = { strategy: 'redact', keepLast: 0 };

type Path = readonly (string | number)[];

/** An object of the API around a value: the length of the path to it, and what it is called as far as was read. */
interface Root {
  readonly at: number;
  name?: string;
  namespace?: string;
}

const NOWHERE: Path = [];
const ANYTHING: readonly Root[] = [{ at: 0 }];

interface Candidate {
  readonly start: number;
  readonly end: number;
  readonly path: Path;
  readonly roots: readonly Root[];
  /** Its caller's, given back. */
  readonly fate: number;
}

/** Told of each value in the end; `instead` is undefined where no mask over fields means it. */
export type Decided = (start: number, end: number, instead: Buffer | undefined, fate: number) => void;

/**
 * Values that a mask over fields could mean, kept until the objects around them are read whole: what they are called
 * may stand behind them. Mutable.
 */
export class FieldCandidates {
  readonly #masks: ObjectMasks;
  readonly #path: (string | number)[] = [];
  readonly #roots: Root[] = [];
  readonly #relevant = new Map<string, boolean>();
  #key = '';
  /** Positions in the arrays around, -1 for objects. */
  readonly #positions: number[] = [];
  #candidates: Candidate[] = [];

  constructor(masks: ObjectMasks) {
    this.#masks = masks;
  }

  key(bytes: Buffer, start: number, end: number): void {
    this.#key = readString(bytes, start, end);
  }

  open(place: number, isArray: boolean): void {
    if (this.#positions.length > 0) this.#path.push(this.#step());
    this.#positions.push(isArray ? 0 : -1);
    if (place === PLACE.root) this.#roots.push({ at: this.#path.length });
  }

  close(place: number): void {
    this.#positions.pop();
    this.#path.pop();
    if (place === PLACE.root) this.#roots.pop();
  }

  value(bytes: Buffer, start: number, end: number, place: number, key: number, fate: number): void {
    const step = this.#positions.length > 0 ? this.#step() : '';
    const root = this.#roots.at(-1);
    if (place === PLACE.metadata && root !== undefined && bytes[start] === 0x22) {
      if (key === KEY.name) root.name = readString(bytes, start, end);
      if (key === KEY.namespace) root.namespace = readString(bytes, start, end);
    }
    const meant = this.#isMeant(step);
    const path = meant ? [...this.#path, step] : NOWHERE;
    this.#candidates.push({ start, end, path, roots: meant ? [...this.#around()] : [], fate });
  }

  /** What stands in no object of the API could be called anything. */
  #around(): readonly Root[] {
    return this.#roots.length > 0 ? this.#roots : ANYTHING;
  }

  #isMeant(step: string | number): boolean {
    for (const { at } of this.#around()) {
      const first = at < this.#path.length ? this.#path[at] : step;
      if (this.#couldMean(String(first))) return true;
    }
    return false;
  }

  /** Tells of each value that was kept, and forgets it. */
  decide(bytes: Buffer, decided: Decided): void {
    for (const one of this.#candidates) {
      decided(one.start, one.end, one.roots.length === 0 ? undefined : this.#textOf(bytes, one), one.fate);
    }
    this.#candidates = [];
  }

  /** The first `count` bytes were dropped. */
  shift(count: number): void {
    this.#candidates = this.#candidates.map((one) => ({
      ...one,
      start: one.start - count,
      end: one.end - count,
    }));
  }

  #step(): string | number {
    const at = this.#positions.length - 1;
    const position = this.#positions[at] ?? -1;
    if (position < 0) return this.#key;
    this.#positions[at] = position + 1;
    return position;
  }

  /** Whether a mask could be over a field below this key of an object. */
  #couldMean(key: string): boolean {
    const known = this.#relevant.get(key);
    if (known !== undefined) return known;
    const { fields, resource, secret } = this.#masks;
    const field = key.replaceAll('*', '');
    const found =
      (secret && (key === 'data' || key === 'stringData')) ||
      fields.some(({ globs }) =>
        globs.some(
          ({ pattern }) =>
            couldMeanField(pattern, resource, field) || couldMeanField(pattern, resource, `${field}.*`),
        ),
      );
    if (this.#relevant.size < MOST_KEYS) this.#relevant.set(key, found);
    return found;
  }

  #textOf(bytes: Buffer, { end, path, roots, start }: Candidate): Buffer | undefined {
    let masking: ValueMasking | undefined;
    let encoded = false;
    for (const root of roots) {
      const field = path.slice(root.at);
      const found = this.#maskingOf(field, root);
      if (found === undefined) continue;
      masking = masking === undefined ? found : stricter(masking, found);
      encoded ||= this.#masks.secret && field[0] === 'data';
    }
    if (masking === undefined) return undefined;
    return Buffer.from(maskedToken(bytes, start, end, masking, encoded, this.#masks.key));
  }

  #maskingOf(path: Path, { name, namespace }: Root): ValueMasking | undefined {
    const { covered, fields, resource, secret } = this.#masks;
    const place = `${namespace ?? this.#masks.namespace ?? '*'}/${resource}/${name ?? this.#masks.name ?? '*'}`;
    let masking: ValueMasking | undefined;
    let field = place;
    for (const [index, step] of path.entries()) {
      field = `${field}${index === 0 ? '/' : '.'}${step}`;
      // A name that is not known could be any.
      const open = field.includes('*');
      for (const mask of fields) {
        if (!mask.globs.some((glob) => (open ? overlap(glob.pattern, field) : glob.matches(field)))) continue;
        masking = masking === undefined ? mask.masking : stricter(masking, mask.masking);
      }
    }
    const [first] = path;
    if (masking !== undefined || !secret || (first !== 'data' && first !== 'stringData')) return masking;
    return covered(field) ? undefined : REDACT;
  }
}

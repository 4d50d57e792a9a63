import { REDACTED } from '../../../masking/strategies.ts';
import { FieldCandidates } from './field-candidates.ts';
import { JsonScanner, type TokenReader } from './json-scanner.ts';
import { hidesFields, type ObjectMasks } from './object-masks.ts';
import { KEY, keyIn, PLACE, placeInside } from './object-places.ts';
import { DetectedTokens } from './value-masks.ts';

const NOTHING = Buffer.alloc(0);
const EMPTY_OBJECT = Buffer.from('"{}"');
const NULL = Buffer.from('null');
/** What a Secret's value is replaced by where no mask says how. */
const HIDDEN = Buffer.from(`"${Buffer.from(REDACTED).toString('base64')}"`);
const QUOTE = 0x22;

/** What the place of a value says about it, fields under a mask apart. */
const FATE = { free: 0, kept: 1, replaced: 2 } as const;
type Fate = (typeof FATE)[keyof typeof FATE];

/** Bytes that stand instead of others. */
interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: Buffer;
}

/**
 * Masks a stream of JSON texts (objects, lists, tables, the events of a watch) in one pass; all bytes but the masked
 * values stay as they are. `managedFields` become null, which servers take for what they have: their keys hold values
 * of lists (`k:{"ip":"10.0.0.1"}`, structured-merge-diff's serialisation of paths). What it keeps back is a token, or,
 * where masks are over fields, the object that has them.
 */
export class JsonMasking implements TokenReader {
  readonly #masks: ObjectMasks;
  readonly #lists: boolean;
  readonly #scanner = new JsonScanner(this);
  readonly #detected: DetectedTokens | undefined;
  readonly #candidates: FieldCandidates | undefined;
  /** Copies of what was applied tell all of it again. */
  readonly #structural: boolean;
  #splices: Splice[] = [];
  #roots = 0;
  /** Where what is left out begins, in what is not told yet; -1 outside of it. */
  #leftOut = -1;
  /** What stands instead, once. */
  #instead = NOTHING;
  /** With candidates: up to here everything is decided. */
  #decided = 0;

  /** `lists`: what comes is a list, of which no more than one element need be kept. */
  constructor(masks: ObjectMasks, lists: boolean) {
    const { anyCovered, detection, fields, key, secret } = masks;
    this.#masks = masks;
    this.#lists = lists;
    this.#structural = hidesFields(masks);
    this.#detected = detection === undefined ? undefined : new DetectedTokens(detection, key);
    const wait = fields.length > 0 || (secret && anyCovered);
    this.#candidates = wait ? new FieldCandidates(masks) : undefined;
  }

  /** Throws ProtocolViolation `bad_json` and `too_large`: nothing that cannot be read is shown. */
  push(chunk: Buffer, show: (bytes: Buffer) => void): void {
    // A token that lies across two pieces is put together from as little as can be.
    const head = this.#candidates === undefined ? this.#scanner.missing(chunk) : 0;
    if (head > 0 && head < chunk.length) this.#read(chunk.subarray(0, head), show);
    this.#read(head < chunk.length ? chunk.subarray(head) : chunk, show);
  }

  #read(chunk: Buffer, show: (bytes: Buffer) => void): void {
    this.#scanner.push(chunk);
    show(this.#taken());
  }

  /** What the stream left. Throws ProtocolViolation `bad_json` when it ended within a text. */
  end(): Buffer {
    this.#scanner.end();
    return this.#taken();
  }

  key(bytes: Buffer, start: number, end: number, place: number): number {
    this.#candidates?.key(bytes, start, end);
    return place === PLACE.plain ? KEY.other : keyIn(place, bytes, start, end);
  }

  open(place: number, key: number, isArray: boolean, at: number): number {
    const inside = placeInside(place, key, isArray, this.#roots, this.#lists);
    if (inside === PLACE.root) this.#roots++;
    if (place === PLACE.metadata && key === KEY.managedFields) {
      this.#leftOut = at;
      this.#instead = NULL;
    }
    this.#candidates?.open(inside, isArray);
    return inside;
  }

  close(place: number, end: number): void {
    if (place === PLACE.root) this.#roots--;
    if (this.#leftOut >= 0) this.#leaveOut(end, -1);
    this.#candidates?.close(place);
    if (this.#roots === 0) this.#decide(end);
  }

  value(bytes: Buffer, start: number, end: number, place: number, key: number): void {
    const fate = this.#fate(bytes, start, end, place, key);
    if (this.#candidates === undefined) {
      if (fate === FATE.free) this.#detect(bytes, start, end);
      return;
    }
    this.#candidates.value(bytes, start, end, place, key, fate);
    if (this.#roots === 0) this.#decide(end);
  }

  #fate(bytes: Buffer, start: number, end: number, place: number, key: number): Fate {
    switch (place) {
      case PLACE.metadata:
        return key === KEY.other || key === KEY.annotations ? FATE.free : FATE.kept;
      case PLACE.annotations:
        if (key !== KEY.lastApplied || !this.#structural) return FATE.free;
        this.#splices.push({ start, end, text: EMPTY_OBJECT });
        return FATE.replaced;
      case PLACE.data:
        return this.#secretFate(bytes, start, end);
      case PLACE.root:
      case PLACE.list:
        return key === KEY.data ? this.#secretFate(bytes, start, end) : FATE.free;
      default:
        return FATE.free;
    }
  }

  /** With candidates, it may be that a mask says how it is to be shown. */
  #secretFate(bytes: Buffer, start: number, end: number): Fate {
    if (!this.#masks.secret || this.#candidates !== undefined) return FATE.free;
    this.#splices.push({ start, end, text: bytes[start] === QUOTE ? HIDDEN : NULL });
    return FATE.replaced;
  }

  #detect(bytes: Buffer, start: number, end: number): void {
    const text = this.#detected?.instead(bytes, start, end);
    if (text !== undefined) this.#splices.push({ start, end, text });
  }

  /** The outermost object has ended, and all of it can be told. */
  #decide(end: number): void {
    if (this.#candidates === undefined) return;
    const { bytes } = this.#scanner;
    this.#candidates.decide(bytes, (start, stop, text, fate) => {
      if (text !== undefined) this.#splices.push({ start, end: stop, text });
      else if (fate === FATE.free) this.#detect(bytes, start, stop);
    });
    this.#splices.sort((a, b) => a.start - b.start);
    this.#decided = end;
  }

  /** What was read and decided, masked; it is not kept any longer. */
  #taken(): Buffer {
    const { at, bytes } = this.#scanner;
    const end = this.#candidates !== undefined && this.#roots > 0 ? this.#decided : at;
    if (end === 0) return NOTHING;
    if (this.#leftOut >= 0 && this.#leftOut < end) this.#leaveOut(end, end);
    const out = spliced(bytes, end, this.#splices);
    this.#splices = this.#splices
      .filter(({ start }) => start >= end)
      .map((one) => ({ ...one, start: one.start - end, end: one.end - end }));
    this.#scanner.drop(end);
    this.#candidates?.shift(end);
    this.#decided = 0;
    if (this.#leftOut >= 0) this.#leftOut -= end;
    return out;
  }

  /** Up to `end`; what else is left out goes on from `next`. */
  #leaveOut(end: number, next: number): void {
    this.#splices.push({ start: this.#leftOut, end, text: this.#instead });
    this.#leftOut = next;
    this.#instead = NOTHING;
  }
}

function spliced(bytes: Buffer, end: number, splices: readonly Splice[]): Buffer {
  if (splices[0] === undefined || splices[0].start >= end) return bytes.subarray(0, end);
  let length = end;
  for (const one of splices) if (one.start < end) length += one.text.length - (one.end - one.start);
  const out = Buffer.allocUnsafe(length);
  let at = 0;
  let from = 0;
  for (const { end: stop, start, text } of splices) {
    if (start >= end) break;
    at += bytes.copy(out, at, from, start);
    at += text.copy(out, at);
    from = stop;
  }
  bytes.copy(out, at, from, end);
  return out;
}

/** One JSON text with its masked values replaced; all other bytes stay. Throws ProtocolViolation `bad_json`. */
export function maskJsonText(bytes: Buffer, masks: ObjectMasks): Buffer {
  const masking = new JsonMasking(masks, false);
  const shown: Buffer[] = [];
  masking.push(bytes, (part) => shown.push(part));
  return Buffer.concat([...shown, masking.end()]);
}

import { Internal } from '../base/errors.ts';
import type { ActiveMask } from '../policy/decision.ts';
import { DIGIT_DETECTORS, type DigitDetector, findInDigits, type Reading } from './digit-search.ts';
import { findApiKeys } from './key-patterns.ts';
import { findIpAddresses, findUrlPasswords } from './network-patterns.ts';
import { findEmails, findIbans, findJwts, findPrivateKeys, type Search } from './patterns.ts';
import { scan, TRIGGER } from './prefilter.ts';
import { type HashKey, hashText, partialText, REDACTED, stricter, type ValueMasking } from './strategies.ts';

/** Names of the detectors, as a policy's `detect` gives them. */
export const DETECTORS = [
  'credit_card',
  'email',
  'us_ssn',
  'phone',
  'iban',
  'api_key',
  'jwt',
  'private_key',
  'ip',
  'url_password',
  'national_id',
] as const;
export type DetectorName = (typeof DETECTORS)[number];

/** Without one of these triggers a detector cannot find anything. */
const TRIGGERS: Readonly<Record<DetectorName, number>> = {
  credit_card: TRIGGER.digits13,
  email: TRIGGER.at,
  us_ssn: TRIGGER.digits9,
  phone: TRIGGER.digits7,
  iban: TRIGGER.iban,
  api_key: TRIGGER.token,
  jwt: TRIGGER.jwt,
  private_key: TRIGGER.dashes,
  ip: TRIGGER.address,
  url_password: TRIGGER.at,
  national_id: TRIGGER.digits7 | TRIGGER.wordDigits,
};

/** Searches of their own; those for numbers are one together. */
const SEARCHES: Readonly<Record<Exclude<DetectorName, DigitDetector>, Search>> = {
  email: findEmails,
  iban: findIbans,
  api_key: findApiKeys,
  jwt: findJwts,
  private_key: findPrivateKeys,
  ip: findIpAddresses,
  url_password: findUrlPasswords,
};

const isOfDigits = (name: DetectorName): name is DigitDetector => Object.hasOwn(DIGIT_DETECTORS, name);

function isDetector(name: string): name is DetectorName {
  return Object.hasOwn(TRIGGERS, name);
}

/** One `detect` mask of a policy. */
export interface DetectorMask extends ValueMasking {
  readonly detect: readonly DetectorName[];
}

/** Detector masks made ready; at least one. */
export interface Detection {
  readonly masks: readonly DetectorMask[];
  /** Triggers that any of them needs. */
  readonly triggers: number;
}

/** Undefined when the masks name no detector. */
function compileDetection(masks: readonly DetectorMask[]): Detection | undefined {
  let triggers = 0;
  for (const mask of masks) for (const name of mask.detect) triggers |= TRIGGERS[name];
  return triggers === 0 ? undefined : { masks, triggers };
}

/**
 * The detectors of a policy's masks; undefined when none of them detects anything. Throws Internal
 * `unknown_detector`: a mask that cannot be applied must not be skipped.
 */
export function detectionOf(
  masks: readonly Pick<ActiveMask, 'detect' | 'strategy' | 'keepLast'>[],
): Detection | undefined {
  return compileDetection(
    masks.map(({ detect, strategy, keepLast }) => ({
      detect: detect.map(knownDetector),
      strategy,
      keepLast,
    })),
  );
}

function knownDetector(name: string): DetectorName {
  if (isDetector(name)) return name;
  throw new Internal('unknown_detector', `no detector is called "${name}"`, {
    next: 'run hoopctl policy check on the applied policy',
  });
}

/** Both of them. */
export function joinDetections(a: Detection | undefined, b: Detection | undefined): Detection | undefined {
  if (!a || !b || a === b) return a ?? b;
  return { masks: [...a.masks, ...b.masks], triggers: a.triggers | b.triggers };
}

/** Something that a detector found: byte offsets [start, end) and how it is to be masked. */
export interface Find {
  readonly start: number;
  readonly end: number;
  readonly masking: ValueMasking;
}

/**
 * Triggers of `detection` that `bytes` has; 0 means that nothing can be found there. A pass over the bytes
 * and nothing else: this is what a value without personal data costs.
 */
export function triggersIn(bytes: Uint8Array, start: number, end: number, detection: Detection): number {
  return scan(bytes, start, end) & detection.triggers;
}

/** A text's bytes; read as latin1 where a pattern wants it, so that places are byte offsets in any encoding. */
class LatinReading implements Reading {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  #text: string | undefined;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  get text(): string {
    this.#text ??= this.bytes.toString('latin1', this.start, this.end);
    return this.#text;
  }
}

/**
 * Runs the detectors that `triggers` calls for over the bytes. Finds are byte offsets from `start`, come in order and
 * do not overlap: overlapping ones are joined under the stricter mask.
 */
export function findTriggered(
  bytes: Buffer,
  start: number,
  end: number,
  detection: Detection,
  triggers: number,
): readonly Find[] {
  return findIn(new LatinReading(bytes, start, end), detection, triggers);
}

function findIn(reading: Reading, detection: Detection, triggers: number): readonly Find[] {
  const finds: Find[] = [];
  let digits = 0;
  for (const masking of detection.masks) {
    for (const name of masking.detect) {
      if ((TRIGGERS[name] & triggers) === 0) continue;
      if (isOfDigits(name)) digits |= DIGIT_DETECTORS[name];
      else SEARCHES[name](reading.text, (start, end) => finds.push({ start, end, masking }));
    }
  }
  if (digits !== 0)
    findInDigits(reading, digits, (name, start, end) => {
      for (const masking of detection.masks)
        if (masking.detect.includes(name)) finds.push({ start, end, masking });
    });
  return finds.length < 2 ? finds : joined(finds);
}

function joined(finds: Find[]): readonly Find[] {
  finds.sort((a, b) => a.start - b.start);
  const result: Find[] = [];
  for (const find of finds) {
    const last = result.at(-1);
    if (last && find.start < last.end) {
      const masking = stricter(last.masking, find.masking);
      result[result.length - 1] = { start: last.start, end: Math.max(last.end, find.end), masking };
    } else result.push(find);
  }
  return result;
}

/** What stands in the place of a find, both in a latin1 reading; null: the whole value becomes NULL. */
export function replacement(found: string, masking: ValueMasking, key: HashKey): string | null {
  switch (masking.strategy) {
    case 'redact':
      return REDACTED;
    case 'partial':
      // Read as UTF-8 meanwhile, so that no half of a character is kept.
      return recode(partialText(recode(found, 'latin1', 'utf8'), masking.keepLast), 'utf8', 'latin1');
    case 'hash':
      return hashText(Buffer.from(found, 'latin1'), key);
    case 'null':
      return null;
  }
}

function recode(text: string, from: 'latin1' | 'utf8', to: 'latin1' | 'utf8'): string {
  return Buffer.from(text, from).toString(to);
}

/**
 * Masks what is found in `bytes` from `start` to `end`. Undefined when nothing was found, null when the
 * whole value is to be NULL; bytes outside the finds are kept as they are, in whatever encoding.
 */
export function maskDetected(
  bytes: Buffer,
  start: number,
  end: number,
  detection: Detection,
  key: HashKey,
): Buffer | null | undefined {
  const triggers = triggersIn(bytes, start, end, detection);
  if (triggers === 0) return undefined;
  const reading = new LatinReading(bytes, start, end);
  const finds = findIn(reading, detection, triggers);
  if (finds.length === 0) return undefined;
  const masked = maskFinds(reading.text, finds, key);
  return typeof masked === 'string' ? Buffer.from(masked, 'latin1') : masked;
}

/** A latin1 reading with its finds replaced; undefined when there is none, null when one asks for NULL. */
function maskFinds(text: string, finds: readonly Find[], key: HashKey): string | null | undefined {
  if (finds.length === 0) return undefined;
  let result = '';
  let from = 0;
  for (const { start, end, masking } of finds) {
    const instead = replacement(text.slice(start, end), masking, key);
    if (instead === null) return null;
    result += text.slice(from, start) + instead;
    from = end;
  }
  return result + text.slice(from);
}

/** `maskDetected` for a JavaScript string; the same string when nothing was found. */
export function maskDetectedText(text: string, detection: Detection, key: HashKey): string | null {
  const bytes = Buffer.from(text);
  const masked = maskDetected(bytes, 0, bytes.length, detection, key);
  return masked === undefined ? text : (masked?.toString('utf8') ?? null);
}

/** What the named detectors find in a text, as byte offsets of its UTF-8 form. */
export function findSensitive(text: string, names: readonly DetectorName[]): readonly Find[] {
  const detection = compileDetection([{ detect: names, strategy: 'redact', keepLast: 0 }]);
  if (!detection) return [];
  const bytes = Buffer.from(text);
  return findTriggered(bytes, 0, bytes.length, detection, triggersIn(bytes, 0, bytes.length, detection));
}

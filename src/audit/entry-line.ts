import { hash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from './canonical-json.ts';
import type { AuditEntry, AuditEvent } from './entry.ts';

/** What stands before the first entry in the chain. */
export const CHAIN_START = '0'.repeat(64);

/** Longest line, so that a damaged log can't make a reader allocate without end. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** An event in the pieces that do not depend on its place in the chain, as bytes. */
export interface PreparedEvent {
  readonly beforeHash: Buffer;
  readonly afterHash: Buffer;
}

/**
 * Canonicalises what is the same wherever the event stands. An entry's members sort as actor, facts, hash,
 * kind, prev, seq, time, so the hash is put between the two pieces. Throws TypeError as `canonicalJson` does.
 */
export function prepareEvent(event: AuditEvent): PreparedEvent {
  return {
    beforeHash: Buffer.from(`{"actor":${canonicalJson(event.actor)},"facts":${canonicalJson(event.facts)}`),
    afterHash: Buffer.from(`,"kind":${canonicalJson(event.kind)},"prev":"`),
  };
}

/** Where an entry stands. `time` is an ISO text and needs no escaping. */
interface ChainPlace {
  readonly seq: number;
  readonly time: string;
  readonly prev: string;
}

const HASH_LENGTH = CHAIN_START.length;
/** `,"hash":"…"`, which stands between the two pieces and is not hashed. */
const HASH_OPENS = ',"hash":"';
const HASH_BYTES = HASH_OPENS.length + HASH_LENGTH + 1;
/** For seq and time with what stands around them: 60, and more in years of six digits. */
const PLACE_BYTES = 80;

/** Bytes that the line of an event takes at most, its newline included. */
export function mostLineBytes({ beforeHash, afterHash }: PreparedEvent): number {
  return beforeHash.length + HASH_BYTES + afterHash.length + HASH_LENGTH + PLACE_BYTES;
}

/**
 * Writes an event's line into `into` from `at`, with its newline. There must be room for `mostLineBytes`. Returns the
 * entry's hash and where the line ends.
 */
export function writeEntryLine(
  into: Buffer,
  at: number,
  { beforeHash, afterHash }: PreparedEvent,
  place: ChainPlace,
): { readonly end: number; readonly hash: string } {
  // What is hashed must be of one piece: the first piece stands before the second, and is moved to its own place then.
  const from = at + HASH_BYTES;
  let end = from + beforeHash.length;
  into.set(beforeHash, from);
  into.set(afterHash, end);
  end += afterHash.length;
  end += into.write(`${place.prev}","seq":${place.seq},"time":"${place.time}"}\n`, end, 'latin1');
  const digest = hash('sha256', into.subarray(from, end - 1), 'hex');
  into.set(beforeHash, at);
  into.write(`${HASH_OPENS}${digest}"`, at + beforeHash.length, 'latin1');
  return { end, hash: digest };
}

const entrySchema = z.strictObject({
  actor: z.string(),
  facts: z.custom<Record<string, unknown>>((value) => value !== null && typeof value === 'object'),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  kind: z.string(),
  prev: z.string().regex(/^[0-9a-f]{64}$/),
  seq: z.int().positive(),
  time: z.iso.datetime({ precision: 3 }),
});

/** What a log line says about itself: whether it is an entry, in canonical form, with the hash it claims. */
export type LineVerdict =
  | { readonly ok: true; readonly entry: AuditEntry }
  | { readonly ok: false; readonly entry: AuditEntry | undefined; readonly message: string };

/** Judges a line (without its newline) alone; its place in the chain is the caller's matter. */
export function judgeLine(line: string): LineVerdict {
  const entry = parseEntry(line);
  if (!entry) return { ok: false, entry: undefined, message: 'the line is not an audit entry' };
  const again = rebuild(entry);
  if (again?.line === line) return { ok: true, entry };
  const message =
    again?.hash === entry.hash
      ? 'the line is not in canonical form'
      : 'its hash does not match its content: it was changed';
  return { ok: false, entry, message };
}

/** What the next entry names as `prev`: the hash the line claims, or the line's own when it claims none. */
export function claimedHash(line: string, entry: AuditEntry | undefined): string {
  return entry?.hash ?? hash('sha256', line, 'hex');
}

/** The entry a line holds, unjudged; undefined when it is none. */
export function parseEntry(line: string): AuditEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const parsed = entrySchema.safeParse(value);
  // A kind of a newer version is still an entry with a hash to check.
  return parsed.success ? (parsed.data as AuditEntry) : undefined;
}

function rebuild(entry: AuditEntry): { readonly line: string; readonly hash: string } | undefined {
  try {
    const prepared = prepareEvent(entry);
    const bytes = Buffer.allocUnsafe(mostLineBytes(prepared));
    const { end, hash } = writeEntryLine(bytes, 0, prepared, entry);
    return { line: bytes.toString('utf8', 0, end - 1), hash };
  } catch {
    return undefined;
  }
}

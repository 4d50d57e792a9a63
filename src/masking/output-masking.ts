import type { Clock } from '../base/clock.ts';
import type { ActiveMask } from '../policy/decision.ts';
import {
  type Detection,
  detectionOf,
  type Find,
  findTriggered,
  replacement,
  triggersIn,
} from './detectors.ts';
import { plainText } from './plain-text.ts';
import type { HashKey } from './strategies.ts';

/**
 * How long output that does not end a line may be kept back, in milliseconds: a prompt appears that much later. What
 * is written in pieces further apart is found only as far as the piece that completes it.
 */
const LONGEST_DELAY = 50;
/** A line longer than this is not kept back whole, in bytes. */
const LONGEST_LINE = 64 * 1024;
/** Of what has gone out, so much is remembered to find what goes on behind it, in characters. */
const CONTEXT = 256;
/** A private key that does not end is taken to have ended after so much, in characters. */
const LONGEST_KEY = 32 * 1024;
const KEY_END = /-----END [A-Z0-9 ]*PRIVATE KEY-----/;

export interface OutputMaskingTerms {
  /** The masks of this moment; the same array while they stay the same. */
  masks(): readonly ActiveMask[];
  readonly key: HashKey;
  readonly clock: Pick<Clock, 'after'>;
}

/** Masks what detectors find in one stream of output, wherever its pieces are cut and whatever colours it has. */
export class OutputMasking {
  readonly #terms: OutputMaskingTerms;
  #masks: readonly ActiveMask[] | undefined;
  #detection: Detection | undefined;
  /** Not out yet. */
  #pending: Buffer = Buffer.alloc(0);
  /** The end of what is out, without escape sequences, as latin1. */
  #context = '';
  /** Characters of a private key that were left out so far; undefined outside of one. */
  #inKey: number | undefined;
  #cancel: () => void = () => {};

  constructor(terms: OutputMaskingTerms) {
    this.#terms = terms;
  }

  push(bytes: Buffer, out: (bytes: Buffer) => void): void {
    const detection = this.#current();
    this.#cancel();
    if (detection === undefined) {
      const all = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
      this.#pending = Buffer.alloc(0);
      out(all);
      return;
    }
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    this.#flush(detection, false, out);
    if (this.#pending.length === 0) return;
    this.#cancel = this.#terms.clock.after(LONGEST_DELAY, () => this.end(out));
  }

  /** What was kept back goes out now: the stream has ended, or has waited long enough. */
  end(out: (bytes: Buffer) => void): void {
    this.#cancel();
    const detection = this.#current();
    if (detection !== undefined) this.#flush(detection, true, out);
    else if (this.#pending.length > 0) out(this.#pending);
    this.#pending = Buffer.alloc(0);
  }

  #current(): Detection | undefined {
    const masks = this.#terms.masks();
    if (masks !== this.#masks) {
      this.#masks = masks;
      this.#detection = detectionOf(masks);
    }
    return this.#detection;
  }

  #flush(detection: Detection, all: boolean, out: (bytes: Buffer) => void): void {
    const raw = this.#pending;
    if (raw.length === 0) return;
    const plain = plainText(raw);
    let cut = all ? plain.text.length : this.#cutOf(plain.text, raw.length);
    const before = this.#context.length;
    const text = this.#context + plain.text;
    const finds = this.#findsIn(text, detection).filter(({ end }) => end > before);
    // Nothing that could still grow goes out in part.
    const across = all
      ? undefined
      : finds.find(({ end, start }) => start - before < cut && end - before > cut);
    if (across !== undefined && across.start - before > 0 && raw.length <= 2 * LONGEST_LINE)
      cut = across.start - before;
    if (cut <= 0 && !all) return;
    const end = all ? raw.length : plain.offset(cut);
    const masked = this.#masked(raw, plain.offset, end, finds, before, cut, text);
    this.#pending = Buffer.from(raw.subarray(end));
    this.#context = (this.#context + plain.text.slice(0, cut)).slice(-CONTEXT);
    if (masked.length > 0) out(masked);
  }

  /** Up to where the text may go: behind its last line break, or most of it when that is too far away. */
  #cutOf(text: string, length: number): number {
    const line = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1;
    if (line > 0 || length <= LONGEST_LINE) return line;
    return Math.max(0, text.length - CONTEXT);
  }

  #findsIn(text: string, detection: Detection): readonly Find[] {
    const bytes = Buffer.from(text, 'latin1');
    const triggers = triggersIn(bytes, 0, bytes.length, detection);
    return triggers === 0 ? [] : findTriggered(bytes, 0, bytes.length, detection, triggers);
  }

  #masked(
    raw: Buffer,
    offset: (at: number) => number,
    end: number,
    finds: readonly Find[],
    before: number,
    cut: number,
    text: string,
  ): Buffer {
    const parts: Buffer[] = [];
    let from = this.#keyEnd(text, before, cut, offset, end);
    for (const find of finds) {
      const start = Math.max(0, find.start - before);
      if (start >= cut) break;
      const stop = Math.min(find.end - before, cut);
      // Behind its last character: a sequence that follows it stays.
      const stopsAt = offset(stop - 1) + 1;
      if (stopsAt <= from) continue;
      parts.push(raw.subarray(from, Math.max(from, offset(start))));
      const found = text.slice(find.start, find.end);
      // Of a find that began in what is out already, the mark stands for the rest.
      parts.push(Buffer.from(replacement(found, find.masking, this.#terms.key) ?? '', 'latin1'));
      from = stopsAt;
      if (find.end === text.length && found.startsWith('-----BEGIN') && !KEY_END.test(found))
        this.#inKey = found.length;
    }
    parts.push(raw.subarray(from, end));
    return parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts);
  }

  /** The raw place up to which a key that began earlier goes on; 0 outside of one. */
  #keyEnd(text: string, before: number, cut: number, offset: (at: number) => number, end: number): number {
    if (this.#inKey === undefined) return 0;
    const match = KEY_END.exec(text.slice(0, before + cut));
    if (match !== null && match.index + match[0].length > before) {
      this.#inKey = undefined;
      return Math.min(end, offset(match.index + match[0].length - before - 1) + 1);
    }
    this.#inKey += cut;
    if (this.#inKey > LONGEST_KEY) this.#inKey = undefined;
    return end;
  }
}

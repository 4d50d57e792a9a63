/** Output without what moves the cursor, sets colours or is not seen. */
export interface PlainText {
  /** As latin1, so that each character is one byte. */
  readonly text: string;
  /** Where a character of `text` stands in the bytes; for its length: their end, or where a sequence begins that has not ended. */
  offset(at: number): number;
}

/** ECMA-48: control sequences, strings with their end, other escapes; and control characters that show nothing. */
const UNSEEN =
  /\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b[PX\]^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|\x1b[ -/]{0,4}[0-OQ-WYZ\\`-~]|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/g;
/** A sequence that has only begun, at the end of the bytes. */
const BEGUN = /\x1b(?:\[[0-?]{0,64}[ -/]{0,8}|[PX\]^_][^\x07\x1b]{0,4096}\x1b?|[ -/]{0,4})?$/;

/** Output without its control sequences, and where each byte of it stood. */
export function plainText(bytes: Buffer): PlainText {
  const all = bytes.toString('latin1');
  const begun = all.includes('\x1b') ? BEGUN.exec(all) : null;
  const whole = begun === null ? all : all.slice(0, begun.index);
  UNSEEN.lastIndex = 0;
  if (!UNSEEN.test(whole)) {
    return { text: whole, offset: (at) => Math.min(at, whole.length) };
  }
  UNSEEN.lastIndex = 0;
  /** Where each run of plain characters begins, in the text and in the bytes. */
  const runs: { readonly at: number; readonly raw: number }[] = [];
  let text = '';
  let raw = 0;
  for (const match of whole.matchAll(UNSEEN)) {
    if (match.index > raw) {
      runs.push({ at: text.length, raw });
      text += whole.slice(raw, match.index);
    }
    raw = match.index + match[0].length;
  }
  if (raw < whole.length) {
    runs.push({ at: text.length, raw });
    text += whole.slice(raw);
  }
  return {
    text,
    offset(at) {
      if (at >= text.length) return whole.length;
      let low = 0;
      let high = runs.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if ((runs[middle]?.at ?? 0) <= at) low = middle;
        else high = middle - 1;
      }
      const run = runs[low];
      return run === undefined ? whole.length : run.raw + (at - run.at);
    },
  };
}

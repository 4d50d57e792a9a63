import { replaceLookalikes } from './lookalikes.ts';

/** Text from outside, ready for a terminal. */
export interface VisibleText {
  readonly text: string;
  /** Characters that had to be escaped. */
  readonly escaped: number;
}

/**
 * What a terminal would not show as itself: control and format characters (ANSI, bidi, zero width), separators
 * that look like a space, characters that Unicode calls ignorable, fillers and the blank Braille cell,
 * unassigned and private ones, lone surrogates (`\p{C}` holds them), and combining marks that pile up.
 */
const INVISIBLE =
  /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}|(?<=\p{M}{2})\p{M}|(?<=^|[\s\u2800])\p{M}/gu;

/** Replaces each character that can't be seen; newlines and tabs are among them. */
export function replaceInvisible(text: string, replacement: (character: string) => string): string {
  // Most text has none, and this is much the faster way to know.
  return /^[\x20-\x7e]*$/.test(text) ? text : text.replace(INVISIBLE, replacement);
}

/** Lookalikes are looked for between the invisible ones, whose escapes are Latin letters themselves. */
function replaceBoth(text: string, replacement: (character: string) => string): string {
  let shown = '';
  let from = 0;
  for (const { 0: character, index } of text.matchAll(INVISIBLE)) {
    shown += replaceLookalikes(text.slice(from, index), replacement) + replacement(character);
    from = index + character.length;
  }
  return shown + replaceLookalikes(text.slice(from), replacement);
}

/**
 * Shows what can't be seen: `\x1b`, `\t`, `\u{202E}`. Newlines are left alone when `keepNewlines` is set,
 * for callers that frame every line. With `lookalikes`, letters that pass for Latin ones are shown so too. `mark` gets
 * each escape, to set it off from the same letters typed.
 */
export function visibleText(
  text: string,
  options: {
    readonly keepNewlines?: boolean;
    readonly lookalikes?: boolean;
    readonly mark?: (shown: string) => string;
  } = {},
): VisibleText {
  let escaped = 0;
  const mark = options.mark ?? ((shown: string) => shown);
  const shownAs = (character: string) => {
    if (character === '\n' && options.keepNewlines) return character;
    escaped++;
    return mark(escapeOf(character));
  };
  const shown = options.lookalikes ? replaceBoth(text, shownAs) : replaceInvisible(text, shownAs);
  return { text: shown, escaped };
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeOf(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  return code < 0x80
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u{${code.toString(16).toUpperCase().padStart(4, '0')}}`;
}

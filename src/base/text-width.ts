/** Combining marks and format characters take no column of their own. */
const NO_WIDTH = /\p{Mn}|\p{Me}|\p{Cf}|[\u1160-\u11ff]/u;

/**
 * Code points that take two columns: the East Asian Wide and Fullwidth ranges of UAX #11, and emoji that are
 * shown as pictures by default (UTS #51).
 */
const WIDE: readonly (readonly [first: number, last: number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4c6],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6b],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18d08],
  [0x1aff0, 0x1b2fb],
  [0x20000, 0x3fffd],
];
const PICTURE = /\p{Emoji_Presentation}/u;

/** Columns that one character (code point) takes on a terminal. */
export function characterWidth(character: string): 0 | 1 | 2 {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (NO_WIDTH.test(character)) return 0;
  for (const [first, last] of WIDE) if (code >= first && code <= last) return 2;
  return PICTURE.test(character) ? 2 : 1;
}

/** Columns that printable text takes on a terminal. */
export function textWidth(text: string): number {
  // Most text is ASCII; then its length is its width.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** Cuts into pieces of at most `columns`; never in the middle of a character. At least one piece. */
export function wrapText(text: string, columns: number): string[] {
  const pieces: string[] = [];
  let piece = '';
  let width = 0;
  for (const character of text) {
    const step = characterWidth(character);
    if (width + step > columns && piece !== '') {
      pieces.push(piece);
      piece = '';
      width = 0;
    }
    piece += character;
    width += step;
  }
  pieces.push(piece);
  return pieces;
}

/** Like `wrapText`, at spaces where there are any; for our own sentences, not for text that must stay exact. */
export function wrapWords(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (textWidth(longer) <= columns) line = longer;
    else {
      if (line !== '') lines.push(line);
      const pieces = wrapText(word, columns);
      lines.push(...pieces.slice(0, -1));
      line = pieces.at(-1) ?? '';
    }
  }
  return [...lines, line];
}

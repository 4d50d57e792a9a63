/** What ends a here-document. */
export interface Delimiter {
  /** Undefined when it is no plain word. */
  readonly text: string | undefined;
  /** The body is taken as it stands. */
  readonly quoted: boolean;
}

/**
 * Why a line's here-documents may end at other places than the grammar says; undefined when they do not. Shells look
 * for the delimiter line by line (POSIX 2.7.4) after they have joined lines that end with a backslash, and also inside
 * of an expansion that goes on over lines, which the grammar does not.
 */
export function hereProblem(line: string, delimiters: readonly Delimiter[]): string | undefined {
  if (delimiters.length === 0) return undefined;
  if (line.includes('\\\n') && delimiters.some(({ quoted }) => !quoted)) {
    return 'a backslash at the end of a line, beside a here-document, is not read by all alike: quote its delimiter';
  }
  const lines = line.split('\n').map((one) => one.replace(/^\t+/, ''));
  for (const { text } of delimiters) {
    const documents = delimiters.filter((one) => one.text === text).length;
    if (text === undefined || lines.filter((one) => one === text).length !== documents) {
      return 'where a here-document ends is not read by all alike';
    }
  }
  return undefined;
}

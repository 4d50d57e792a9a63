/** Patterns of the policy file: `*` stands for any run of characters (dots and spaces too), all else for itself. */
export interface Glob {
  readonly pattern: string;
  matches(text: string): boolean;
  /** True when some text that begins with `prefix`, and is longer, matches. */
  canContinue(prefix: string): boolean;
}

export interface GlobOptions {
  /** Folds ASCII letters only: `ſ` and `K` (the kelvin sign) never pass for `s` and `k`. */
  readonly ignoreCase?: boolean;
}

/**
 * Compiles a pattern. Matching takes the literal pieces from left to right, each at its first place, which is
 * complete for patterns whose only wildcard is `*` and never backtracks.
 */
export function compileGlob(pattern: string, options: GlobOptions = {}): Glob {
  const fold = options.ignoreCase ? foldAscii : same;
  const pieces = fold(pattern).split('*');
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  const middle = pieces.slice(1, -1);
  const exact = pieces.length === 1;

  function matches(text: string): boolean {
    const subject = fold(text);
    if (exact) return subject === first;
    if (subject.length < first.length + last.length) return false;
    if (!subject.startsWith(first) || !subject.endsWith(last)) return false;
    const end = subject.length - last.length;
    let at = first.length;
    for (const piece of middle) {
      const found = subject.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  }

  function canContinue(prefix: string): boolean {
    const start = fold(prefix);
    if (start.length < first.length) return first.startsWith(start);
    return !exact && start.startsWith(first);
  }

  return { pattern, matches, canContinue };
}

/** True when any of them matches. */
export function anyMatches(globs: readonly Pick<Glob, 'matches'>[], text: string): boolean {
  for (const glob of globs) if (glob.matches(text)) return true;
  return false;
}

function foldAscii(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

function same(text: string): string {
  return text;
}

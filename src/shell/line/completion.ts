import { quoted } from '../word.ts';

/** The file name that stands before the cursor, as far as it was typed. */
export interface Unfinished {
  /** The command line that lists the directory it is in. */
  readonly listing: string;
  /** What its name begins with. */
  readonly beginning: string;
}

/** What completes it. */
export interface Completion {
  /** To be written at the cursor, with backslashes where a shell needs them. */
  readonly text: string;
  /** The names to choose from, where there are several. */
  readonly choices: readonly string[];
}

/** What a shell reads as more than itself outside of quotes. */
const SPECIAL = /[\s'"\\$`*?[\]{}()<>|&;!#~=]/g;
/** Names that are shown at once. */
const MOST_SHOWN = 200;

/** The name to be completed; undefined where none stands there, or one that is not written out plainly. */
export function unfinishedName(before: string): Unfinished | undefined {
  const word = /(?:^|[\s;&|()<>=])((?:\\.|[^\s;&|()<>='"$`*?[\]{}!#\\])*)$/.exec(before)?.[1];
  if (word === undefined || /['"`]|\$\(/.test(before)) return undefined;
  // The name of a command is none of a file, but for its path.
  if (!word.includes('/') && /(^|[;&|(])\s*$/.test(before.slice(0, before.length - word.length)))
    return undefined;
  const slash = word.lastIndexOf('/');
  const plain = (text: string) => text.replace(/\\(.)/g, '$1');
  const beginning = plain(word.slice(slash + 1));
  const directory = word.slice(0, slash + 1);
  const home = /^~\//.test(directory);
  // A home directory of somebody else stays as it is typed nowhere.
  if (directory.startsWith('~') && !home) return undefined;
  const place = home ? `~/${quoted(plain(directory.slice(2)) || '.')}` : quoted(plain(directory));
  return { listing: directory === '' ? 'ls -1Ap' : `ls -1Ap -- ${place}`, beginning };
}

/** Completes a name by those of its directory, directories with a slash behind them. */
export function completionOf(beginning: string, names: readonly string[]): Completion {
  const fitting = names.filter(
    (name) =>
      name.startsWith(beginning) &&
      !/[\p{C}\ufffd]/u.test(name) &&
      (beginning !== '' || !name.startsWith('.')),
  );
  const [first = ''] = fitting;
  let shared = first.length;
  for (const name of fitting) while (!name.startsWith(first.slice(0, shared))) shared--;
  const rest = first.slice(beginning.length, shared).replace(SPECIAL, '\\$&');
  if (fitting.length === 1) return { text: first.endsWith('/') ? rest : `${rest} `, choices: [] };
  return { text: rest, choices: rest === '' ? fitting.slice(0, MOST_SHOWN) : [] };
}

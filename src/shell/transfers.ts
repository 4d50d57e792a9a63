import { READS, type Verdict, WRITES } from './verdict.ts';
import type { Word } from './word.ts';

/** Programs that move files over their standard input and output, as rsync, scp and tar start them remotely. */
export function transferVerdict(name: string, args: readonly Word[]): Verdict | undefined {
  const texts = args.map((word) => word.text);
  switch (name) {
    case 'rsync':
      return rsync(texts);
    case 'scp':
      return scp(texts);
    case 'tar':
      return tar(texts);
    default:
      return undefined;
  }
}

/** Not `-s`, by which arguments come over the input. What an option of `rsync --server` may be that neither writes elsewhere nor runs anything. */
const RSYNC_SENDER =
  /^(--server|--sender|--numeric-ids|--timeout=\d+|--bwlimit=[\d.]+|--no-[a-z-]+|--log-format=[%\w]*|--checksum-choice=\w+|--compress-choice=\w+|--safe-links|--copy-[a-z-]+|--size-only|--ignore-[a-z-]+|--from0|--relative|--max-size=\w+|--min-size=\w+|-[A-Za-df-rt-z]*(e\.\w*)?)$/;
const RSYNC_RECEIVER =
  /^(--delete[a-z-]*|--partial|--inplace|--append[a-z-]*|--existing|--force|--stats|--fuzzy|--delay-updates|--super|--fake-super|--omit-[a-z-]+|--max-delete=\d+|--partial-dir=[\w./-]+|--temp-dir=[\w./-]+|--modify-window=\d+|--sparse)$/;

function rsync(texts: readonly (string | undefined)[]): Verdict {
  if (texts.includes('--version')) return READS;
  const sender = texts.includes('--sender');
  if (texts[0] !== '--server') return { effect: 'unknown', reason: 'rsync starts programs of its own' };
  for (const text of texts) {
    if (text === undefined) return { effect: 'unknown', reason: 'an argument of rsync is computed' };
    if (!text.startsWith('-') || RSYNC_SENDER.test(text)) continue;
    if (!sender && RSYNC_RECEIVER.test(text)) continue;
    return { effect: 'unknown', reason: `what rsync ${text} does cannot be told` };
  }
  return sender ? READS : WRITES;
}

function scp(texts: readonly (string | undefined)[]): Verdict {
  const options = texts.filter((text) => text?.startsWith('-'));
  const known = options.every((text) => text !== undefined && /^-[rpvdqtf]+$|^--$/.test(text));
  if (known && options.some((text) => text?.includes('t'))) return WRITES;
  if (known && options.some((text) => text?.includes('f'))) return READS;
  return { effect: 'unknown', reason: 'scp starts programs of its own' };
}

function tar(texts: readonly (string | undefined)[]): Verdict {
  const unknown = (reason: string): Verdict => ({ effect: 'unknown', reason });
  let letters = '';
  for (const [index, text] of texts.entries()) {
    if (text === undefined) return unknown('an argument of tar is computed');
    if (text.startsWith('--')) {
      if (
        !/^--(list|extract|get|create|verbose|gzip|bzip2|xz|zstd|file=[^:]+|directory=.*|exclude=.*|no-same-owner|numeric-owner|strip-components=\d+|one-file-system|preserve-permissions|wildcards)$/.test(
          text,
        )
      )
        return unknown(`what tar ${text} does cannot be told`);
      letters += { list: 't', extract: 'x', get: 'x', create: 'c' }[text.slice(2)] ?? '';
    } else if (text.startsWith('-') || index === 0) letters += text.replace(/^-/, '');
    else if (/^[^/]*:/.test(text)) return unknown('tar reaches other machines by names with a colon');
  }
  if (!/^[tcxvzjJfCphkomOPS]*$/.test(letters)) return unknown('an option of tar cannot be judged');
  if (/t/.test(letters) && !/[xc]/.test(letters)) return READS;
  // To its output, and into no file.
  if (/x/.test(letters) && /O/.test(letters) && !/[tc]/.test(letters)) return READS;
  const creates = letters.includes('c') && !letters.includes('x');
  return creates && archives(texts).every((archive) => archive === '-') ? READS : WRITES;
}

/** Where `-f` and its kin say that the archive is; undefined for one that cannot be told. */
function archives(texts: readonly (string | undefined)[]): readonly (string | undefined)[] {
  const found: (string | undefined)[] = [];
  for (const [index, text = ''] of texts.entries()) {
    if (text.startsWith('--file=')) found.push(text.slice('--file='.length));
    else if (text.startsWith('--')) continue;
    else if (text.startsWith('-') && text !== '-') {
      const at = text.indexOf('f');
      if (at >= 0) found.push(at === text.length - 1 ? texts[index + 1] : text.slice(at + 1));
    } else if (index === 0 && text.includes('f')) {
      // Old style: the first word behind the letters, if no other letter takes one.
      found.push(/^[tcxvzjJpkmOPS]*f[tcxvzjJpkmOPS]*$/.test(text) ? texts[1] : undefined);
    }
  }
  return found.length === 0 ? [undefined] : found;
}

import { UsageError } from '../../base/errors.ts';
import { readScript } from '../../shell/read-script.ts';

/** A command of kubectl, taken apart. */
export interface Command {
  readonly verb: string;
  readonly words: readonly string[];
  readonly flags: ReadonlyMap<string, string>;
  /** Behind `--`. */
  readonly program: readonly string[];
}

/** Flags that take the next word. */
const VALUED: Readonly<Record<string, string>> = {
  '-n': 'namespace',
  '--namespace': 'namespace',
  '-l': 'selector',
  '--selector': 'selector',
  '--field-selector': 'fieldSelector',
  '-o': 'output',
  '--output': 'output',
  '-c': 'container',
  '--container': 'container',
  '-p': 'patch',
  '--patch': 'patch',
  '--type': 'type',
  '--replicas': 'replicas',
  '--tail': 'tail',
  '--since': 'since',
  '--for': 'for',
  '--timeout': 'timeout',
  '--filename': 'filename',
  '--dry-run': 'dryRun',
};
const BARE: Readonly<Record<string, string>> = {
  '-A': 'everywhere',
  '--all-namespaces': 'everywhere',
  '--all': 'all',
  '-w': 'watch',
  '--watch': 'watch',
  '-f': 'follow',
  '--follow': 'follow',
  '-i': 'stdin',
  '--stdin': 'stdin',
  '-t': 'tty',
  '--tty': 'tty',
  '--previous': 'previous',
  '--force': 'force',
  '--server-side': 'server-side',
  '--show-labels': 'show-labels',
};
/** Verbs whose `-f` names a manifest. */
const WITH_MANIFEST: ReadonlySet<string> = new Set(['create', 'apply', 'replace', 'delete', 'diff']);
/** Throws UsageError `bad_statement` for what is not one plain command with flags that are known here. */
export function readCommand(line: string): Command {
  const words = wordsOf(line);
  const [verb = '', ...rest] = words[0] === 'kubectl' ? words.slice(1) : words;
  const end = rest.indexOf('--');
  const flags = new Map<string, string>();
  const plain: string[] = [];
  const before = end < 0 ? rest : rest.slice(0, end);
  for (let i = 0; i < before.length; i++) {
    const word = before[i] ?? '';
    const [name = ''] = word.split('=', 1);
    const given = name === word ? undefined : word.slice(name.length + 1);
    const valued = name === '-f' && WITH_MANIFEST.has(verb) ? 'filename' : VALUED[name];
    if (!name.startsWith('-')) plain.push(word);
    else if (valued !== undefined) flags.set(valued, given ?? before[++i] ?? '');
    else for (const flag of bareFlags(name)) flags.set(flag, given ?? '');
  }
  return { verb, words: plain, flags, program: end < 0 ? [] : rest.slice(end + 1) };
}

function bareFlags(name: string): readonly string[] {
  if (/^-(?:it|ti)$/.test(name)) return ['stdin', 'tty'];
  const flag = BARE[name];
  if (flag === undefined) throw badCommand(`the flag ${name.slice(0, 60)} is not known here`);
  return [flag];
}

/** One plain command of literal words, quotes removed as a shell does. */
function wordsOf(line: string): readonly string[] {
  try {
    const { commands, problems } = readScript(line);
    const [command, ...more] = commands;
    const words = command?.words.map(({ text }) => text);
    const plain = more.length + problems.length === 0 && command?.redirects.length === 0;
    if (words !== undefined && plain && words.every((word) => word !== undefined)) return words;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badCommand('it is not one plain command');
}

export function badCommand(why: string): UsageError {
  return new UsageError('bad_statement', `the command cannot be read: ${why}`, {
    next: 'write the request itself: DELETE /api/v1/namespaces/default/pods/web; kubectl -v 6 prints it',
  });
}

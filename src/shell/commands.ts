import { CALLS, tellsOfItself } from './call-tables.ts';
import { callVerdict } from './calls.ts';
import type { ShellAction, ShellEffect } from './facts.ts';
import { findActions } from './find.ts';
import { scan, unwrap } from './options.ts';
import {
  ADMINISTRATORS,
  ENDED_BY_KEYS,
  INTERPRETERS,
  KEYED,
  OPTIONED_READERS,
  PAGED,
  READERS,
  SHELL_WORDS,
  SHELLS,
  STANDARD_DIRECTORIES,
  WRITERS,
} from './programs.ts';
import type { ReadingShell } from './read-script.ts';
import type { Redirect } from './script.ts';
import { shellActions } from './shells.ts';
import { SPECIAL } from './special.ts';
import { transferVerdict } from './transfers.ts';
import { mayGiveEnvironment } from './variables.ts';
import { ADMINISTERS, READS, unknown, type Verdict, WRITES } from './verdict.ts';
import { computedWord, literalWord, type Word, wordsText } from './word.ts';
import { ELEVATORS, WRAPPERS, XARGS } from './wrappers.ts';

/** What a command stands in. */
export interface Surroundings {
  readonly terminal: boolean;
  /** What runs is on a terminal of which it gets no keys. */
  readonly keyless: boolean;
  /** Names that the line itself defines. */
  readonly functions: ReadonlySet<string>;
  /** Judges a command line inside this one, which another shell reads. */
  line(text: string, shell: ReadingShell): readonly ShellAction[];
}

/** Names that are looked at one by one below. */
const DECIDED = new Set(['sudo', 'doas', 'env', 'command', 'busybox', 'toybox', 'watch', 'xargs', 'find']);
/** A service by its System V script. */
const INIT_SCRIPT = /^\/etc\/(rc\.d\/)?init\.d\/[\w.-]+$/;

/** What one simple command does: itself, or what it runs. `words` holds at least its name. */
export function analyzeCommand(
  words: readonly Word[],
  redirects: readonly Redirect[],
  around: Surroundings,
): readonly ShellAction[] {
  const [first, ...args] = words;
  if (first === undefined) return [];
  const one = (verdict: Verdict, command = wordsText(words)): readonly ShellAction[] => [
    { effect: verdict.effect, command, ...(verdict.reason === undefined ? {} : { reason: verdict.reason }) },
  ];
  if (first.text === undefined || first.maySplit) {
    return one(unknown(`which command ${first.source} is, is computed as it runs`));
  }
  const name = programName(first.text);
  if (name === undefined && INIT_SCRIPT.test(first.text))
    return one(args.length === 1 && args[0]?.text === 'status' ? READS : ADMINISTERS);
  if (name === undefined) return one(unknown(`${first.text} is not in a directory of the system's programs`));
  if (around.functions.has(name)) return one(unknown(`${name} is defined anew in the line`));
  const named = [literalWord(name), ...args];
  const command = wordsText(named);
  const inner = (rest: readonly Word[] | undefined) =>
    rest === undefined
      ? one(unknown(`what ${name} runs cannot be told`), command)
      : rest.length === 0
        ? one(READS, command)
        : analyzeCommand(rest, redirects, around);

  const wrapper = WRAPPERS.get(name);
  if (wrapper !== undefined) return inner(unwrap(args, wrapper));
  switch (name) {
    case 'sudo':
    case 'doas':
      return elevated(name, command, args, redirects, around);
    case 'env':
      return environment(command, args, redirects, around);
    case 'command':
      if (args[0]?.text !== undefined && /^-[vV]+$/.test(args[0].text)) return one(READS, command);
      return inner(unwrap(args, { flags: 'p' }));
    case 'busybox':
    case 'toybox':
      return args.length === 0 || args[0]?.mayBeOption
        ? one(unknown(`what ${name} does cannot be told`), command)
        : inner(args);
    case 'watch':
      return watched(command, args, around);
    case 'xargs':
      return xargs(command, args, around);
    case 'find':
      return findActions(command, args, (rest) => analyzeCommand(rest, [], around));
    default:
      if (SHELLS.has(name)) return shellActions(name, command, args, redirects, around);
      return one(programVerdict(name, args, around), command);
  }
}

/** A name that nothing here knows anything of, so that a function of that name is in nobody's place. */
export function isNewName(name: string): boolean {
  const known = [
    ADMINISTRATORS,
    CALLS,
    INTERPRETERS,
    OPTIONED_READERS,
    READERS,
    SHELL_WORDS,
    SHELLS,
    SPECIAL,
    WRAPPERS,
    WRITERS,
  ];
  return (
    !known.some((names) => names.has(name)) && transferVerdict(name, []) === undefined && !DECIDED.has(name)
  );
}

/** Its plain name, or the path as it is where that is not one of the system's; undefined for a path that says nothing. */
function programName(text: string): string | undefined {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return text;
  return STANDARD_DIRECTORIES.has(text.slice(0, slash)) ? text.slice(slash + 1) : undefined;
}

/** A program that runs no other. */
function programVerdict(name: string, args: readonly Word[], around: Surroundings): Verdict {
  if (around.terminal && PAGED.has(name) && args[0]?.text !== '--no-pager') {
    return unknown(
      `${name} shows a pager on a terminal, which runs commands: say --no-pager first, or do without -t`,
    );
  }
  if (around.terminal && KEYED.has(name))
    return unknown(`${name} takes keys on a terminal that change things`);
  if (around.keyless && ENDED_BY_KEYS.has(name) && !tellsOfItself(name, args))
    return unknown(`${name} waits for keys, which programs get here where a rule names INPUT: say cat`);
  if (tellsOfItself(name, args)) return READS;
  const special = SPECIAL.get(name)?.(args);
  if (special !== undefined) return special;
  const calls = CALLS.get(name);
  if (calls !== undefined) return callVerdict(name, calls, args);
  const optioned = OPTIONED_READERS.get(name);
  if (optioned !== undefined) {
    const found = scan(args, optioned);
    const many =
      optioned.operands !== undefined &&
      (found.operands.length > optioned.operands ||
        found.operands.some(({ maySplit, several }) => several && !maySplit));
    if (!found.hit && !many && !found.open) return READS;
    if (found.hit || many) return verdictOf(optioned.otherwise, name);
    return unknown(`an argument of ${name} is computed and could be an option that changes something`);
  }
  if (READERS.has(name) || SHELL_WORDS.has(name)) return READS;
  if (WRITERS.has(name)) return WRITES;
  if (ADMINISTRATORS.has(name)) return ADMINISTERS;
  const transfer = transferVerdict(name, args);
  if (transfer !== undefined) return transfer;
  if (INTERPRETERS.has(name) && args.length === 1 && args[0]?.text === '--version') return READS;
  if (INTERPRETERS.has(name)) return unknown(`${name} runs code or commands that are given to it`);
  return unknown(`what ${name} does is not known`);
}

function verdictOf(effect: ShellEffect, name: string): Verdict {
  return effect === 'unknown' ? unknown(`an option of ${name} runs or writes something`) : { effect };
}

function elevated(
  name: string,
  command: string,
  args: readonly Word[],
  redirects: readonly Redirect[],
  around: Surroundings,
): readonly ShellAction[] {
  const self: ShellAction = { effect: 'admin', command };
  if (args.length === 1 && /^-(l|v|k|K|V|-list|-version|-reset-timestamp)$/.test(args[0]?.text ?? ''))
    return [self];
  let rest = unwrap(args, ELEVATORS.get(name) ?? {});
  const actions: ShellAction[] = [self];
  // `sudo NAME=value command`.
  for (
    let next = rest?.[0];
    rest !== undefined && next !== undefined && /^[A-Za-z_]\w*=/.test(next.prefix);
    next = rest[0]
  ) {
    actions.push(...assigned(next, command));
    rest = rest.slice(1);
  }
  if (rest === undefined || rest.length === 0) {
    const reason = `what ${name} runs cannot be told`;
    return [...actions, { effect: 'unknown', command, reason }];
  }
  return [...actions, ...analyzeCommand(rest, redirects, around)];
}

function assigned(word: Word, command: string): readonly ShellAction[] {
  const variable = word.prefix.split('=', 1)[0] ?? '';
  if (mayGiveEnvironment(variable, word.text?.slice(variable.length + 1))) return [];
  return [{ effect: 'unknown', command, reason: `the variable ${variable} can change what runs` }];
}

/** `watch -n 1 df -h`: its arguments, joined by blanks, are a command line for a shell. */
function watched(command: string, args: readonly Word[], around: Surroundings): readonly ShellAction[] {
  const refuse = (reason: string): readonly ShellAction[] => [{ effect: 'unknown', command, reason }];
  if (around.terminal) return refuse('watch takes keys on a terminal that change things');
  const rest = unwrap(args, {
    flags: 'bcdegpt',
    values: 'nq',
    longFlags: ['beep', 'color', 'differences', 'errexit', 'chgexit', 'precise', 'no-title'],
    longValues: ['interval', 'equexit'],
  });
  const texts = rest?.map(({ text }) => text);
  if (texts === undefined || texts.length === 0 || texts.includes(undefined)) {
    return refuse('what watch runs cannot be told');
  }
  return around.line(texts.join(' '), { bash: false });
}

/** `env [-i] [-u NAME] [NAME=value]… [command]`. */
function environment(
  command: string,
  args: readonly Word[],
  redirects: readonly Redirect[],
  around: Surroundings,
): readonly ShellAction[] {
  let rest = unwrap(args, {
    flags: 'i0',
    values: 'u',
    longFlags: ['ignore-environment', 'null'],
    longValues: ['unset'],
  });
  if (rest === undefined) {
    return [{ effect: 'unknown', command, reason: 'what env runs cannot be told' }];
  }
  const actions: ShellAction[] = [];
  for (let next = rest[0]; next !== undefined && /^[A-Za-z_]\w*=/.test(next.prefix); next = rest[0]) {
    actions.push(...assigned(next, command));
    rest = rest.slice(1);
  }
  if (rest.length === 0) return [...actions, { effect: 'read', command }];
  // A name with `=` that is no variable's is taken by env as one all the same.
  if (rest[0]?.prefix.includes('=')) {
    return [...actions, { effect: 'unknown', command, reason: 'what env sets cannot be told' }];
  }
  return [...actions, ...analyzeCommand(rest, redirects, around)];
}

/** Arguments come from the input, so they could be anything, options too. */
function xargs(command: string, args: readonly Word[], around: Surroundings): readonly ShellAction[] {
  const replaced = args.some((word) => word.text !== undefined && /^(-I|-i|-J|--replace)/.test(word.text));
  const rest = unwrap(
    args,
    replaced
      ? {
          ...XARGS,
          flags: `${XARGS.flags}i`,
          values: `${XARGS.values}I`,
          longValues: [...(XARGS.longValues ?? []), 'replace'],
        }
      : XARGS,
  );
  if (rest === undefined) return [{ effect: 'unknown', command, reason: 'what xargs runs cannot be told' }];
  if (rest.length === 0) return [{ effect: 'read', command }];
  const input = computedWord('…');
  // What it runs has an input of its own.
  if (!replaced) return analyzeCommand([...rest, input], [], around);
  // Any word may hold the mark; the command's own name stays as it is when it plainly has none.
  const [name, ...others] = rest;
  if (
    name === undefined ||
    !/^[A-Za-z][\w.-]*$/.test(name.text ?? '') ||
    replacesWith(args, name.text ?? '')
  ) {
    return [{ effect: 'unknown', command, reason: 'what xargs runs comes from its input' }];
  }
  const filled = others.map((word) =>
    word.text !== undefined && !word.text.includes('{') && !hasMark(args, word.text)
      ? word
      : { ...input, source: word.source },
  );
  return analyzeCommand([name, ...filled], [], around);
}

/** The marks that `-I MARK` and its kin name. */
function marks(args: readonly Word[]): readonly (string | undefined)[] {
  const found: (string | undefined)[] = ['{}'];
  args.forEach((word, index) => {
    if (word.text === '-I' || word.text === '-J' || word.text === '--replace')
      found.push(args[index + 1]?.text);
    else if (word.text !== undefined && /^(-[IiJ]|--replace=)/.test(word.text)) {
      found.push(word.text.replace(/^(-[IiJ]|--replace=)/, '') || '{}');
    }
  });
  return found;
}

function hasMark(args: readonly Word[], text: string): boolean {
  return marks(args).some((mark) => mark === undefined || mark === '' || text.includes(mark));
}

function replacesWith(args: readonly Word[], name: string): boolean {
  return hasMark(args, name);
}

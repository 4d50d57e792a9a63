import { INDIFFERENT } from './builtins.ts';
import { analyzeCommand, isNewName, type Surroundings } from './commands.ts';
import type { CommandLineFacts, ShellAction } from './facts.ts';
import { readScript } from './read-script.ts';
import { redirectAction } from './redirects.ts';
import type { Script, SimpleCommand } from './script.ts';
import { mayAssign } from './variables.ts';
import { wordsText } from './word.ts';

/** Longer lines are not judged: a person could not either. In UTF-16 units. */
export const LONGEST_LINE = 65_536;
/** A line that does more things than this is not judged. */
const MOST_ACTIONS = 500;
/** `sh -c` inside `sh -c`. */
const DEEPEST = 8;

/** POSIX 2.3 ends a comment at its line end, also behind a backslash; the grammar goes on, and would hide what follows. */
const CONTINUED_COMMENT = /(^|[\s;&|()`<>])#[^\n]*\\\n/;

export interface LineOptions {
  /** The line runs on a terminal, where pagers take commands. */
  readonly terminal: boolean;
  /** It runs on a terminal of which its programs get no keys, and no pager. */
  readonly keyless?: boolean;
  /** It is Bash that reads the line; default: any POSIX shell. */
  readonly bash?: boolean;
}

/**
 * What a POSIX shell's command line does: every command in it, whatever branch it stands in. What cannot be told
 * is `unknown`. Never throws. The line is taken as `sh -c` takes it, by a shell that has no aliases or functions
 * of its own for the names it uses.
 */
export function analyzeLine(line: string, options: LineOptions): CommandLineFacts {
  return { actions: distinct(linesActions(line, { ...options, depth: 0 })) };
}

interface Nested extends LineOptions {
  readonly depth: number;
  readonly inherited?: ReadonlySet<string>;
}

function linesActions(line: string, at: Nested): readonly ShellAction[] {
  const refuse = (reason: string): readonly ShellAction[] => [
    { effect: 'unknown', command: shortened(line), reason },
  ];
  if (line.length > LONGEST_LINE) return refuse('the command line is too long to be judged');
  if (at.depth > DEEPEST) return refuse('it is nested too deeply');
  // U+FFFD stands where bytes were no UTF-8: what runs would not be what was judged. Some read a carriage return
  // as a blank and some as part of a word.
  if (/[\0\r\ufffd]/.test(line)) return refuse('it holds bytes that are no plain text');
  if (CONTINUED_COMMENT.test(line))
    return refuse('its comment ends with a backslash, which not all read alike');
  let script: Script;
  try {
    script = readScript(line, { ...at, bash: at.bash === true });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return refuse(`the shell grammar does not take it: ${error.message}`);
  }
  const actions = script.problems.map(
    (reason): ShellAction => ({ effect: 'unknown', command: shortened(line), reason }),
  );
  const surroundings: Surroundings = {
    terminal: at.terminal,
    keyless: at.keyless === true,
    functions: script.functions,
    line: (inner, { bash }) => {
      const inherited = new Set([...(at.inherited ?? []), ...givenNames(script)]);
      return linesActions(inner, { ...at, bash, depth: at.depth + 1, inherited });
    },
  };
  // What a line of a shell sets goes on to lines that run anything.
  const programs = at.keyless === true || !script.commands.every(runsNoProgram);
  for (const command of script.commands) {
    actions.push(...simpleActions(command, programs, surroundings));
    if (actions.length > MOST_ACTIONS) return refuse('it does too many things to be judged');
  }
  return actions;
}

/** Variables that shells inside of a line may find set to anything, or not set at all: `env -i`, `exec -c`. */
function givenNames({ commands }: Script): readonly string[] {
  const words = commands.flatMap((one) => one.words.map(({ prefix }) => /^(\w+)=/.exec(prefix)?.[1] ?? ''));
  return ['HOME', ...words, ...commands.flatMap(({ assignments }) => assignments.map(({ name }) => name))];
}

function runsNoProgram({ defined, words }: SimpleCommand): boolean {
  const [name] = words;
  return name === undefined || defined || (name.text !== undefined && INDIFFERENT.has(name.text));
}

function simpleActions(
  command: SimpleCommand,
  programs: boolean,
  surroundings: Surroundings,
): readonly ShellAction[] {
  const actions: ShellAction[] = [];
  const called = command.words[0]?.text;
  for (const assignment of command.assignments) {
    if (mayAssign(assignment, { command: called, programs })) continue;
    const { name } = assignment;
    const reason = `the variable ${name} can change what runs`;
    actions.push({ effect: 'unknown', command: `${name}=… ${wordsText(command.words)}`.trim(), reason });
  }
  for (const redirect of command.redirects) {
    const action = redirectAction(redirect);
    if (action !== undefined) actions.push(action);
  }
  // Of a function of the line's own all that it does is here already.
  if (command.words.length > 0 && !(command.defined && isNewName(called ?? '')))
    actions.push(...analyzeCommand(command.words, command.redirects, surroundings));
  return actions;
}

function shortened(line: string): string {
  return line.length <= 200 ? line : `${line.slice(0, 200)}…`;
}

function distinct(actions: readonly ShellAction[]): readonly ShellAction[] {
  const seen = new Map(actions.map((action) => [JSON.stringify(action), action]));
  return [...seen.values()];
}

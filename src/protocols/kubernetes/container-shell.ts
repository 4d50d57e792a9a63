import type { ProgramOptions } from './connect-actions.ts';

/** An interactive shell that exec opens in a container, in words that ask for nothing else. */
export interface ContainerShell {
  /** It is Bash, as far as its name tells. */
  readonly bash: boolean;
  /** The words with which a shell of that kind runs a script. */
  runs(script: string): readonly string[];
}

/** A shell that reads lines as POSIX says, where a container has its programs. */
const KNOWN = /^(?:\/(?:usr\/(?:local\/)?)?bin\/)?(bash|sh|dash|ash)$/;
/** They would choose files to be read at the start; a line's own shell reads none. */
const HARMLESS_OPTION = /^(?:-[il]{1,2}|--login|--norc|--noprofile)$/;
/** With which k9s, Lens, VS Code and others open the best shell that a container has. */
const PICKS_ONE =
  /^(?:clear; ?)?(?:\(?bash \|\| (?:ash \|\| )?sh\)?|command -v bash >\/dev\/null(?: 2>&1)? && exec bash \|\| exec sh)$/;

/**
 * Neither the files that BASH_ENV names nor functions of the environment are read with `-p` (bash(1), INVOCATION); the
 * other shells read nothing when they run a script by `-c` (POSIX sh, ENV).
 */
const UNMOVED = '-p';
const BEST = `command -v bash >/dev/null 2>&1 && exec bash ${UNMOVED} -c "$0"; exec sh -c "$0"`;

/**
 * Undefined for all other programs: shells that read lines in other ways, files of the requester's own choice, shells
 * inside of other programs. `-i` is what makes it interactive.
 */
export function containerShell({ command, stdin }: ProgramOptions): ContainerShell | undefined {
  const [program = '', ...options] = command;
  const kind = KNOWN.exec(program)?.[1];
  if (!stdin || kind === undefined) return undefined;
  const bash = kind === 'bash';
  const before = bash ? [UNMOVED, '-c'] : ['-c'];
  if (options.every((option) => HARMLESS_OPTION.test(option))) {
    return { bash, runs: (script) => [program, ...before, script] };
  }
  const [option, line = ''] = options;
  if (option !== '-c' || options.length !== 2 || !PICKS_ONE.test(line.trim())) return undefined;
  // Whatever it finds.
  return { bash: false, runs: (script) => [program, ...before, BEST, script] };
}

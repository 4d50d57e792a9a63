import { execFile } from 'node:child_process';
import { Internal, NotFound, UsageError } from '../base/errors.ts';

const TIMEOUT_MS = 10_000;
/** Longest secret a command may print. */
const OUTPUT_LIMIT = 64 * 1024;
/** What a secret manager's client needs to find itself and its configuration; nothing else is passed on. */
const PASSED_ON = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'LC_ALL',
  'TMPDIR',
  'XDG_CONFIG_HOME',
  'XDG_RUNTIME_DIR',
];
/** Characters that only a shell gives a meaning; refused, so that nobody believes one is at work. */
const SHELL_ONLY = /[|&;<>$`(){}*?!~#]/;

/**
 * Splits a command line into words: blanks separate, quotes and backslashes keep together, nothing is expanded.
 * Throws UsageError `bad_secret_reference` for unbalanced quotes and for shell syntax outside of quotes.
 */
export function splitCommand(command: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let i = 0; i < command.length; i++) {
    const char = command.charAt(i);
    if (char === quote) {
      quote = undefined;
    } else if (char === '\\' && quote !== "'") {
      i += 1;
      if (i >= command.length) throw badCommand('it ends with a backslash');
      word = (word ?? '') + command.charAt(i);
    } else if (quote !== undefined) {
      word = (word ?? '') + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (SHELL_ONLY.test(char)) {
      throw badCommand(`"${char}" is for shells, and none runs here: quote it, or name a script`);
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== undefined) throw badCommand(`a ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw badCommand('it is empty');
  return words;
}

/**
 * Runs a command without a shell and gives what it printed, one trailing newline taken off. Its own messages
 * are dropped: they may quote the secret. Throws Internal `secret_unreadable`, NotFound `secret_missing`.
 */
export function readFromCommand(
  command: string,
  environment: Readonly<Record<string, string | undefined>>,
  timeoutMs: number = TIMEOUT_MS,
): Promise<string> {
  const [program = '', ...args] = splitCommand(command);
  const options = {
    env: cleanEnvironment(environment),
    timeout: timeoutMs,
    killSignal: 'SIGKILL' as const,
    maxBuffer: OUTPUT_LIMIT,
    encoding: 'utf8' as const,
    windowsHide: true,
  };
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, stdout) => {
      if (error !== null) return reject(commandFailed(program, error));
      const secret = stdout.replace(/\r?\n$/, '');
      if (secret !== '') return resolve(secret);
      reject(new NotFound('secret_missing', `the command ${program} printed no secret`));
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end();
  });
}

function cleanEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = environment[name];
    if (value !== undefined) clean[name] = value;
  }
  return clean;
}

/** The error object itself holds the whole command line and what it printed, so it is not passed on as a cause. */
function commandFailed(program: string, error: Error & { code?: unknown; killed?: boolean }): Internal {
  const why =
    error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER'
      ? `it printed more than ${OUTPUT_LIMIT / 1024} KiB`
      : error.killed
        ? 'it did not end in time'
        : typeof error.code === 'number'
          ? `it ended with exit code ${error.code}`
          : `it could not be run (${String(error.code ?? 'killed')})`;
  return new Internal('secret_unreadable', `the command ${program} gave no secret: ${why}`, {
    next: `run it by hand as the daemon's user`,
  });
}

function badCommand(why: string): UsageError {
  return new UsageError('bad_secret_reference', `the command of the exec: reference cannot be run: ${why}`);
}

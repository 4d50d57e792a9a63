import { closeSync, constants, openSync, readSync } from 'node:fs';
import { ReadStream, WriteStream } from 'node:tty';
import { systemCode } from '../base/errors.ts';
import { Interrupted } from './interrupted.ts';

/** Questions to the person at the terminal. What was typed before a question was shown never answers it. */
export interface Prompts {
  /** One line, shown while it is typed. */
  line(question: string): Promise<string>;
  /** One line, shown as asterisks. */
  secret(question: string, signal?: AbortSignal): Promise<string>;
  /** True only for y or yes; Enter means no. */
  confirm(question: string): Promise<boolean>;
  /** One of `keys`, at one stroke; undefined when `signal` aborts first. Throws Interrupted on Ctrl-C. */
  key(question: string, keys: string, signal?: AbortSignal): Promise<string | undefined>;
}

const CTRL_C = '\x03';

interface Terminal {
  readonly input: ReadStream;
  readonly output: WriteStream;
}

/**
 * Asks on `/dev/tty`, so that a statement piped to stdin or results redirected from stdout don't get in
 * the way. The terminal is opened for each question and left alone in between.
 */
export function terminalPrompts(): Prompts {
  // Loaded before the terminal is opened: what is typed while a module loads is typed before the question, too.
  const prompts = () => import('@inquirer/prompts');
  return {
    line: async (question) => {
      const { input: prompt } = await prompts();
      return ask(({ input, output }) => prompt({ message: question, theme: plainTheme }, { input, output }));
    },
    secret: async (question, signal) => {
      const { password } = await prompts();
      return ask(({ input, output }) => {
        const context = signal === undefined ? { input, output } : { input, output, signal };
        return password({ message: question, mask: '*', toggleMask: false, theme: plainTheme }, context);
      });
    },
    confirm: async (question) => {
      const { confirm } = await prompts();
      return ask(({ input, output }) =>
        confirm({ message: question, default: false, theme: plainTheme }, { input, output }),
      );
    },
    key: (question, keys, signal) => ask((terminal) => readKey(terminal, question, keys, signal)),
  };
}

const same = (text: string): string => text;
const plainTheme = {
  prefix: '',
  style: { message: same, answer: same, defaultAnswer: (text: string) => `(${text})` },
};

async function ask<T>(question: (terminal: Terminal) => Promise<T>): Promise<T> {
  const input = new ReadStream(openTerminal(constants.O_RDWR));
  const output = new WriteStream(openTerminal(constants.O_RDWR));
  const ended = Promise.withResolvers<never>();
  // Dying at once would leave the user's terminal raw. Not `once`: the prompts' own listener ends the process
  // when it finds itself the only one.
  const onTerm = () => ended.reject(new Interrupted(143));
  process.on('SIGTERM', onTerm);
  try {
    // Raw mode makes even an unfinished typed line readable, so that it can be thrown away.
    input.setRawMode(true);
    discardTyped();
    return await Promise.race([question({ input, output }), ended.promise]);
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError') throw new Interrupted();
    throw error;
  } finally {
    process.off('SIGTERM', onTerm);
    input.setRawMode(false);
    input.destroy();
    output.destroy();
  }
}

function openTerminal(flags: number): number {
  return openSync('/dev/tty', flags | constants.O_NOCTTY);
}

/** Empties the terminal's input queue, which all who opened it share. */
function discardTyped(): void {
  // A descriptor of its own: Node's streams open theirs anew, and a writer makes it blocking.
  const fd = openTerminal(constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(4096);
  try {
    while (readSync(fd, buffer) > 0);
  } catch (error) {
    if (systemCode(error) !== 'EAGAIN') throw error;
  } finally {
    closeSync(fd);
  }
}

function readKey(
  { input, output }: Terminal,
  question: string,
  keys: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  output.write(`${question} `);
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void, shown: string) => {
      input.off('data', onData);
      signal?.removeEventListener('abort', onAbort);
      output.write(`${shown}\n`);
      settle();
    };
    const onAbort = () => finish(() => resolve(undefined), '');
    const onData = (data: Buffer) => {
      const typed = data.toString('utf8').toLowerCase();
      // A paste or an escape sequence is not a decision.
      if (typed === CTRL_C) finish(() => reject(new Interrupted()), '^C');
      else if (typed.length === 1 && keys.includes(typed)) finish(() => resolve(typed), typed);
    };
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    input.on('data', onData);
  });
}

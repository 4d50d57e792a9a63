import { constants, openSync, readSync } from 'node:fs';
import { ReadStream, WriteStream } from 'node:tty';
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
  return {
    line: (question) =>
      ask(async ({ input, output }) => {
        const { input: prompt } = await import('@inquirer/prompts');
        return prompt({ message: question, theme: plainTheme }, { input, output });
      }),
    secret: (question, signal) =>
      ask(async ({ input, output }) => {
        const { password } = await import('@inquirer/prompts');
        const context = signal === undefined ? { input, output } : { input, output, signal };
        return password({ message: question, mask: '*', toggleMask: false, theme: plainTheme }, context);
      }),
    confirm: (question) =>
      ask(async ({ input, output }) => {
        const { confirm } = await import('@inquirer/prompts');
        return confirm({ message: question, default: false, theme: plainTheme }, { input, output });
      }),
    key: (question, keys, signal) => ask((terminal) => readKey(terminal, question, keys, signal)),
  };
}

const same = (text: string): string => text;
const plainTheme = {
  prefix: '',
  style: { message: same, answer: same, defaultAnswer: (text: string) => `(${text})` },
};

async function ask<T>(question: (terminal: Terminal) => Promise<T>): Promise<T> {
  // O_NONBLOCK: emptying the input below must end when there is nothing left.
  const fd = openSync('/dev/tty', constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY);
  const input = new ReadStream(fd);
  const output = new WriteStream(fd);
  try {
    // Raw mode makes even an unfinished typed line readable, so that it can be thrown away.
    input.setRawMode(true);
    discardTyped(fd);
    return await question({ input, output });
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError') throw new Interrupted();
    throw error;
  } finally {
    input.setRawMode(false);
    input.destroy();
  }
}

function discardTyped(fd: number): void {
  const buffer = Buffer.alloc(4096);
  try {
    while (readSync(fd, buffer) > 0);
  } catch {
    // EAGAIN: nothing is left.
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

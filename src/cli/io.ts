import type { Readable } from 'node:stream';
import { colourLevel, createPaint, type Paint } from './paint.ts';
import { type Prompts, terminalPrompts } from './prompts.ts';

/** Where text goes. Writing to a terminal, file or pipe is synchronous in Node on POSIX, so nothing piles up. */
export interface TextOut {
  readonly isTTY: boolean;
  /** Terminal width; 80 where there is none. */
  readonly columns: number;
  /** Terminal height; 24 where there is none. */
  readonly rows: number;
  readonly paint: Paint;
  write(text: string): void;
}

/** All that a verb knows of the outside, so that a test runs it without a terminal. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Results. */
  readonly out: TextOut;
  /** Progress, prompts, notices and errors. */
  readonly err: TextOut;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Undefined where nobody can be asked: no terminal, `--no-input`, `CI=true`. */
  readonly prompts: Prompts | undefined;
  /** Redrawn lines and spinners are wanted: stderr is a terminal and this is no CI job. */
  readonly lively: boolean;
  /** Wall clock, milliseconds since 1970 UTC. */
  now(): number;
  /** Calls back on SIGINT and SIGTERM instead of ending; the return value undoes it. */
  onSignal(listener: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
}

export interface IoOptions {
  readonly noInput: boolean;
  readonly noColour: boolean;
}

function isCi(env: Io['env']): boolean {
  return env.CI !== undefined && env.CI !== '' && env.CI !== '0' && env.CI !== 'false';
}

function textOut(stream: NodeJS.WriteStream, env: Io['env'], noColour: boolean): TextOut {
  const isTTY = stream.isTTY === true;
  const forced = Number(env.COLUMNS);
  return {
    isTTY,
    get columns() {
      return Number.isInteger(forced) && forced >= 20 ? forced : (stream.columns ?? 80);
    },
    get rows() {
      return stream.rows ?? 24;
    },
    paint: createPaint(noColour ? 0 : colourLevel(isTTY, env)),
    write: (text) => {
      stream.write(text);
    },
  };
}

/** The process's own streams. */
export function processIo(options: IoOptions): Io {
  const env = process.env;
  const onTerminal = process.stdin.isTTY === true || process.stderr.isTTY === true;
  const mayAsk = onTerminal && !options.noInput && !isCi(env);
  return {
    stdin: process.stdin,
    out: textOut(process.stdout, env, options.noColour),
    err: textOut(process.stderr, env, options.noColour),
    env,
    prompts: mayAsk ? terminalPrompts() : undefined,
    lively: process.stderr.isTTY === true && !isCi(env) && env.TERM !== 'dumb',
    now: Date.now,
    onSignal(listener) {
      const onInt = () => listener('SIGINT');
      const onTerm = () => listener('SIGTERM');
      process.on('SIGINT', onInt).on('SIGTERM', onTerm);
      return () => process.off('SIGINT', onInt).off('SIGTERM', onTerm);
    },
  };
}

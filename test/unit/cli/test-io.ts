import { Readable } from 'node:stream';
import type { Io, TextOut } from '../../../src/cli/io.ts';
import { createPaint } from '../../../src/cli/paint.ts';
import type { Prompts } from '../../../src/cli/prompts.ts';

export interface TestIoOptions {
  readonly stdin?: string;
  readonly tty?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Record<string, string>;
  readonly prompts?: Partial<Prompts>;
  readonly now?: number;
}

export interface TestIo extends Io {
  stdout(): string;
  stderr(): string;
  signal(signal: 'SIGINT' | 'SIGTERM'): void;
}

export const NOW = Date.parse('2026-11-21T12:00:00Z');

/** Streams in memory; no terminal unless `tty`. A prompt that the test did not expect fails it. */
export function testIo(options: TestIoOptions = {}): TestIo {
  const texts = { out: '', err: '' };
  const listeners = new Set<(signal: 'SIGINT' | 'SIGTERM') => void>();
  const out = (name: 'out' | 'err'): TextOut => ({
    isTTY: options.tty === true,
    columns: options.columns ?? 80,
    rows: options.rows ?? 24,
    paint: createPaint(0),
    write: (text) => {
      texts[name] += text;
    },
  });
  return {
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    out: out('out'),
    err: out('err'),
    env: options.env ?? {},
    prompts: options.prompts === undefined ? undefined : { ...unexpected, ...options.prompts },
    lively: options.tty === true,
    now: () => options.now ?? NOW,
    onSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stdout: () => texts.out,
    stderr: () => texts.err,
    signal: (signal) => {
      for (const listener of listeners) listener(signal);
    },
  };
}

const refuse = async (question: string): Promise<never> => {
  throw new Error(`nobody expected the question "${question}"`);
};
const unexpected: Prompts = { line: refuse, secret: refuse, confirm: refuse, key: refuse };

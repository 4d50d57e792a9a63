import { type IPty, spawn } from '@lydell/node-pty';

export interface TerminalOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly rows?: number;
}

/** Cursor movement, colour and modes: what a terminal acts on instead of showing. */
const SEQUENCES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78])/g;

/** A program on a pseudo-terminal of its own, and somebody who reads and types there. */
export class Terminal {
  /** Settles with the program's exit code. */
  readonly exited: Promise<number>;
  private readonly pty: IPty;
  private readonly waiting = new Set<() => void>();
  private raw = '';
  private read = 0;

  constructor(file: string, args: readonly string[], { env, columns = 110, rows = 50 }: TerminalOptions) {
    this.pty = spawn(file, [...args], {
      name: 'xterm-256color',
      cols: columns,
      rows,
      env: { ...env, TERM: 'xterm-256color' },
    });
    this.pty.onData((data) => {
      this.raw += data;
      for (const look of this.waiting) look();
    });
    this.exited = new Promise((resolve) => this.pty.onExit(({ exitCode }) => resolve(exitCode)));
  }

  /** All that was shown so far, without escape sequences. */
  get text(): string {
    return this.raw.replace(SEQUENCES, '').replaceAll('\r\n', '\n');
  }

  /** The same with them. */
  get bytes(): string {
    return this.raw;
  }

  /** Begins anew, as if nothing had been shown. */
  forget(): void {
    this.raw = '';
    this.read = 0;
  }

  get pid(): number {
    return this.pty.pid;
  }

  resize(columns: number, rows: number): void {
    this.pty.resize(columns, rows);
  }

  type(text: string): void {
    this.pty.write(text);
  }

  /** Waits until something new matches, and reads up to its end. Throws with all that was shown. */
  shows(pattern: RegExp | string, deadline = 15_000): Promise<RegExpExecArray> {
    const expression =
      typeof pattern === 'string' ? new RegExp(pattern.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')) : pattern;
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = expression.exec(this.text.slice(this.read));
        if (found === null) return;
        this.read += found.index + found[0].length;
        finish();
        resolve(found);
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`the terminal never showed ${expression}\n${this.text}`));
      }, deadline);
      const finish = () => {
        clearTimeout(timer);
        this.waiting.delete(look);
      };
      this.waiting.add(look);
      look();
    });
  }

  /** Ends what still runs. */
  close(): void {
    try {
      this.pty.kill('SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}

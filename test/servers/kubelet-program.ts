import { spawn } from 'node:child_process';
import { spawn as spawnOnTerminal } from '@lydell/node-pty';

/** A program that a test's kubelet runs in the place of a container's. */
export interface TestProgram {
  write(bytes: Buffer): void;
  /** It reads no more. */
  end(): void;
  /** JSON of a terminal's size, as clients send it. */
  resize(message: string): void;
  kill(): void;
}

export interface TestProgramEvents {
  print(stream: 'stdout' | 'stderr', chunk: Buffer): void;
  ended(code: number, message: string): void;
}

/** Starts it on this machine, on a pseudo-terminal where there is to be one. */
export function startProgram(
  command: readonly string[],
  terminal: boolean,
  events: TestProgramEvents,
): TestProgram {
  const [program = 'cat', ...args] = command;
  return terminal ? onTerminal(program, args, events) : onPipes(program, args, events);
}

function onPipes(program: string, args: readonly string[], { ended, print }: TestProgramEvents): TestProgram {
  const child = spawn(program, args);
  child.stdout.on('data', (chunk: Buffer) => print('stdout', chunk));
  child.stderr.on('data', (chunk: Buffer) => print('stderr', chunk));
  child.stdin.on('error', () => {});
  let failed = false;
  child.on('error', (error) => {
    failed = true;
    ended(126, error.message);
  });
  child.on('close', (code) => {
    if (!failed) ended(code ?? 137, '');
  });
  return {
    write: (bytes) => child.stdin.write(bytes),
    end: () => child.stdin.end(),
    resize: () => {},
    kill: () => child.kill('SIGKILL'),
  };
}

/** Tells each size that it gets. */
function onTerminal(
  program: string,
  args: readonly string[],
  { ended, print }: TestProgramEvents,
): TestProgram {
  const pty = spawnOnTerminal(program, [...args], { name: 'xterm', cols: 80, rows: 24, encoding: null });
  let over = false;
  pty.onData((data) => print('stdout', Buffer.from(data)));
  pty.onExit(({ exitCode, signal }) => {
    over = true;
    ended(signal ? 128 + signal : exitCode, '');
  });
  return {
    write: (bytes) => pty.write(bytes.toString('utf8')),
    end: () => {},
    resize: (message) => {
      const { Height, Width } = JSON.parse(message) as { readonly Height: number; readonly Width: number };
      if (!over) pty.resize(Width, Height);
    },
    kill: () => {
      if (!over) pty.kill('SIGKILL');
    },
  };
}

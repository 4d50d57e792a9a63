import { type ChildProcess, spawn } from 'node:child_process';

export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly stdin?: string;
  /** Added to a clean environment (PATH, LANG); nothing else of the caller's reaches the program. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Milliseconds until the program is killed and the run fails. Default 30 000. */
  readonly deadline?: number;
  /** Told of the process once it runs, for tests that signal it. */
  readonly onSpawn?: (child: ChildProcess) => void;
  /** Told of every piece of output as it arrives. */
  readonly onOutput?: (stream: 'stdout' | 'stderr', text: string) => void;
}

/** Runs a program to its end and collects what it wrote. Throws when it cannot start or misses the deadline. */
export function run(
  file: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...args], {
      cwd: options.cwd,
      env: { PATH: process.env.PATH, LANG: 'C.UTF-8', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const texts = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        texts[stream] += text;
        options.onOutput?.(stream, text);
      });
    }
    const deadline = options.deadline ?? 30_000;
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new Error(`${file} ${args.join(' ')} took over ${deadline} ms\n${texts.stdout}\n${texts.stderr}`),
      );
    }, deadline);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...texts });
    });
    // The program may end before it has read everything; that is its business.
    child.stdin.on('error', () => {});
    child.stdin.end(options.stdin ?? '');
    options.onSpawn?.(child);
  });
}

/** psql against `url` without the user's psqlrc: `psql(url, ['-c', 'select 1'])`, or a script on stdin. */
export function psql(
  url: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return run('psql', ['--no-psqlrc', '--no-password', ...args, url], {
    ...options,
    env: { PGCONNECT_TIMEOUT: '10', ...options.env },
  });
}

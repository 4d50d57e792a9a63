import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ProgramOptions, type ProgramResult, run } from './psql.ts';

/** The built launcher; `npm test` builds first. */
export const LAUNCHER = fileURLToPath(new URL('../../bin/hoopctl', import.meta.url));
export const PASSPHRASE = 'correct horse battery staple';

export interface RunOptions extends ProgramOptions {
  /** Identity to act as; the stored owner when left out. */
  readonly token?: string;
}

export interface Endpoint {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface Proxy extends Endpoint {
  readonly child: ChildProcess;
  /** What it wrote to stderr so far. */
  stderr(): string;
  /** Ends it with SIGINT, as Ctrl-C does; settles with its exit code. */
  stop(): Promise<number | null>;
}

/** The product as a user has it: the launcher, a state directory of its own, and what processes it starts. */
export class Hoopctl {
  readonly home: string;
  private readonly proxies = new Set<Proxy>();

  private constructor(home: string) {
    this.home = home;
  }

  /** A state directory that does not exist yet below a temporary one, and nothing else. */
  static fresh(): Hoopctl {
    return new Hoopctl(join(mkdtempSync(join(tmpdir(), 'hoopctl-test-')), 'state'));
  }

  /** A fresh one after `hoopctl init` with PASSPHRASE. */
  static async initialised(): Promise<Hoopctl> {
    const hoopctl = Hoopctl.fresh();
    await hoopctl.ok(['init', '--no-input', '--approver-passphrase-stdin'], { stdin: `${PASSPHRASE}\n` });
    return hoopctl;
  }

  env(options: RunOptions = {}): Record<string, string> {
    return {
      PATH: process.env.PATH ?? '',
      HOME: join(this.home, '..'),
      LANG: 'C.UTF-8',
      HOOPCTL_HOME: this.home,
      CI: 'true',
      ...(options.token === undefined ? {} : { HOOPCTL_TOKEN: options.token }),
      ...options.env,
    };
  }

  /** Runs one command to its end. */
  run(args: readonly string[], options: RunOptions = {}): Promise<ProgramResult> {
    return run(process.execPath, [LAUNCHER, ...args], { ...options, env: this.env(options) });
  }

  /** Runs one command that must succeed; throws with its output otherwise. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<ProgramResult> {
    const result = await this.run(args, options);
    if (result.code !== 0) {
      throw new Error(
        `hoopctl ${args.join(' ')} ended with ${result.code}\n${result.stdout}\n${result.stderr}`,
      );
    }
    return result;
  }

  /** Runs one command with `--json` that must succeed; its parsed document. */
  async json<T = unknown>(args: readonly string[], options: RunOptions = {}): Promise<T> {
    const { stdout } = await this.ok([...args, '--json'], options);
    return JSON.parse(stdout) as T;
  }

  /** `connection add NAME --url URL`, the password through stdin. */
  async addConnection(name: string, url: string, password: string, ...flags: string[]): Promise<void> {
    await this.ok(['connection', 'add', name, '--url', url, '--password-stdin', '--no-input', ...flags], {
      stdin: `${password}\n`,
    });
  }

  /** Applies policy text. */
  async applyPolicy(text: string): Promise<void> {
    const file = join(this.home, '..', 'policy.yaml');
    writeFileSync(file, text);
    await this.ok(['policy', 'apply', file, '--yes']);
  }

  /** Creates an identity; its token. */
  async createIdentity(name: string, role: string, ...groups: string[]): Promise<string> {
    const flags = groups.flatMap((group) => ['--group', group]);
    const { stdout } = await this.ok(['identity', 'create', name, '--role', role, ...flags]);
    return stdout.trim().split('\n').at(-1) ?? '';
  }

  approve(id: string, options: RunOptions = {}): Promise<ProgramResult> {
    return this.run(['approve', id, '--yes', '--passphrase-stdin'], { stdin: `${PASSPHRASE}\n`, ...options });
  }

  deny(id: string, reason: string, options: RunOptions = {}): Promise<ProgramResult> {
    return this.run(['deny', id, '--reason', reason, '--passphrase-stdin'], {
      stdin: `${PASSPHRASE}\n`,
      ...options,
    });
  }

  /** `proxy NAME --json`, up to its line. Throws with its stderr when it ends before. */
  proxy(name: string, options: RunOptions & { readonly flags?: readonly string[] } = {}): Promise<Proxy> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [LAUNCHER, 'proxy', name, '--json', ...(options.flags ?? [])], {
        env: this.env(options),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      const ended = new Promise<number | null>((settle) => child.once('close', settle));
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        const serving = stdout.includes('\n');
        stdout += text;
        const end = stdout.indexOf('\n');
        if (serving || end < 0) return;
        const stop = () => {
          this.proxies.delete(proxy);
          child.kill('SIGINT');
          return ended;
        };
        const endpoint = JSON.parse(stdout.slice(0, end)) as Endpoint;
        const proxy: Proxy = { ...endpoint, child, stderr: () => stderr, stop };
        this.proxies.add(proxy);
        resolve(proxy);
      });
      child.once('error', reject);
      void ended.then((code) =>
        reject(new Error(`hoopctl proxy ${name} ended with ${code}\n${stdout}\n${stderr}`)),
      );
    });
  }

  /** The daemon's process by `daemon status --json`; undefined when none runs. */
  async daemonPid(): Promise<number | undefined> {
    const { code, stdout } = await this.run(['daemon', 'status', '--json']);
    if (code !== 0) return undefined;
    const status = JSON.parse(stdout) as { pid?: unknown; daemon?: { pid?: unknown } };
    const pid = status.pid ?? status.daemon?.pid;
    return typeof pid === 'number' ? pid : undefined;
  }

  /** Ends proxies and the daemon (by its verb, else by its process) and removes the state directory. */
  async close(): Promise<void> {
    await Promise.all([...this.proxies].map((proxy) => proxy.stop()));
    const pid = await this.daemonPid();
    if (pid !== undefined) {
      const stopped = await this.run(['daemon', 'stop']);
      if (stopped.code !== 0) kill(pid);
    }
    rmSync(join(this.home, '..'), { recursive: true, force: true, maxRetries: 5 });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended in between.
  }
}

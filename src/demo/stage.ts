import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { addressFields } from '../api/address-schema.ts';
import { Internal } from '../base/errors.ts';

/** Somewhere to print: a stream, or less. */
export interface TextTarget {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface DemoIo {
  readonly stdout: TextTarget;
  readonly stderr: TextTarget;
}

export const LAUNCHER = fileURLToPath(new URL('../../bin/hoopctl', import.meta.url));

const SCREEN = 80;
/** What a command is told to print for, since its output is indented. */
const COLUMNS = SCREEN - 2;
/** No command of the demo takes a tenth of this; longer means that it hangs. */
const COMMAND_MS = 20_000;

export interface Actor {
  readonly name: 'owner' | 'devin' | 'ana';
  /** Left out: the owner that `init` stored. */
  readonly token?: string;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs while others do something about it. */
export interface FollowedCommand {
  /** Settles with the first place of its output that fits; rejects when it ends without one. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<CommandResult>;
}

const endpointSchema = z.object(addressFields);

export interface OpenProxy {
  readonly endpoint: z.infer<typeof endpointSchema>;
  /** Ends it as Ctrl-C does. */
  close(): Promise<void>;
}

/** Where the demo is shown: prints each step as it happens and runs the commands of its actors for real. */
export class Stage {
  private readonly io: DemoIo;
  private readonly home: string;
  private readonly steps: number;
  private step = 0;
  private title = 'start';
  private ended = false;
  private readonly inFlight = new Set<Promise<unknown>>();
  private commandRunning = false;
  private readonly asides: string[] = [];

  constructor(io: DemoIo, home: string, steps: number) {
    this.io = io;
    this.home = home;
    this.steps = steps;
  }

  /** What is being shown, for the message when it fails. */
  get current(): string {
    return `${this.step}/${this.steps} ${this.title}`;
  }

  /**
   * After this it shows nothing more and starts no shown command. Settles when those in flight have ended: one that
   * is just starting a daemon must not have it come up after everything was closed.
   */
  async end(): Promise<void> {
    this.ended = true;
    await Promise.allSettled(this.inFlight);
  }

  begin(title: string): void {
    this.assertOpen();
    this.step++;
    this.title = title;
    this.print(`\n${this.strong(`[${this.step}/${this.steps}] ${title}`)}`);
  }

  print(text: string): void {
    if (!this.ended) this.io.stdout.write(`${text}\n`);
  }

  /** Prints what another actor saw meanwhile: after the output of the command that runs, if one does. */
  aside(text: string): void {
    if (this.commandRunning) this.asides.push(text);
    else this.print(text);
  }

  /** Runs `hoopctl ARGS` as `actor` and shows both. Throws when it fails. */
  async command(
    actor: Actor,
    args: readonly string[],
    options: {
      readonly stdin?: string;
      /** What it is to end with; 0 when left out. */
      readonly code?: number;
      readonly show?: (line: string) => boolean;
    } = {},
  ): Promise<CommandResult> {
    this.assertOpen();
    this.print(wrapCommand(`${actor.name}$ hoopctl`, args));
    this.commandRunning = true;
    const result = await this.tracked(this.run(actor, args, options.stdin));
    this.commandRunning = false;
    const lines = `${result.stderr}${result.stdout}`.trimEnd().split('\n');
    for (const line of lines.filter(options.show ?? (() => true))) this.print(wrapLine(`  ${line}`));
    for (const text of this.asides.splice(0)) this.print(text);
    if (result.code !== (options.code ?? 0)) {
      throw new Internal('demo_failed', `hoopctl ${args.slice(0, 2).join(' ')} ended with ${result.code}`);
    }
    return result;
  }

  /** Starts a command and shows its lines as they come, so that somebody else can act while it runs. */
  follow(actor: Actor, args: readonly string[]): FollowedCommand {
    this.assertOpen();
    this.print(wrapCommand(`${actor.name}$ hoopctl`, args));
    let seen = '';
    let look: () => void = () => {};
    const ended = this.tracked(
      this.run(actor, args, '', (text) => {
        const shown = seen.lastIndexOf('\n') + 1;
        seen += text;
        const lines = seen.slice(shown, seen.lastIndexOf('\n') + 1);
        for (const line of lines.split('\n').slice(0, -1)) this.aside(wrapLine(`  ${line}`));
        look();
      }),
    );
    const shows = (pattern: RegExp) =>
      new Promise<RegExpExecArray>((resolve, reject) => {
        look = () => {
          const match = pattern.exec(seen);
          if (match !== null) resolve(match);
        };
        look();
        const missing = () => reject(new Internal('demo_failed', `the command never showed ${pattern}`));
        ended.then(missing, missing);
      });
    return { shows, ended };
  }

  /** Runs a command without showing it. */
  run(
    actor: Actor,
    args: readonly string[],
    stdin = '',
    heard: (text: string) => void = () => {},
  ): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [LAUNCHER, ...args], {
        env: this.environment(actor),
        stdio: 'pipe',
        // A terminal's Ctrl-C is the demo's to handle, in order.
        detached: true,
        timeout: COMMAND_MS,
      });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        heard(text);
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
        heard(text);
      });
      child.once('error', reject);
      child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
      // A command that fails early may not read what we have for it.
      child.stdin.on('error', () => {});
      child.stdin.end(stdin);
    });
  }

  /** Starts `hoopctl proxy NAME --json` as `actor` and waits for its line. */
  proxy(actor: Actor, connection: string): Promise<OpenProxy> {
    const args = ['proxy', connection, '--json'];
    this.assertOpen();
    this.print(wrapCommand(`${actor.name}$ hoopctl`, args));
    const opening = new Promise<OpenProxy>((resolve, reject) => {
      const child = spawn(process.execPath, [LAUNCHER, ...args], {
        env: this.environment(actor),
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      let stdout = '';
      let stderr = '';
      const closed = new Promise<void>((settle) => child.once('close', () => settle()));
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        const end = stdout.indexOf('\n');
        if (end < 0) return;
        const parsed = endpointSchema.safeParse(JSON.parse(stdout.slice(0, end)));
        if (!parsed.success)
          return reject(new Internal('demo_failed', 'hoopctl proxy printed another line', {}));
        resolve({
          endpoint: parsed.data,
          async close() {
            child.kill('SIGINT');
            await closed;
          },
        });
      });
      child.once('error', reject);
      void closed.then(() =>
        reject(new Internal('demo_failed', `hoopctl ${args.join(' ')} ended`, { why: stderr.trim() })),
      );
    });
    return this.tracked(opening);
  }

  private tracked<T>(work: Promise<T>): Promise<T> {
    this.inFlight.add(work);
    return work.finally(() => this.inFlight.delete(work));
  }

  private assertOpen(): void {
    if (this.ended) throw new Internal('demo_interrupted', 'the demo was interrupted');
  }

  /** A clean environment: neither the user's state directory nor identity reaches a command of the demo. */
  private environment(actor: Actor): NodeJS.ProcessEnv {
    const { PATH, HOME, LANG, TMPDIR } = process.env;
    return {
      ...{ PATH, HOME, LANG, TMPDIR, COLUMNS: String(COLUMNS), NO_COLOR: '1' },
      HOOPCTL_HOME: this.home,
      ...(actor.token === undefined ? {} : { HOOPCTL_TOKEN: actor.token }),
    };
  }

  private strong(text: string): string {
    const plain = this.io.stdout.isTTY !== true || (process.env.NO_COLOR ?? '') !== '';
    return plain ? text : `\u001b[1m${text}\u001b[22m`;
  }
}

/** The programs' directories for a shell that is to find `hoopctl` and the Node that runs it. */
export function programPath(): string {
  return `${dirname(LAUNCHER)}:${dirname(process.execPath)}`;
}

/** A line of words, broken at spaces where it is wider than the screen. */
export function wrapLine(line: string): string {
  const indent = `${/^ */.exec(line)?.[0] ?? ''}  `;
  const lines: string[] = [];
  let rest = line.trimEnd();
  while (rest.length > SCREEN) {
    const space = rest.lastIndexOf(' ', SCREEN);
    if (space <= indent.length) break;
    lines.push(rest.slice(0, space).trimEnd());
    rest = indent + rest.slice(space + 1);
  }
  return [...lines, rest].join('\n');
}

/** One command, broken at spaces between arguments so that it fits the screen and can still be pasted. */
function wrapCommand(start: string, args: readonly string[]): string {
  const lines = [start];
  for (const arg of args.map(quoted)) {
    const last = lines.at(-1) ?? '';
    if (last.length + arg.length + 3 <= SCREEN) lines[lines.length - 1] = `${last} ${arg}`;
    else lines.push(`    ${arg}`);
  }
  return lines.join(' \\\n');
}

function quoted(arg: string): string {
  return /^[A-Za-z0-9_./:=@%+-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}

import type {
  AcceptConnection,
  Connection,
  PseudoTtyInfo,
  ServerChannel,
  Session,
  WindowChangeInfo,
} from 'ssh2';
import { HoopError } from '../../base/errors.ts';
import type { OutputMasking } from '../../masking/output-masking.ts';
import type { GatedShell } from '../../session/command-line/gated-shell.ts';
import type { LineReader } from '../../session/command-line/judgement.ts';
import type { SessionDesk } from '../../session/desk.ts';
import { Door } from './door.ts';
import { Forward, type ForwardRequest } from './forward.ts';
import { serveGatedShell } from './gated-shell.ts';
import { judge, shellMode } from './judgement.ts';
import { Program, type ProgramTerms } from './program.ts';
import { SftpProgram } from './sftp-program.ts';
import type { TargetConnection } from './target-side.ts';

/** Channels of one connection at a time; OpenSSH's server allows 10 sessions. */
const MOST_CHANNELS = 64;
/** Variables that one channel may set before its program starts, and the length of each. */
const MOST_VARIABLES = 64;
const LONGEST_VARIABLE = 4096;
/** What a terminal may be called, if anything: a name that leads to no file but an entry of the target's terminfo. */
const TERMINAL_NAME = /^(?:[A-Za-z0-9][A-Za-z0-9+._-]{0,63})?$/;
/** What a client that ignores its window may send ahead, in bytes: twice what the library grants. */
const MOST_AHEAD = 4 * 1024 * 1024;
const OVERRUN = 'the client sent more than it was granted';

export interface SessionParts {
  readonly client: Connection;
  readonly desk: SessionDesk;
  readonly clientAddress: string;
  /** `SSH web-1:22 as deploy`. */
  readonly target: string;
  /** Dials; called once, when the first request has been judged and may run. */
  dial(): Promise<TargetConnection>;
  /** The login shell. */
  readonly reader: LineReader;
  masking(): OutputMasking;
}

/**
 * One client's connection after it has authenticated. Each request of each channel comes here; those that make the
 * target do something become a `Program`, all others are refused. The target is dialled for the first of them.
 */
export class SshSession {
  readonly #parts: SessionParts;
  readonly #programs = new Map<number, Program | GatedShell<PseudoTtyInfo> | SftpProgram | Forward>();
  #door: Promise<Door> | undefined;
  #upstream: TargetConnection | undefined;
  #numbers = 0;
  #open = 0;
  #closed = false;
  #resolveDone: (reason: string) => void = () => {};
  /** Settles with the reason when the session is over. */
  readonly done: Promise<string>;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve;
    });
  }

  /** From now on the client is served. */
  serve(): void {
    const { client, desk } = this.#parts;
    client.on('session', (accept, reject) => this.#session(accept, reject));
    client.on('tcpip', (accept, reject, info) =>
      this.#forward({ accept, info, reject: () => void reject() }),
    );
    // Remote forwards, of ports or sockets: the target would reach into the client's network.
    client.on('request', (_accept, reject) => reject?.());
    // SSH knows no half-open connections: a client that sends no more has gone.
    client.once('end', () => this.#close('closed by the client'));
    client.once('close', () => this.#close('closed by the client'));
    desk.onCut((reason) => this.cut(reason));
  }

  /** Ends the session now; every channel is told why. */
  cut(reason: string): void {
    if (this.#closed) return;
    for (const program of this.#programs.values()) program.cut(reason);
    // The last words are on their way; then the connection goes.
    setTimeout(() => this.#close(reason), 200).unref();
  }

  #session(accept: AcceptConnection<Session>, reject: () => void): void {
    if (this.#closed || this.#open >= MOST_CHANNELS) {
      reject();
      return;
    }
    const session = accept();
    const number = ++this.#numbers;
    this.#open++;
    session.once('close', () => {
      this.#open--;
      // The library tells it to a channel only once that has been read to its end, which nobody does who waits.
      this.#programs.get(number)?.left();
      this.#programs.delete(number);
    });
    this.#requests(session, number);
  }

  #forward(request: ForwardRequest): void {
    if (this.#closed || this.#open >= MOST_CHANNELS) {
      request.reject();
      return;
    }
    const number = ++this.#numbers;
    const forward = new Forward(number, this.#terms());
    const left = () => {
      if (this.#programs.delete(number)) this.#open--;
    };
    this.#open++;
    this.#programs.set(number, forward);
    void forward.run({
      info: request.info,
      reject: () => {
        left();
        request.reject();
      },
      accept: () => {
        const channel = request.accept();
        channel?.once('close', left);
        if (channel !== undefined) bounded(channel, () => this.#close(OVERRUN));
        return channel;
      },
    });
  }

  /** Requests of one channel. Agent, X11 and unknown ones have no listener, which the library answers with a refusal. */
  #requests(session: Session, number: number): void {
    const environment = new Map<string, string>();
    let terminal: PseudoTtyInfo | undefined;
    // What is judged and approved is a program with its environment: nothing comes to that afterwards.
    let started = false;
    session.on('env', (accept, reject, { key, val }) => {
      const fits = environment.size < MOST_VARIABLES && key.length + val.length <= LONGEST_VARIABLE;
      if (!started && fits && this.#maySet(key, val)) {
        environment.set(key, val);
        accept?.();
      } else reject?.();
    });
    session.on('pty', (accept, reject, info) => {
      if (started || !TERMINAL_NAME.test(info.term)) return void reject?.();
      terminal = info;
      accept?.();
    });
    session.on('window-change', (accept, _reject, info) => {
      if (terminal !== undefined) terminal = { ...terminal, ...(info as WindowChangeInfo) };
      if (terminal !== undefined) this.#programs.get(number)?.resize(terminal);
      accept?.();
    });
    session.on('signal', (accept, _reject, { name }) => {
      this.#programs.get(number)?.signal(name);
      accept?.();
    });
    const opened = (accept: () => ServerChannel | undefined): ServerChannel | undefined => {
      // At once: once the client has said that it sends no more, the library accepts nothing.
      const channel = accept();
      if (channel === undefined) return undefined;
      started = true;
      bounded(channel, () => this.#close(OVERRUN));
      return channel;
    };
    const begin = (accept: () => ServerChannel | undefined): Program | undefined => {
      const channel = opened(accept);
      if (channel === undefined) return undefined;
      const program = new Program(number, channel, { environment, terminal }, this.#terms());
      this.#programs.set(number, program);
      return program;
    };
    session.on('exec', (accept, _reject, { command }) => {
      void begin(accept)?.run({
        kind: 'exec',
        line: command,
        terminal: terminal !== undefined,
        ...this.#parts.reader,
      });
    });
    session.on('shell', (accept) => {
      if (this.#shellMode() === 'recorded') {
        void begin(accept)?.run({ kind: 'shell', terminal: terminal !== undefined });
        return;
      }
      const channel = opened(accept);
      if (channel === undefined) return;
      const prepared = { environment, terminal };
      const shell = serveGatedShell(number, channel, prepared, this.#terms(), this.#parts.reader);
      this.#programs.set(number, shell);
    });
    session.on('subsystem', (accept, _reject, { name }) => {
      if (name !== 'sftp') {
        void begin(accept)?.run({ kind: 'subsystem', name: name.slice(0, 256) });
        return;
      }
      const channel = opened(accept);
      if (channel === undefined) return;
      const program = new SftpProgram(number, channel, this.#terms());
      this.#programs.set(number, program);
      program.serve();
    });
  }

  #shellMode(): 'recorded' | 'line-gated' {
    try {
      return shellMode(this.#parts.desk);
    } catch {
      // Whatever it is, asking for the shell meets it again and says so.
      return 'recorded';
    }
  }

  /** Clients send their locale unasked, so what may not be set is left out without ado. */
  #maySet(name: string, value: string): boolean {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || value.includes('\0')) return false;
    try {
      return judge(this.#parts.desk, { kind: 'environment', name, value }).decision.outcome === 'allow';
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #terms(): ProgramTerms {
    const { clientAddress, desk, masking, target } = this.#parts;
    return {
      desk,
      clientAddress,
      target,
      masking,
      door: () => this.#reach(),
      failed: (error) => this.#fail(error),
    };
  }

  #reach(): Promise<Door> {
    this.#door ??= this.#parts.dial().then(
      (upstream) => {
        if (this.#closed) {
          upstream.client.end();
          throw new Error('the session is over');
        }
        this.#upstream = upstream;
        upstream.client.once('close', () => this.#targetGone());
        return new Door(upstream.client);
      },
      (error) => {
        // The next one who needs it dials again.
        this.#door = undefined;
        throw error;
      },
    );
    return this.#door;
  }

  #targetGone(): void {
    if (this.#closed) return;
    try {
      this.#parts.desk.note('target lost');
    } catch (error) {
      this.#fail(error);
    }
    // Channels have ended with it; a new one dials again.
    this.#door = undefined;
    this.#upstream = undefined;
  }

  #fail(error: unknown): void {
    const reason = error instanceof HoopError ? error.message : 'internal error';
    this.#close(reason);
  }

  #close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const program of this.#programs.values()) program.left();
    this.#parts.client.end();
    this.#upstream?.client.end();
    this.#resolveDone(reason);
  }
}

/** The library grants a window and does not hold a client to it. */
function bounded(channel: ServerChannel, overrun: () => void): void {
  const push = channel.push.bind(channel);
  channel.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk !== null && channel.readableLength > MOST_AHEAD) {
      overrun();
      return false;
    }
    return push(chunk, encoding);
  };
}

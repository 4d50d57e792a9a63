import type { ClientChannel, PseudoTtyInfo, ServerChannel } from 'ssh2';
import type { OutputMasking } from '../../masking/output-masking.ts';
import { FRAME } from '../../recording/events.ts';
import type { Judged, SessionDesk } from '../../session/desk.ts';
import type { Door, Start } from './door.ts';
import { PIECE, pieceHead } from './frames.ts';
import { Gate } from './gate.ts';
import type { Asked } from './judgement.ts';
import { Outlet } from './outlet.ts';
import { EXIT, failureWords, stderrText } from './words.ts';

/** What a channel needs of the connection around it. */
export interface ProgramTerms {
  readonly desk: SessionDesk;
  /** The way to the target; rejects when it could not be reached. */
  readonly door: () => Promise<Door>;
  readonly clientAddress: string;
  /** `SSH web-1:22 as deploy`. */
  readonly target: string;
  /** Masks for one stream of output, by the policy of this moment. */
  masking(): OutputMasking;
  /** A failure that the session cannot survive. */
  failed(error: unknown): void;
}

/** The parts of a channel that were asked for before its program was. */
export interface Prepared {
  readonly environment: ReadonlyMap<string, string>;
  readonly terminal: PseudoTtyInfo | undefined;
}

/** One program on the target for one channel of the client: judged, perhaps held, started, its bytes passed on. */
export class Program {
  readonly #number: number;
  readonly #terms: ProgramTerms;
  readonly #channel: ServerChannel;
  readonly #outlet: Outlet;
  readonly #prepared: Prepared;
  readonly #gate: Gate;
  #upstream: ClientChannel | undefined;
  #gone = false;
  #ended = false;

  constructor(number: number, channel: ServerChannel, prepared: Prepared, terms: ProgramTerms) {
    this.#number = number;
    this.#channel = channel;
    this.#prepared = prepared;
    this.#terms = terms;
    this.#outlet = new Outlet(channel, () => this.#resumeTarget());
    this.#gate = new Gate({
      desk: terms.desk,
      clientAddress: terms.clientAddress,
      target: terms.target,
      environment: prepared.environment,
      terminal: prepared.terminal?.term,
      say: (lines) => this.#say(lines),
      gone: () => this.#gone,
    });
    channel.pause();
    channel.once('close', () => this.#clientGone());
    channel.on('error', () => {});
    if (prepared.terminal !== undefined) this.#recordSize(prepared.terminal);
  }

  /** Runs what was asked; never rejects. */
  async run(asked: Extract<Asked, { kind: 'exec' | 'shell' | 'subsystem' }>): Promise<void> {
    try {
      const answer = await this.#gate.ask(asked);
      if (this.#gone) return;
      if (!answer.passed) {
        await this.#end({ code: answer.code });
        return;
      }
      const door = await this.#terms.door();
      if (this.#gone) return;
      this.#terms.desk.commit();
      this.#connect(await this.#start(door, answer.judged, asked));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The session ends: the reason is the last thing the client reads of this channel. */
  cut(reason: string): void {
    this.#gate.withdraw(reason);
    this.#say([`hoopctl: ${reason}`]);
    this.#upstream?.close();
    void this.#end({ code: EXIT.failed });
  }

  resize(size: PseudoTtyInfo): void {
    this.#recordSize(size);
    this.#upstream?.setWindow(size.rows, size.cols, size.height, size.width);
  }

  signal(name: string): void {
    if (this.#upstream === undefined) {
      if (/^(INT|TERM|HUP|QUIT|KILL)$/.test(name)) this.#gate.withdraw(`the client sent ${name}`);
      return;
    }
    if (/^[A-Z0-9]{1,16}$/.test(name)) this.#upstream.signal(name);
  }

  #start(door: Door, judged: Judged, asked: Extract<Asked, { kind: 'exec' | 'shell' | 'subsystem' }>) {
    const { environment, terminal } = this.#prepared;
    const start: Start = { environment, terminal };
    switch (asked.kind) {
      case 'exec':
        return door.exec(judged, asked.line, start);
      case 'shell':
        return door.shell(judged, start);
      case 'subsystem':
        return door.subsystem(judged, asked.name);
    }
  }

  #connect(upstream: ClientChannel): void {
    this.#upstream = upstream;
    if (this.#gone) {
      upstream.close();
      return;
    }
    this.#passInput(upstream);
    this.#passOutput(upstream);
  }

  #passInput(upstream: ClientChannel): void {
    const { desk } = this.#terms;
    const channel = this.#channel;
    channel.on('data', (bytes: Buffer) => {
      this.#guard(() => {
        desk.record(FRAME.client, pieceHead(PIECE.data, this.#number), bytes);
        desk.commit();
        if (!upstream.write(bytes)) channel.pause();
      });
    });
    upstream.on('drain', () => channel.resume());
    channel.once('end', () => upstream.end());
    upstream.on('error', () => {});
    channel.resume();
  }

  #passOutput(upstream: ClientChannel): void {
    const exit: { code: number | undefined; signal: string | undefined; core: boolean } = {
      code: undefined,
      signal: undefined,
      core: false,
    };
    upstream.on('exit', (code: number | null, signal?: string, core?: unknown) => {
      exit.code = code ?? undefined;
      exit.signal = signal?.replace(/^SIG/, '');
      exit.core = core === true;
    });
    let open = 2;
    const lane = (stream: NodeJS.ReadableStream, name: 'stdout' | 'stderr') => {
      const masking = this.#terms.masking();
      const out = (bytes: Buffer) => this.#guard(() => this.#toClient(name, bytes));
      stream.on('data', (bytes: Buffer) => masking.push(bytes, out));
      stream.once('end', () => {
        masking.end(out);
        open--;
        if (open === 0) finished();
      });
    };
    let closed = false;
    let drained = false;
    const finish = () => {
      if (!closed || !drained) return;
      if (exit.signal !== undefined) void this.#end({ signal: exit.signal, core: exit.core });
      else void this.#end({ code: exit.code });
    };
    const finished = () => {
      drained = true;
      finish();
    };
    upstream.once('close', () => {
      closed = true;
      finish();
    });
    lane(upstream, 'stdout');
    lane(upstream.stderr, 'stderr');
  }

  #toClient(lane: 'stdout' | 'stderr', bytes: Buffer): void {
    if (this.#gone) return;
    const kind = lane === 'stdout' ? PIECE.data : PIECE.stderr;
    this.#terms.desk.record(FRAME.server, pieceHead(kind, this.#number), bytes);
    this.#outlet.push(lane, bytes);
    if (this.#outlet.full) {
      this.#upstream?.pause();
      this.#upstream?.stderr.pause();
    }
  }

  #resumeTarget(): void {
    this.#upstream?.resume();
    this.#upstream?.stderr.resume();
  }

  #say(lines: readonly string[]): void {
    const text = stderrText(lines, this.#prepared.terminal !== undefined);
    this.#guard(() => this.#toClient('stderr', text));
  }

  /** Output first, then how it ended, then the end: clients take what comes after the exit status for lost. */
  async #end(
    exit: { readonly code: number | undefined } | { readonly signal: string; readonly core: boolean },
  ) {
    if (this.#ended) return;
    this.#ended = true;
    await this.#outlet.emptied();
    if (this.#gone) return;
    this.#guard(() =>
      this.#terms.desk.record(
        FRAME.server,
        pieceHead(PIECE.exit, this.#number),
        Buffer.from(JSON.stringify('signal' in exit ? { signal: exit.signal } : { code: exit.code ?? null })),
      ),
    );
    if ('signal' in exit) this.#channel.exit(exit.signal, exit.core, '');
    else if (exit.code !== undefined) this.#channel.exit(exit.code);
    this.#channel.end();
  }

  #clientGone(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#gate.withdraw('the client went away');
    this.#upstream?.close();
  }

  #fail(error: unknown): void {
    const { code, lines, note } = failureWords(error);
    if (note !== undefined) this.#guard(() => this.#terms.desk.note(note));
    this.#say(lines);
    void this.#end({ code });
  }

  #recordSize({ cols, rows }: { readonly cols: number; readonly rows: number }): void {
    this.#guard(() => {
      const size = Buffer.from(JSON.stringify({ cols, rows }));
      this.#terms.desk.record(FRAME.client, pieceHead(PIECE.size, this.#number), size);
    });
  }

  /** What cannot be recorded must not go on. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#terms.failed(error);
    }
  }
}

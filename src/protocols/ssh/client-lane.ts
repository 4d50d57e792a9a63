import type { PseudoTtyInfo, ServerChannel } from 'ssh2';
import { FRAME } from '../../recording/events.ts';
import type { Exit, ShellClient } from '../../session/command-line/program.ts';
import { stderrText } from '../../session/command-line/words.ts';
import type { SessionDesk } from '../../session/desk.ts';
import { PIECE, pieceHead } from './frames.ts';
import { Outlet } from './outlet.ts';

export interface ClientLaneTerms {
  readonly number: number;
  readonly channel: ServerChannel;
  readonly desk: SessionDesk;
  /** Lines end as a raw terminal needs it. */
  readonly terminal: boolean;
  /** Where hoopctl's own words go; default standard error. A client writes its two streams in no order. */
  readonly words?: 'stdout' | 'stderr';
  /** There is room for more output again. */
  drained(): void;
  /** A failure that the session cannot survive: what cannot be recorded must not go on. */
  failed(error: unknown): void;
}

/** One channel towards the client: what goes there and what comes from there is in the recording first. */
export class ClientLane implements ShellClient<PseudoTtyInfo> {
  readonly #terms: ClientLaneTerms;
  readonly #outlet: Outlet;
  #gone = false;
  #ended = false;

  constructor(terms: ClientLaneTerms) {
    this.#terms = terms;
    this.#outlet = new Outlet(terms.channel, () => terms.drained());
    terms.channel.on('error', () => {});
    terms.channel.once('close', () => this.leave());
  }

  /** Nothing more goes to the client, since it has left. */
  leave(): void {
    this.#gone = true;
    this.#outlet.abandon();
  }

  /** The client has closed the channel. */
  get gone(): boolean {
    return this.#gone;
  }

  /** More waits for the client than should; `drained` tells when that is over. */
  get full(): boolean {
    return this.#outlet.full;
  }

  /** What the client sends is not read until `resume`. */
  pause(): void {
    this.#terms.channel.pause();
  }

  resume(): void {
    this.#terms.channel.resume();
  }

  send(lane: 'stdout' | 'stderr', bytes: Buffer): void {
    if (this.#gone || bytes.length === 0) return;
    this.guard(() => {
      const kind = lane === 'stdout' ? PIECE.data : PIECE.stderr;
      this.#terms.desk.record(FRAME.server, pieceHead(kind, this.#terms.number), bytes);
      this.#outlet.push(lane, bytes);
    });
  }

  /** hoopctl's own words. */
  say(lines: readonly string[]): void {
    this.send(this.#terms.words ?? 'stderr', stderrText(lines, this.#terms.terminal));
  }

  /** Records what came from the client; `then` does something with it and is not called when that failed. */
  received(bytes: Buffer, then: () => void): void {
    this.guard(() => {
      const { desk, number } = this.#terms;
      desk.record(FRAME.client, pieceHead(PIECE.data, number), bytes);
      desk.commit();
      then();
    });
  }

  resized({ cols, rows }: { readonly cols: number; readonly rows: number }): void {
    this.guard(() => {
      const { desk, number } = this.#terms;
      const size = Buffer.from(JSON.stringify({ cols, rows }));
      desk.record(FRAME.client, pieceHead(PIECE.size, number), size);
    });
  }

  /** Output first, then how it ended, then the end: clients take what comes after the exit status for lost. */
  async end(exit: Exit): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#outlet.emptied();
    if (this.#gone) return;
    const { channel, desk, number } = this.#terms;
    this.guard(() => {
      const how = 'signal' in exit ? { signal: exit.signal } : { code: exit.code ?? null };
      desk.record(FRAME.server, pieceHead(PIECE.exit, number), Buffer.from(JSON.stringify(how)));
    });
    if ('signal' in exit) channel.exit(exit.signal, exit.core, '');
    else if (exit.code !== undefined) channel.exit(exit.code);
    channel.end();
  }

  guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#terms.failed(error);
    }
  }
}

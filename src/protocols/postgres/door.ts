import type { Writable } from 'node:stream';
import { slice } from '../../base/chunks.ts';
import { Internal } from '../../base/errors.ts';
import type { Judged, SessionDesk } from '../../session/desk.ts';
import { spend } from '../../session/judged.ts';
import type { Judgement } from './judgement.ts';

/**
 * The one door to the target. After the handshake nothing else writes to its socket (a test keeps it so).
 * What carries a statement needs the desk's key; a Parse, which only analyses, needs a judgement that did not
 * block; everything else is one of the protocol's own small messages that run nothing by themselves.
 *
 * Parts that lie side by side in one buffer leave as one slice. The buffers belong to the caller and must not
 * change until they were written.
 */
export class Door {
  readonly #socket: Writable;
  readonly #desk: Pick<SessionDesk, 'commit'>;
  #parts: Buffer[] = [];
  /** What stands in the books as soon as the audit log is written. */
  #ready: Buffer[] = [];
  #buffer: Buffer | undefined;
  #start = 0;
  #end = 0;

  /** `desk` writes to the books what has been let through, before the first byte goes. */
  constructor(socket: Writable, desk: Pick<SessionDesk, 'commit'>) {
    this.#socket = socket;
    this.#desk = desk;
  }

  /** A Query, or the Bind that starts an execution. Spends the key. */
  statement(judged: Judged, buffer: Buffer, start: number, end: number): void {
    spend(judged);
    this.#push(buffer, start, end);
  }

  /** A Parse: analysed by the target, not run. Throws Internal `blocked_at_door`. */
  parse(judgement: Judgement, buffer: Buffer, start: number, end: number): void {
    if (judgement.decision.outcome === 'block') {
      throw new Internal('blocked_at_door', 'a blocked statement reached the door');
    }
    this.#push(buffer, start, end);
  }

  /** Execute, Describe, Close, Sync, Flush, Terminate, and COPY data of a statement that passed: none carries a statement. */
  follow(buffer: Buffer, start: number, end: number): void {
    this.#push(buffer, start, end);
  }

  /** The gateway's own messages: probes, estimates and refusals, whose texts are constants of this program. */
  own(message: Buffer): void {
    this.#push(message, 0, message.length);
  }

  #push(buffer: Buffer, start: number, end: number): void {
    if (this.#buffer === buffer && this.#end === start) {
      this.#end = end;
      return;
    }
    this.#settle();
    this.#buffer = buffer;
    this.#start = start;
    this.#end = end;
  }

  #settle(): void {
    if (this.#buffer === undefined) return;
    this.#parts.push(slice(this.#buffer, this.#start, this.#end));
    this.#buffer = undefined;
  }

  /**
   * Writes what was pushed, after the books. Throws what `commit` throws: then nothing of it goes.
   * Returns false when the target is slower than the client: wait for `drain`.
   */
  flush(): boolean {
    this.prepare();
    if (this.#ready.length > 0) this.#desk.commit();
    return this.send();
  }

  /** The first half of `flush`: `send` may follow when the desk's books were written. */
  prepare(): void {
    this.#settle();
    if (this.#parts.length === 0) return;
    this.#ready = this.#ready.length === 0 ? this.#parts : [...this.#ready, ...this.#parts];
    this.#parts = [];
  }

  /** The second half: sends what was pushed before `prepare`. */
  send(): boolean {
    const parts = this.#ready;
    if (parts.length === 0) return !this.#socket.writableNeedDrain;
    this.#ready = [];
    if (parts.length === 1) return this.#socket.write(parts[0]);
    this.#socket.cork();
    let room = true;
    for (const part of parts) room = this.#socket.write(part);
    this.#socket.uncork();
    return room;
  }

  /** Says Terminate and ends the stream; the target rolls back what is open. */
  close(terminate: Buffer): void {
    // What was let through but not sent stays behind: the session is over.
    this.#parts = this.#ready = [];
    this.#buffer = undefined;
    this.#socket.end(terminate);
  }
}

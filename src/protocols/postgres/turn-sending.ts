import type { TurnStep } from '../../session/turn-end.ts';
import type { Exchange } from './exchange.ts';

/** What one session sends at the end of a turn: its books first, then what was let through and said. */
export class TurnSending implements TurnStep {
  readonly #x: Pick<Exchange, 'desk' | 'door' | 'output'>;
  readonly #guard: (run: () => void) => void;
  readonly #send: () => void;
  #waits = false;

  /** `guard` turns what is thrown into the session's end; `send` sends, unless the session is over. */
  constructor(
    exchange: Pick<Exchange, 'desk' | 'door' | 'output'>,
    guard: (run: () => void) => void,
    send: () => void,
  ) {
    this.#x = exchange;
    this.#guard = guard;
    this.#send = send;
  }

  /** There is, or may be, something to send. */
  soon(): void {
    if (this.#waits) return;
    this.#waits = true;
    this.#x.desk.atTurnEnd(this);
  }

  prepare(): void {
    this.#guard(() => {
      this.#x.output.prepare();
      this.#x.door.prepare();
      this.#x.desk.prepare();
    });
  }

  send(failure: unknown): void {
    this.#waits = false;
    if (failure === undefined) return this.#guard(this.#send);
    // Neither is it told to the client, nor does it go to the target: the session ends.
    this.#x.output.discard();
    this.#guard(() => {
      throw failure;
    });
  }
}

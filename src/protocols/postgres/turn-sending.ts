import type { SessionDesk } from '../../session/desk.ts';
import type { TurnStep } from '../../session/turn-end.ts';
import type { Door } from './door.ts';

/** What one session sends at the end of a turn: its books first, then what was let through and said. */
export class TurnSending implements TurnStep {
  readonly #desk: Pick<SessionDesk, 'atTurnEnd'>;
  readonly #door: Door;
  readonly #guard: (run: () => void) => void;
  readonly #send: () => void;
  #waits = false;

  /** `guard` turns what is thrown into the session's end; `send` sends, unless the session is over. */
  constructor(
    desk: Pick<SessionDesk, 'atTurnEnd'>,
    door: Door,
    guard: (run: () => void) => void,
    send: () => void,
  ) {
    this.#desk = desk;
    this.#door = door;
    this.#guard = guard;
    this.#send = send;
  }

  /** There is, or may be, something to send. */
  soon(): void {
    if (this.#waits) return;
    this.#waits = true;
    this.#desk.atTurnEnd(this);
  }

  prepare(): void {
    this.#guard(() => this.#door.prepare());
  }

  send(failure: unknown): void {
    this.#waits = false;
    this.#guard(() => {
      if (failure !== undefined) throw failure;
      this.#send();
    });
  }
}

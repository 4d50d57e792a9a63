import type { Hold, StatementToRecord } from './desk.ts';

/** Numbers and words of our own about what happened: never a statement, a value or a secret. */
export type TraceFacts = Readonly<Record<string, string | number | boolean>>;

/** Something that takes time, for whoever traces. Nothing it does fails, waits or throws. */
export interface Span {
  /** A part of it, that begins now. */
  begin(name: string, facts?: TraceFacts): Span;
  /** Idempotent. */
  end(facts?: TraceFacts, failed?: boolean): void;
}

/** What is traced of one session; costs one comparison where nobody traces. */
export class SessionTrace {
  readonly #span: Span | undefined;

  constructor(span: Span | undefined) {
    this.#span = span;
  }

  /** A decision, the moment it was made. */
  statement(statement: StatementToRecord): void {
    this.#span?.begin('statement', factsOf(statement)).end();
  }

  /** A statement that waits, until it is known what becomes of it. */
  hold(statement: StatementToRecord, held: Promise<Hold>): Promise<Hold> {
    const span = this.#span?.begin('hold', factsOf(statement));
    if (span === undefined) return held;
    held.then(
      ({ id, outcome }) =>
        outcome.then(
          (settled) => span.end({ 'hoopctl.approval': id, 'hoopctl.outcome': settled.outcome }),
          () => span.end({ 'hoopctl.approval': id }, true),
        ),
      () => span.end({}, true),
    );
    return held;
  }

  /** The way to the target. */
  async connecting<T>(connect: () => Promise<T>): Promise<T> {
    const span = this.#span?.begin('connect');
    try {
      const result = await connect();
      span?.end();
      return result;
    } catch (error) {
      span?.end({}, true);
      throw error;
    }
  }
}

/** How it was decided, by which rule, and the kinds of its effects: never what it says or touches. */
function factsOf({ decision, effects }: StatementToRecord): TraceFacts {
  const kinds = new Set(effects.map((effect) => effect.split(':', 1)[0] ?? ''));
  return {
    'hoopctl.decision': decision.outcome,
    'hoopctl.rule': decision.rule ?? 'default',
    'hoopctl.effects': [...kinds].join(','),
  };
}

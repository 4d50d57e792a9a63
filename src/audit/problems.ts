/** The first broken thing, by entry or by session. */
export interface Broken {
  readonly seq: number | null;
  readonly session: string | null;
  readonly message: string;
}

/** A log that was rewritten has a problem at every entry; nobody reads more than these. */
const MOST_MESSAGES = 100;

/** Problems as they are found, bounded. */
export interface ProblemList {
  readonly messages: string[];
  readonly first: Broken | null;
  add(seq: number | null, message: string, session?: string): void;
}

export function makeProblemList(): ProblemList {
  const messages: string[] = [];
  let first: Broken | null = null;
  return {
    messages,
    get first() {
      return first;
    },
    add(seq, message, session) {
      // Found in another order than they stand in: heads are looked at ahead of the chain, recordings after it.
      if (!first || (seq !== null && seq < (first.seq ?? Infinity))) {
        first = { seq, session: session ?? null, message };
      }
      const subject = [seq === null ? '' : `entry ${seq}`, session === undefined ? '' : `session ${session}`];
      const prefix = subject.filter((part) => part !== '').join(', ');
      if (messages.length < MOST_MESSAGES) messages.push(prefix === '' ? message : `${prefix}: ${message}`);
      else if (messages.length === MOST_MESSAGES) messages.push('and more');
    },
  };
}

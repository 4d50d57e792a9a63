import type { InFlight } from './in-flight.ts';

/** True for messages of the extended protocol: an error in one makes the target skip up to the next Sync. */
function isExtended(entry: InFlight): boolean {
  return entry.kind !== 'query' && entry.kind !== 'sync';
}

/** What was answered stays in a slot until the next takes it; so many of them may be kept. */
const MOST_SLOTS = 64;

/** The queue of unanswered messages, and the mirror of the target's skip-until-Sync. */
export class StatementQueue {
  /** Slots: those from `head` up to `end` are taken. An array that is emptied at each answer would be made anew at each. */
  #entries: InFlight[] = [];
  #head = 0;
  #end = 0;
  /** Extended messages were sent since the last Sync. */
  #segmentOpen = false;
  /** The target ignores everything until a Sync that has not been sent yet. */
  #skipping = false;

  get head(): InFlight | undefined {
    return this.#head === this.#end ? undefined : this.#entries[this.#head];
  }

  get length(): number {
    return this.#end - this.#head;
  }

  get empty(): boolean {
    return this.#head === this.#end;
  }

  get segmentOpen(): boolean {
    return this.#segmentOpen;
  }

  /** Something on its way gives or takes a name that EXECUTE or FETCH could use. */
  get namesUnderway(): boolean {
    for (const entry of this) {
      if (entry.kind === 'parse' && entry.statement.name !== '' && !entry.own) return true;
      if (entry.kind === 'bind' && entry.portal.name !== '' && !entry.own) return true;
      if (entry.kind === 'close' && entry.name !== '' && !entry.own) return true;
    }
    return false;
  }

  /** While true, messages other than Sync must not be forwarded: the target would ignore them. */
  get skipping(): boolean {
    return this.#skipping;
  }

  /** The entry was sent. */
  sent(entry: InFlight): void {
    this.#entries[this.#end++] = entry;
    if (entry.kind === 'sync') {
      this.#segmentOpen = false;
      this.#skipping = false;
    } else if (isExtended(entry)) {
      this.#segmentOpen = true;
    }
  }

  /** The head has been answered whole. */
  answered(): void {
    this.#head++;
    if (this.#head === this.#end) {
      if (this.#end > MOST_SLOTS) this.#entries = [];
      this.#head = this.#end = 0;
    } else if (this.#head > 1024) {
      this.#take(this.#entries.slice(this.#head, this.#end));
    }
  }

  /** An error in the extended protocol: drops the head and all up to the next Sync; each dropped entry is told to `dropped`. */
  failed(dropped: (entry: InFlight) => void): void {
    for (;;) {
      const entry = this.head;
      if (entry === undefined) {
        this.#skipping = this.#segmentOpen;
        return;
      }
      if (entry.kind === 'sync') return;
      dropped(entry);
      this.answered();
    }
  }

  /** COPY FROM STDIN has begun: the target ignores every Sync it was already sent (docs 54.2.6). */
  ignoreSentSyncs(): void {
    const [head, ...rest] = this;
    if (head === undefined) return;
    this.#take([head, ...rest.filter((entry) => entry.kind !== 'sync')]);
    this.#segmentOpen = isExtended(head);
  }

  #take(entries: InFlight[]): void {
    this.#entries = entries;
    this.#head = 0;
    this.#end = entries.length;
  }

  /** All entries in order, the head first. */
  *[Symbol.iterator](): Iterator<InFlight> {
    for (let i = this.#head; i < this.#end; i++) {
      const entry = this.#entries[i];
      if (entry) yield entry;
    }
  }
}

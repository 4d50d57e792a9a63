import { randomBytes } from 'node:crypto';
import { Internal, ProtocolViolation } from '../../base/errors.ts';
import {
  bindMessage,
  closeMessage,
  executeMessage,
  FLUSH,
  parseMessage,
  SYNC,
} from './codec/frontend-builders.ts';
import type { Exchange } from './exchange.ts';
import {
  closeInFlight,
  executeInFlight,
  portalInFlight,
  statementInFlight,
  syncInFlight,
} from './in-flight.ts';
import type { Portal, PreparedStatement } from './names.ts';

/** Nothing was learned, and nothing is wrong: to be asked again after the client's Sync. */
export const OWN_QUERY_DROPPED = 'own_query_dropped';

/** `query_canceled` (PostgreSQL docs, appendix A). */
const QUERY_CANCELED = '57014';
/** Questions in a row that may be cancelled: a timeout of the session would cancel each of them. */
const MOST_CANCELLED = 3;

/** Rows of an answer; a catalog has some tens of thousands. */
const MOST_ROWS = 1_000_000;

export type TextRow = readonly (string | null)[];

/**
 * Asks the target something on the session's own connection, between two messages of the client, without
 * touching what is the client's: names of its own, closed afterwards, nothing of the answer passed on. Inside
 * an open pipeline segment it goes without Sync, so that the client's implicit transaction stays one.
 */
export class OwnQueries {
  readonly #exchange: Exchange;
  #rows: TextRow[] = [];
  #waiting: { resolve: (rows: readonly TextRow[]) => void; reject: (error: Error) => void } | undefined;
  #inSegment = false;
  /** Cancelled in a row. */
  #cancelled = 0;
  /** One was cancelled: the target still answers its Sync, and then the Close of what it left behind. */
  #lost: 'no' | 'answering' | 'closing' = 'no';
  readonly #name = `hoopctl_${randomBytes(12).toString('hex')}`;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** `sql` is a constant of this program. Only one at a time. Rejects with Internal `own_query_failed`. */
  ask(sql: string): Promise<readonly TextRow[]> {
    if (this.#waiting) return Promise.reject(new Internal('own_query_failed', 'two questions at once'));
    const { door, queue } = this.#exchange;
    const statement: PreparedStatement = {
      name: this.#name,
      text: sql,
      origin: 'parse',
      facts: { statements: [] },
      judgement: undefined,
      columns: undefined,
      segment: 0,
    };
    const portal: Portal = {
      name: this.#name,
      statement,
      facts: undefined,
      judgement: undefined,
      touchesMasked: false,
      resultFormats: [],
      columns: undefined,
      segment: 0,
      hold: false,
    };
    const inSegment = queue.segmentOpen;
    this.#rows = [];
    const answer = new Promise<readonly TextRow[]>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    door.own(parseMessage(this.#name, sql));
    queue.sent(statementInFlight('parse', statement, true));
    door.own(bindMessage({ portal: this.#name, statement: this.#name }));
    queue.sent(portalInFlight('bind', portal, true));
    door.own(executeMessage(this.#name, 0));
    queue.sent(executeInFlight(portal, undefined, true));
    door.own(closeMessage('portal', this.#name));
    queue.sent(closeInFlight('portal', this.#name, true));
    door.own(closeMessage('statement', this.#name));
    queue.sent(closeInFlight('statement', this.#name, true));
    if (inSegment) {
      door.own(FLUSH);
    } else {
      door.own(SYNC);
      queue.sent(syncInFlight(true));
    }
    this.#inSegment = inSegment;
    door.flush();
    return answer;
  }

  row(values: TextRow): void {
    if (this.#rows.length >= MOST_ROWS) {
      throw new ProtocolViolation(
        'answer_too_large',
        'the target answers a question about its state without end',
      );
    }
    this.#rows.push(values);
  }

  /** The last Close was answered (in a segment) or the Sync (outside of one). */
  answered(kind: 'close-statement' | 'sync'): void {
    if (kind === 'close-statement' && !this.#inSegment) return;
    if (this.#lost === 'answering') return this.#closeLost();
    if (this.#lost === 'closing') {
      this.#lost = 'no';
      return this.dropped();
    }
    this.#cancelled = 0;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(this.#rows);
  }

  /** The client's pipeline failed ahead of it, so that the target skipped it. */
  dropped(): void {
    if (this.#lost !== 'no') return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(new Internal(OWN_QUERY_DROPPED, 'a question about the state was not answered'));
  }

  /**
   * A cancel that was meant for a statement, and came late, ends what it hits: a transaction that was open, and not
   * the session. Inside a segment nobody would tell the client what it lost with that.
   */
  refused(sqlstate: string, message: string): void {
    if (sqlstate !== QUERY_CANCELED || this.#inSegment || this.#cancelled === MOST_CANCELLED) {
      return this.failed(`${sqlstate}: ${message}`);
    }
    this.#cancelled++;
    this.#lost = 'answering';
  }

  #closeLost(): void {
    const { door, queue } = this.#exchange;
    this.#lost = 'closing';
    door.own(closeMessage('statement', this.#name));
    queue.sent(closeInFlight('statement', this.#name, true));
    door.own(SYNC);
    queue.sent(syncInFlight(true));
    door.flush();
  }

  failed(why: string): void {
    this.#lost = 'no';
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(
      new Internal('own_query_failed', 'the target refused a question about its state', { why }),
    );
  }
}

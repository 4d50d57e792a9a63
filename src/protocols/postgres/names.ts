import type { SessionChange, StatementFacts, TextFacts } from '../../sql/facts.ts';
import { unionOf } from '../../sql/statement-facts.ts';
import type { Judgement } from './judgement.ts';
import type { ColumnDescription, ResultMasking, ResultPlan } from './result-plan.ts';

/**
 * The session's names: prepared statements (the protocol's and SQL's share one name space) and portals or
 * cursors (likewise). A definition counts from the moment the target has confirmed it; a message of the same
 * pipeline segment may already use one that is only sent, because if that one fails the target skips the
 * message too (PostgreSQL docs 54.2.3).
 */
export interface PreparedStatement {
  readonly name: string;
  /** The text whose analysis gives its facts: the Parse text, or the whole `PREPARE … AS …`. */
  readonly text: string;
  /** The text it stood in when that held more than this statement: `pg_prepared_statements` shows it whole. */
  readonly within?: string;
  /** Parse gives the statement itself; PREPARE's facts hold it among their changes. */
  readonly origin: 'parse' | 'sql';
  /** What one execution of it does. */
  facts: TextFacts;
  /** The latest judgement; checked against the session's epoch before use. */
  judgement: Judgement | undefined;
  /** Result columns as last described; undefined until then. Formats are not known here. */
  columns: readonly ColumnDescription[] | undefined;
  /** Number of the segment it was sent in. */
  readonly segment: number;
  /** The last plan made for its rows, used again while masks and formats are the same. */
  plan?: RememberedPlan;
}

export interface RememberedPlan {
  readonly masking: ResultMasking;
  readonly formats: readonly number[];
  readonly plan: ResultPlan;
}

export interface Portal {
  readonly name: string;
  readonly statement: PreparedStatement | undefined;
  /** Facts of what it runs. */
  readonly facts: StatementFacts | undefined;
  readonly judgement: Judgement | undefined;
  /** Its errors and notices could quote a masked value. */
  readonly touchesMasked: boolean;
  /** As sent in Bind: none, one for all, or one for each column. */
  readonly resultFormats: readonly number[];
  /** Columns as described for the portal itself, formats included. */
  columns: readonly ColumnDescription[] | undefined;
  /** Columns of its statement as known when it was executed. */
  inherited?: readonly ColumnDescription[] | undefined;
  /** A Describe of it is on its way or was answered. */
  described?: boolean;
  readonly segment: number;
  readonly hold: boolean;
  /** What it meant when its Bind was approved (`boundMeaning`); undefined where nobody had to approve it, or once it ran. */
  approvedMeaning?: string | undefined;
  /** What the target says was asked once more, since its Execute came. */
  lookedAgain?: boolean;
  /** For a FETCH or EXECUTE: `SessionNames.generation` at its Bind. It runs only while names still mean the same. */
  generation?: number;
}

/** PostgreSQL tells names apart by their first 63 bytes (NAMEDATALEN - 1), those of protocol messages too. */
export const LONGEST_NAME = 63;

/** Cursors that code may leave open in one transaction; with more, nobody tells what a FETCH shows. */
const MOST_OPENED = 64;

/** 32 Mi characters; some thousand statements of usual length. */
const MOST_KEPT = 32 * 1024 * 1024;

/** Its text, its facts and what else hangs on a name. */
function keptFor({ text, within = '' }: PreparedStatement): number {
  return 4096 + text.length + within.length;
}

/** Portals by name; the unnamed one, which most clients use alone, has a place of its own. */
class PortalNames {
  #unnamed: Portal | undefined;
  readonly #named = new Map<string, Portal>();

  get(name: string): Portal | undefined {
    return name === '' ? this.#unnamed : this.#named.get(name);
  }

  set(portal: Portal): void {
    if (portal.name === '') this.#unnamed = portal;
    else this.#named.set(portal.name, portal);
  }

  delete(name: string): void {
    if (name === '') this.#unnamed = undefined;
    else this.#named.delete(name);
  }

  all(): readonly Portal[] {
    const named = [...this.#named.values()];
    return this.#unnamed === undefined ? named : [this.#unnamed, ...named];
  }

  clear(): void {
    this.#unnamed = undefined;
    this.#named.clear();
  }

  keepOnly(stays: (portal: Portal) => boolean): void {
    if (this.#unnamed !== undefined && !stays(this.#unnamed)) this.#unnamed = undefined;
    if (this.#named.size === 0) return;
    for (const [name, portal] of this.#named) if (!stays(portal)) this.#named.delete(name);
  }
}

export class SessionNames {
  #prepared = new Map<string, PreparedStatement>();
  #sentPrepared = new Map<string, PreparedStatement>();
  readonly #portals = new PortalNames();
  readonly #sentPortals = new PortalNames();
  /** Of cursors that code of the session's transaction has opened. */
  #opened: StatementFacts[] = [];
  #generation = 0;
  /** Characters of the texts in `#prepared`, and of what is kept with each. */
  #kept = 0;

  /** No more statements may be given names, so that memory stays bounded. */
  get full(): boolean {
    return this.#kept > MOST_KEPT;
  }

  /** Grows whenever a name that SQL's EXECUTE or FETCH can use may mean something else. */
  get generation(): number {
    return this.#generation;
  }

  /** A simple query failed while it ran: its own unnamed portal is still there until the transaction ends. */
  unnamedFailed = false;

  /** A simple query takes the unnamed statement and portal away (PostgreSQL docs 54.2.3). */
  querySent(): void {
    this.closed('statement', '');
    this.closed('portal', '');
  }

  /** A Parse was sent; it counts for its own segment. */
  parseSent(statement: PreparedStatement): void {
    this.#sentPrepared.set(statement.name, statement);
  }

  parseConfirmed(statement: PreparedStatement): void {
    if (this.#sentPrepared.get(statement.name) === statement) this.#sentPrepared.delete(statement.name);
    this.#keep(statement);
    if (statement.name !== '') this.#generation++;
  }

  parseFailed(statement: PreparedStatement): void {
    if (this.#sentPrepared.get(statement.name) === statement) this.#sentPrepared.delete(statement.name);
  }

  bindSent(portal: Portal): void {
    this.#sentPortals.set(portal);
  }

  bindConfirmed(portal: Portal): void {
    if (this.#sentPortals.get(portal.name) === portal) this.#sentPortals.delete(portal.name);
    this.#portals.set(portal);
    if (portal.name === '') return;
    // Its own appearance changes nothing for itself.
    if (portal.generation === this.#generation) portal.generation++;
    this.#generation++;
  }

  bindFailed(portal: Portal): void {
    if (this.#sentPortals.get(portal.name) === portal) this.#sentPortals.delete(portal.name);
  }

  closed(what: 'statement' | 'portal', name: string): void {
    if (what === 'statement') this.#drop(name);
    else this.#portals.delete(name);
    if (name !== '') this.#generation++;
  }

  /** The definition a message of `segment` would meet; `'undecided'` when that hangs on an answer still due. */
  prepared(name: string, segment: number): PreparedStatement | 'undecided' | undefined {
    const sent = this.#sentPrepared.get(name);
    if (sent === undefined) return this.#prepared.get(name);
    return sent.segment === segment ? sent : 'undecided';
  }

  portal(name: string, segment: number): Portal | 'undecided' | undefined {
    const sent = this.#sentPortals.get(name);
    if (sent === undefined) return this.#portals.get(name);
    return sent.segment === segment ? sent : 'undecided';
  }

  /** What SQL's EXECUTE meets under a name; only confirmed definitions count there. */
  confirmed(name: string): PreparedStatement | undefined {
    return this.#prepared.get(name);
  }

  /** What SQL's FETCH meets under a name: where it is none of those known, any of the cursors that code has opened. */
  cursorFacts(name: string): StatementFacts | undefined {
    const known = this.#portals.get(name)?.facts;
    if (known !== undefined || name === '' || this.#opened.length === 0) return known;
    return this.#opened.length > MOST_OPENED ? undefined : unionOf(this.#opened);
  }

  openCursors(): readonly StatementFacts[] {
    return [...this.#portals.all().flatMap(({ facts }) => facts ?? []), ...this.#opened];
  }

  /** A statement has completed: mirrors what it did to names. `text` is its own, `within` that of the whole message. */
  apply(change: SessionChange, text: string, within = text): void {
    this.#generation++;
    switch (change.kind) {
      case 'prepare':
        this.#keep({
          name: change.name,
          text,
          ...(within === text ? {} : { within }),
          origin: 'sql',
          facts: { statements: [change.statement] },
          judgement: undefined,
          columns: undefined,
          segment: 0,
        });
        return;
      case 'deallocate':
        if (change.name === undefined) this.#dropAll();
        else this.#drop(change.name);
        return;
      case 'declare-cursor':
        this.#portals.set({
          name: change.name,
          statement: undefined,
          facts: change.statement,
          judgement: undefined,
          touchesMasked: true,
          resultFormats: [],
          columns: undefined,
          segment: 0,
          hold: change.hold,
        });
        return;
      case 'open-cursor':
        if (this.#opened.length <= MOST_OPENED) this.#opened.push(change.statement);
        return;
      case 'close-cursor':
        if (change.name === undefined) this.#closeAll();
        else this.#portals.delete(change.name);
        return;
      case 'discard':
        if (change.what !== 'all') return;
        this.#dropAll();
        this.#closeAll();
        return;
      case 'transaction':
        // Cursors opened after the savepoint are gone, which ones is not told: none counts any more.
        if (change.operation === 'rollback-to') this.#closeAll();
        return;
      default:
        return;
    }
  }

  /**
   * Something opaque ran: keeps only the named statements that the target still has with the very same text.
   * Cursors cannot be told apart by their text alone, so none counts any more.
   */
  reconcile(onTarget: ReadonlyMap<string, string>): void {
    this.#generation++;
    for (const [name, statement] of this.#prepared) {
      if (name === '') continue;
      // A text that prepares a name twice does not tell which of the two there is now.
      const same = statement.within === undefined && onTarget.get(name) === statement.text;
      if (!same) this.#drop(name);
    }
    this.#closeAll();
  }

  #closeAll(): void {
    this.#portals.clear();
    this.#opened = [];
  }

  #keep(statement: PreparedStatement): void {
    this.#drop(statement.name);
    this.#prepared.set(statement.name, statement);
    this.#kept += keptFor(statement);
  }

  #drop(name: string): void {
    const statement = this.#prepared.get(name);
    if (statement === undefined) return;
    this.#prepared.delete(name);
    this.#kept -= keptFor(statement);
  }

  #dropAll(): void {
    this.#prepared.clear();
    this.#kept = 0;
  }

  get anyPrepared(): boolean {
    return this.#prepared.size > 0;
  }

  /** No transaction is open any more: only cursors WITH HOLD survive. */
  transactionEnded(): void {
    this.#opened = [];
    this.#portals.keepOnly((portal) => portal.hold);
  }
}

import { ProtocolViolation } from '../../base/errors.ts';
import { NAMING_SETTINGS } from '../../sql/builtins/settings.ts';
import type { SessionState } from '../../sql/catalog.ts';
import type { SessionChange, StatementFacts } from '../../sql/facts.ts';
import type { TransactionStatus } from './codec/backend-messages.ts';
import type { PreparedStatement, SessionNames } from './names.ts';

const ENDS_OR_UNDOES: ReadonlySet<string> = new Set(['commit', 'rollback', 'rollback-to', 'prepare']);

/**
 * The target's side of a session as the gateway knows it: from what the target reports, and asked anew (a
 * probe) after every statement that could have changed it. While `stale`, nothing may be judged.
 */
export class ServerState implements SessionState {
  searchPath: readonly string[] | undefined = undefined;
  /** Empty when the session has none yet. */
  tempSchema = '';
  user = '';
  /** Milliseconds, 0 for none. */
  lockTimeout = 0;
  /** Process of the session's backend; 0 until it is known. */
  processId = 0;
  transaction: TransactionStatus = 'idle';
  /** The search path, role or temporary schema may be another than known. */
  stale = true;
  /** Objects may have appeared, changed or gone. */
  catalogStale = false;
  /** A relation was named that the catalog does not have: somebody else may have made it a moment ago. */
  catalogDoubted = false;
  /** Something opaque ran: names may have been given another meaning behind our back. */
  namesStale = false;
  /** Objects that other sessions can see were made, changed or dropped. */
  catalogCommitted = false;
  #changedInTransaction = false;
  #catalogInTransaction = false;
  readonly #names: SessionNames;
  readonly #factsNow: (statement: PreparedStatement) => StatementFacts | undefined;

  /** `factsNow` tells what a prepared statement would do now: the target binds its names anew when they changed. */
  constructor(names: SessionNames, factsNow: (statement: PreparedStatement) => StatementFacts | undefined) {
    this.#names = names;
    this.#factsNow = factsNow;
  }

  /** The end of the open transaction would change the search path once more. */
  get pathIsTransactional(): boolean {
    return this.#changedInTransaction;
  }

  prepared(name: string): StatementFacts | undefined {
    const statement = this.#names.confirmed(name);
    return statement && this.#factsNow(statement);
  }

  cursor(name: string): StatementFacts | undefined {
    return this.#names.cursorFacts(name);
  }

  openCursors(): readonly StatementFacts[] {
    return this.#names.openCursors();
  }

  /** A statement with this change has completed. */
  apply(change: SessionChange): void {
    switch (change.kind) {
      case 'set':
        if (NAMING_SETTINGS.has(change.name.toLowerCase())) this.#touch(false);
        return;
      case 'reset-all':
      case 'role':
      case 'unread':
        this.#touch(false);
        return;
      case 'discard':
        if (change.what === 'all' || change.what === 'temp') this.#touch(true);
        return;
      case 'catalog':
        this.#touch(true);
        return;
      case 'opaque':
        this.namesStale = true;
        this.#touch(true);
        return;
      case 'transaction':
        this.#leaveFailed(change.operation);
        // The next ReadyForQuery may already belong to another transaction: COMMIT; BEGIN.
        if (!ENDS_OR_UNDOES.has(change.operation) || !this.#changedInTransaction) return;
        if (change.operation !== 'rollback-to') this.catalogCommitted ||= this.#catalogInTransaction;
        this.#touch(true);
        return;
      case 'prepare':
      case 'deallocate':
      case 'declare-cursor':
      case 'open-cursor':
      case 'close-cursor':
        return;
    }
  }

  /** A failed transaction that ends in the middle of a pipeline: what comes behind it runs, and is judged. */
  #leaveFailed(operation: string): void {
    if (this.transaction !== 'failed') return;
    if (operation === 'commit' || operation === 'rollback') this.transaction = 'idle';
    else if (operation === 'rollback-to') this.transaction = 'open';
  }

  #touch(catalog: boolean): void {
    this.stale = true;
    if (catalog) {
      this.catalogStale = true;
      this.#catalogInTransaction = true;
    }
    this.#changedInTransaction = true;
  }

  /** ReadyForQuery: what a transaction changed is settled, or undone, when it ends. */
  ready(status: TransactionStatus): void {
    this.transaction = status;
    if (status !== 'idle') return;
    this.#names.transactionEnded();
    if (!this.#changedInTransaction) return;
    this.#changedInTransaction = false;
    this.catalogCommitted ||= this.#catalogInTransaction;
    this.#catalogInTransaction = false;
    this.stale = true;
    this.catalogStale = true;
  }

  /**
   * ParameterStatus. Throws ProtocolViolation `unsafe_setting` for a setting under which the bytes of a
   * statement would mean something else than the parser reads.
   */
  reported(name: string, value: string): void {
    switch (name) {
      case 'standard_conforming_strings':
        if (value !== 'on') throw unsafe(name, value);
        return;
      case 'client_encoding':
        if (value !== 'UTF8' && value !== 'SQL_ASCII') throw unsafe(name, value);
        return;
      case 'search_path':
      case 'session_authorization':
      case 'is_superuser':
        this.stale = true;
        return;
    }
  }

  /** Part of an approval's fingerprint: what, besides its bytes, the meaning of a statement depends on. */
  fingerprint(): string {
    return JSON.stringify([this.searchPath ?? null, this.user, this.transaction]);
  }
}

function unsafe(name: string, value: string): ProtocolViolation {
  return new ProtocolViolation('unsafe_setting', `the target session runs with ${name} = ${value}`);
}

import type { Catalog, CatalogFunction, CatalogRelation, SessionState } from './catalog.ts';
import type { StatementFacts } from './facts.ts';
import { unionOf } from './statement-facts.ts';

/** How a name that an earlier statement of the same text touched must be read. */
export type NameChange =
  /** A plain table made here: its relation as far as it is known. */
  | { readonly kind: 'created'; readonly relation: CatalogRelation }
  /** Same relation, columns may differ. */
  | { readonly kind: 'altered' }
  /** Anything else (view, rename, drop): cannot be told. */
  | { readonly kind: 'opaque' };

/**
 * The session's state while the statements of one text are judged in turn: starts as the session's own, then takes
 * over what each statement would change. Also used for bodies of functions, which may change it for themselves.
 */
export class TextState {
  searchPath: readonly string[] | undefined;
  readonly tempSchema: string | undefined;
  readonly user: string | undefined;
  /** search_path was set inside the transaction that is open: a rollback takes it back. */
  pathIsTransactional: boolean;
  /** It was set with LOCAL: a commit takes it back too. */
  pathIsLocal: boolean;
  /** Waiting for a lock ends by itself. */
  lockTimeout: boolean;
  /** Something opaque ran: nothing in the catalog is certain for the rest of the text. */
  catalogUncertain = false;
  /** Triggers made earlier in the text, which the catalog does not have yet. Shared with what the text runs. */
  newTriggers: { readonly table: string; readonly functionName: string }[] = [];
  /** Schemas made earlier in the text. Shared with what the text runs. */
  newSchemas = new Set<string>();
  /** A transaction ended that had made or changed objects, nobody tells which: whether they are there is not known. */
  undone = false;
  readonly #session: SessionState;
  readonly #prepared = new Map<string, StatementFacts | undefined>();
  readonly #cursors = new Map<string, StatementFacts | undefined>();
  readonly #opened: StatementFacts[] = [];
  #bound: { readonly callPath: readonly string[] | undefined } | undefined;
  #allDeallocated = false;
  #allClosed = false;
  readonly #names = new Map<string, NameChange>();
  readonly #functions = new Map<string, readonly CatalogFunction[] | 'opaque'>();

  constructor(
    session: SessionState,
    overrides: { readonly searchPath?: readonly string[] | undefined } = {},
  ) {
    this.#session = session;
    this.searchPath = 'searchPath' in overrides ? overrides.searchPath : session.searchPath;
    this.tempSchema = session.tempSchema || undefined;
    this.lockTimeout = (session.lockTimeout ?? 0) > 0;
    this.user = session.user || undefined;
    this.pathIsTransactional = session.pathIsTransactional ?? true;
    this.pathIsLocal = this.pathIsTransactional;
  }

  /** The path by which functions that are called find their names: the session's, also where a view's own names were bound. */
  get callPath(): readonly string[] | undefined {
    return this.#bound === undefined ? this.searchPath : this.#bound.callPath;
  }

  /** The same session as seen from a definition whose names were bound under another path when it was made. */
  bound(definitionPath: readonly string[]): TextState {
    const state = this.inner(definitionPath);
    state.#bound = { callPath: this.callPath };
    return state;
  }

  /** The same session as seen from a body with its own search_path. */
  inner(searchPath: readonly string[] | undefined): TextState {
    const state = new TextState(this.#session, { searchPath });
    state.catalogUncertain = this.catalogUncertain;
    state.undone = this.undone;
    state.newTriggers = this.newTriggers;
    state.newSchemas = this.newSchemas;
    state.lockTimeout = this.lockTimeout;
    for (const [name, change] of this.#names) state.#names.set(name, change);
    for (const [name, change] of this.#functions) state.#functions.set(name, change);
    for (const [name, facts] of this.#prepared) state.#prepared.set(name, facts);
    for (const [name, facts] of this.#cursors) state.#cursors.set(name, facts);
    state.#opened.push(...this.#opened);
    return state;
  }

  /** True when nothing earlier in the text changed what names mean: results may be kept for the catalog's life. */
  get pristine(): boolean {
    return this.#names.size === 0 && this.#functions.size === 0 && !this.catalogUncertain && !this.undone;
  }

  /** The end of a transaction may have taken away the temporary tables that the text has made. */
  forgetTemporary(): void {
    for (const [name, change] of this.#names)
      if (change.kind === 'created' && change.relation.schema.startsWith('pg_temp'))
        this.#names.set(name, { kind: 'opaque' });
  }

  /** What the text has made, changed or dropped so far may be as it was before. */
  forgetChanges(): void {
    for (const name of this.#names.keys()) this.#names.set(name, { kind: 'opaque' });
    for (const name of this.#functions.keys()) this.#functions.set(name, 'opaque');
  }

  prepared(name: string): StatementFacts | undefined {
    if (this.#prepared.has(name)) return this.#prepared.get(name);
    return this.#allDeallocated ? undefined : this.#session.prepared(name);
  }

  cursor(name: string): StatementFacts | undefined {
    if (this.#cursors.has(name)) return this.#cursors.get(name);
    const known = this.#allClosed ? undefined : this.#session.cursor(name);
    if (this.#opened.length === 0) return known;
    return unionOf(known === undefined ? this.#opened : [known, ...this.#opened]);
  }

  /** Code has opened a cursor, under whatever name. */
  opened(facts: StatementFacts): void {
    this.#opened.push(facts);
  }

  /** What the cursors and portals that are open show: code may fetch from any of them by a computed name. */
  openCursors(): readonly StatementFacts[] {
    const own = [...this.#cursors.values(), ...this.#opened].filter((facts) => facts !== undefined);
    return this.#allClosed ? own : [...own, ...(this.#session.openCursors?.() ?? [])];
  }

  /** Takes over what code that has run may have defined: whether it came to that, and under which names, is not told. */
  adoptUncertain(ran: TextState): void {
    for (const [name, change] of ran.#names) {
      if (this.#names.get(name) === change) continue;
      if (change.kind === 'altered') this.changeName(name, change);
      else this.#names.set(name, { kind: 'opaque' });
    }
    for (const [name, change] of ran.#functions)
      if (this.#functions.get(name) !== change) this.#functions.set(name, 'opaque');
    // A schema of it was dropped.
    if (ran.searchPath === undefined) this.searchPath = undefined;
    this.undone ||= ran.undone;
    this.catalogUncertain ||= ran.catalogUncertain;
  }

  setPrepared(name: string, facts: StatementFacts | undefined): void {
    this.#prepared.set(name, facts);
  }

  setCursor(name: string, facts: StatementFacts | undefined): void {
    this.#cursors.set(name, facts);
  }

  deallocateAll(): void {
    this.#prepared.clear();
    this.#allDeallocated = true;
  }

  closeAll(): void {
    this.#cursors.clear();
    this.#opened.length = 0;
    this.#allClosed = true;
  }

  /** All of them as they stand now. */
  names(): ReadonlyMap<string, NameChange> {
    return new Map(this.#names);
  }

  nameChange(relation: string): NameChange | undefined {
    return this.#names.size === 0 ? undefined : this.#names.get(relation);
  }

  changeName(relation: string, change: NameChange): void {
    const before = this.#names.get(relation);
    // A table made here and altered here stays known, though its columns do not.
    if (
      change.kind === 'created' &&
      before?.kind === 'created' &&
      before.relation.schema !== change.relation.schema
    ) {
      this.#names.set(relation, { kind: 'opaque' });
    } else if (change.kind === 'altered' && before?.kind === 'created') {
      this.#names.set(relation, { kind: 'created', relation: { ...before.relation, columns: [] } });
    } else if (change.kind === 'altered' && before?.kind === 'opaque') {
      return;
    } else {
      this.#names.set(relation, change);
    }
  }

  functionChange(name: string): readonly CatalogFunction[] | 'opaque' | undefined {
    return this.#functions.size === 0 ? undefined : this.#functions.get(name);
  }

  changeFunction(name: string, change: CatalogFunction | 'opaque'): void {
    const before = this.#functions.get(name);
    if (change === 'opaque' || before === 'opaque') this.#functions.set(name, 'opaque');
    else this.#functions.set(name, [...(before ?? []), change]);
  }
}

/**
 * search_path as names were given -> the schemas searched, implicit ones first; undefined where it cannot be told.
 * `byOwner`: of a function that runs as its owner, who may use what it names.
 */
export function effectivePath(
  names: readonly string[],
  state: TextState,
  catalog: Catalog,
  byOwner = false,
): readonly string[] | undefined {
  const path: string[] = [];
  // A name that stands there again is searched once, as the server does.
  const add = (schema: string) => {
    if (!path.includes(schema)) path.push(schema);
  };
  for (const name of names) {
    if (name === '$user') {
      if (state.user === undefined) return undefined;
      if (catalog.hasSchema(state.user)) add(state.user);
    } else if (name === 'pg_temp') {
      add(state.tempSchema ?? 'pg_temp');
    } else if (name === 'pg_catalog' || catalog.hasSchema(name) || state.newSchemas.has(name)) {
      // Another role may use it, or not: who runs the text is not told here.
      if (!byOwner && !catalog.mayUseSchema(name)) return undefined;
      add(name);
    }
  }
  // PostgreSQL docs 5.10.5 and 20.11.1: searched first unless the path names them elsewhere.
  if (!path.includes('pg_catalog')) path.unshift('pg_catalog');
  if (state.tempSchema !== undefined && !path.includes(state.tempSchema)) path.unshift(state.tempSchema);
  return path;
}

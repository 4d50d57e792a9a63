import type { Condition } from './conditions.ts';
import type {
  AbsentObject,
  Action,
  ColumnUse,
  ColumnUseKind,
  Effect,
  ObjectRef,
  SessionChange,
  Source,
} from './facts.ts';

/** Gathers the facts of one statement (or of one view or function body, to be merged later). Mutable; one owner. */
export class Collector {
  readonly #actions = new Map<string, Action>();
  readonly #uses = new Map<string, ColumnUse>();
  readonly #columns = new Set<string>();
  readonly functions = new Set<string>();
  readonly conditions = new Set<Condition>();
  readonly reasons = new Set<string>();
  readonly #absent = new Map<string, AbsentObject>();
  readonly changes: SessionChange[] = [];
  /** Code outside pg_catalog may run, so that even planning the statement runs something. */
  runsUserCode = false;
  /** Code that cannot be read runs by itself: its errors and notices may quote any value. */
  mayQuote = false;
  /** Values of great length are made somewhere: what takes any value may then fail for its length. */
  makesLongValues = false;
  /** Its answer tells how large values are on their way (EXPLAIN ANALYZE: memory, disk, bytes). */
  measures = false;
  /** How many times longer the calls so far could make a value. */
  growth = 1;
  /** Rounds of its recursive queries. */
  rounds = 0;
  /** INSERT, UPDATE, DELETE and MERGE of the statement itself, those of its WITH among them. */
  modifications = 0;
  /** Code of a function, rule or prepared statement writes rows that no answer counts. */
  writesBeside = false;
  /** The meaning depends on prepared statements or cursors of the session. */
  dependsOnSession = false;
  /** Prepared statements that run by their names. */
  readonly executes = new Set<string>();

  act(
    effect: Effect,
    command: string,
    object?: ObjectRef,
    columns?: readonly string[],
    suffix?: string,
  ): void {
    const named = object === undefined ? command : `${command} ${object.name}`;
    const words = suffix === undefined ? named : `${named} ${suffix}`;
    this.add({
      effect,
      command: words,
      ...(object ? { object } : {}),
      ...(columns && columns.length > 0 ? { columns } : {}),
    });
  }

  add(action: Action): void {
    const key = `${action.effect} ${action.command} ${action.object?.name ?? ''} ${action.object?.via ?? ''}`;
    if (!this.#actions.has(key)) this.#actions.set(key, action);
  }

  unknown(reason: string, command: string, object?: ObjectRef): void {
    this.reasons.add(reason);
    this.act('unknown', command, object);
  }

  /** The text names a relation that is not known, or that nobody can tell. */
  unknownRelation(
    found: { readonly name: string; readonly reason: string; readonly absent?: string },
    command: string,
  ): void {
    this.unknown(found.reason, command, { kind: 'table', name: found.name });
    if (found.absent !== undefined) this.missing({ kind: 'relation', name: found.absent });
  }

  /** The text names what the catalog does not have. */
  missing(object: AbsentObject): void {
    this.#absent.set(`${object.kind} ${object.name}`, object);
  }

  get absent(): readonly AbsentObject[] {
    return [...this.#absent.values()];
  }

  use(column: Source, kind: ColumnUseKind, together?: readonly string[]): void {
    this.#columns.add(column);
    const key = `${kind} ${column} ${together?.join(' ') ?? ''}`;
    if (this.#uses.has(key)) return;
    this.#uses.set(key, { column, use: kind, ...(together ? { with: together } : {}) });
  }

  useAll(columns: readonly Source[], kind: ColumnUseKind, together?: readonly string[]): void {
    for (const column of columns) this.use(column, kind, together);
  }

  hasUse(kind: ColumnUseKind, columns: readonly Source[]): boolean {
    return columns.some((column) => this.#uses.has(`${kind} ${column} `));
  }

  forgetCounts(columns: readonly Source[]): void {
    for (const column of columns) this.#uses.delete(`count ${column} `);
  }

  condition(...names: readonly Condition[]): void {
    for (const name of names) this.conditions.add(name);
  }

  get actions(): readonly Action[] {
    return [...this.#actions.values()];
  }

  get actionCount(): number {
    return this.#actions.size;
  }

  get usedColumns(): Iterable<Source> {
    return this.#columns;
  }

  columnUses(): ColumnUse[] {
    return [...this.#uses.values()];
  }

  /** Takes over what an inner body does, its objects marked as reached through `via`; its column uses stay behind. */
  mergeEffects(inner: Collector, via: string | undefined): void {
    for (const action of inner.#actions.values()) {
      const object = action.object;
      this.writesBeside ||= writesRows(action);
      this.add(
        via && object && object.via === undefined ? { ...action, object: { ...object, via } } : action,
      );
    }
    for (const name of inner.functions) this.functions.add(name);
    for (const reason of inner.reasons) this.reasons.add(via ? `${reason} (in ${via})` : reason);
    for (const name of inner.conditions) {
      // What an owner wrote into a view or function is not the requester's unbounded statement.
      if (via === undefined || (name !== 'update-without-where' && name !== 'delete-without-where')) {
        this.conditions.add(name);
      }
    }
    this.writesBeside ||= inner.writesBeside;
    this.runsUserCode ||= inner.runsUserCode;
    this.mayQuote ||= inner.mayQuote;
    this.makesLongValues ||= inner.makesLongValues;
    this.measures ||= inner.measures;
    this.dependsOnSession ||= inner.dependsOnSession;
  }
}

/** It puts rows in, changes them or takes them away, or may; sequences, locks and notifications have none. */
export function writesRows({ effect, object }: Action): boolean {
  if (effect === 'unknown') return true;
  return effect === 'write' && object !== undefined && WITH_ROWS.has(object.kind);
}

const WITH_ROWS: ReadonlySet<ObjectRef['kind']> = new Set(['table', 'view', 'function']);

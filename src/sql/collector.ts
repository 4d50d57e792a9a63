import type { Condition } from './conditions.ts';
import type {
  AbsentObject,
  Action,
  ColumnUse,
  ColumnUseKind,
  Effect,
  ObjectRef,
  SessionChange,
} from './facts.ts';

const USE_BITS: Readonly<Record<ColumnUseKind, number>> = {
  output: 1,
  target: 2,
  expression: 4,
  predicate: 8,
  other: 16,
};
const USE_KINDS = Object.keys(USE_BITS) as ColumnUseKind[];

/** Gathers the facts of one statement (or of one view or function body, to be merged later). Mutable; one owner. */
export class Collector {
  readonly #actions = new Map<string, Action>();
  readonly #uses = new Map<string, number>();
  readonly functions = new Set<string>();
  readonly conditions = new Set<Condition>();
  readonly reasons = new Set<string>();
  readonly #absent = new Map<string, AbsentObject>();
  readonly changes: SessionChange[] = [];
  /** Code outside pg_catalog may run, so that even planning the statement runs something. */
  runsUserCode = false;
  /** The meaning depends on prepared statements or cursors of the session. */
  dependsOnSession = false;

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
    const key = `${action.effect} ${action.command} ${action.object?.via ?? ''}`;
    if (!this.#actions.has(key)) this.#actions.set(key, action);
  }

  unknown(reason: string, command: string, object?: ObjectRef): void {
    this.reasons.add(reason);
    this.act('unknown', command, object);
  }

  /** The text names what the catalog does not have. */
  missing(object: AbsentObject): void {
    this.#absent.set(`${object.kind} ${object.name}`, object);
  }

  get absent(): readonly AbsentObject[] {
    return [...this.#absent.values()];
  }

  use(column: string, kind: ColumnUseKind): void {
    this.#uses.set(column, (this.#uses.get(column) ?? 0) | USE_BITS[kind]);
  }

  useAll(columns: readonly string[], kind: ColumnUseKind): void {
    for (const column of columns) this.use(column, kind);
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

  get usedColumns(): Iterable<string> {
    return this.#uses.keys();
  }

  columnUses(): ColumnUse[] {
    const uses: ColumnUse[] = [];
    for (const [column, bits] of this.#uses) {
      for (const use of USE_KINDS) if (bits & USE_BITS[use]) uses.push({ column, use });
    }
    return uses;
  }

  /** Takes over what an inner body does, its objects marked as reached through `via`; its column uses stay behind. */
  mergeEffects(inner: Collector, via: string | undefined): void {
    for (const action of inner.#actions.values()) {
      const object = action.object;
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
    this.runsUserCode ||= inner.runsUserCode;
    this.dependsOnSession ||= inner.dependsOnSession;
  }
}

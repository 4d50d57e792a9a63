import type { Node } from 'libpg-query';
import type { Context } from './context.ts';

/**
 * Notes what a statement does to others by its locks: `ddl-without-concurrently` where PostgreSQL has a form that
 * does not hold up the table's readers or writers, `lock-without-timeout` where it may wait for a lock without end
 * and everybody queues up behind it. PostgreSQL docs 13.3.1 (table-level locks), 20.11.1 (`lock_timeout`).
 */
export function noteLocks(node: Node, ctx: Context): void {
  if (ctx.planOnly) return;
  if (lacksConcurrently(node)) ctx.out.condition('ddl-without-concurrently');
  if (waitsForLock(node)) noteLockWait(ctx);
}

/** Something waits for a lock; whether it would give up depends on the session. */
export function noteLockWait(ctx: Context): void {
  if (!ctx.planOnly && !ctx.state.lockTimeout) ctx.out.condition('lock-without-timeout');
}

function lacksConcurrently(node: Node): boolean {
  if ('IndexStmt' in node) return !node.IndexStmt.concurrent;
  if ('DropStmt' in node) return node.DropStmt.removeType === 'OBJECT_INDEX' && !node.DropStmt.concurrent;
  if ('RefreshMatViewStmt' in node) return !node.RefreshMatViewStmt.concurrent;
  if ('ReindexStmt' in node) return !reindexesConcurrently(node.ReindexStmt.params);
  if ('AlterTableStmt' in node) {
    return (node.AlterTableStmt.cmds ?? []).some(
      (command) =>
        'AlterTableCmd' in command &&
        command.AlterTableCmd.subtype === 'AT_DetachPartition' &&
        !detachesConcurrently(command.AlterTableCmd.def),
    );
  }
  return false;
}

const detachesConcurrently = (def: Node | undefined) =>
  def !== undefined && 'PartitionCmd' in def && def.PartitionCmd.concurrent === true;

function reindexesConcurrently(params: readonly Node[] | undefined): boolean {
  let concurrent = false;
  for (const param of params ?? []) {
    if (!('DefElem' in param) || param.DefElem.defname?.toLowerCase() !== 'concurrently') continue;
    const arg = param.DefElem.arg;
    const word =
      arg === undefined
        ? 'on'
        : 'String' in arg
          ? (arg.String.sval ?? '')
          : 'Integer' in arg
            ? String(arg.Integer.ival ?? 0)
            : 'off';
    concurrent = /^(?:on|true|1)$/iu.test(word);
  }
  return concurrent;
}

/** LockStmt.mode counts from AccessShareLock = 1, which only DROP and its like hold up. */
const ACCESS_SHARE = 1;

function waitsForLock(node: Node): boolean {
  if ('LockStmt' in node) return !node.LockStmt.nowait && (node.LockStmt.mode ?? 0) > ACCESS_SHARE;
  if ('VacuumStmt' in node) {
    const options = node.VacuumStmt.options ?? [];
    return options.some((option) => 'DefElem' in option && option.DefElem.defname?.toLowerCase() === 'full');
  }
  if ('CreateStmt' in node) return (node.CreateStmt.inhRelations ?? []).length > 0 || refersToTable(node);
  return (
    'AlterTableStmt' in node ||
    'IndexStmt' in node ||
    'DropStmt' in node ||
    'TruncateStmt' in node ||
    'ReindexStmt' in node ||
    'ClusterStmt' in node ||
    'RefreshMatViewStmt' in node ||
    'CreateTrigStmt' in node ||
    'RuleStmt' in node ||
    'RenameStmt' in node ||
    'AlterObjectSchemaStmt' in node ||
    'AlterOwnerStmt' in node ||
    'CreatePolicyStmt' in node ||
    'AlterPolicyStmt' in node
  );
}

/** A foreign key locks the table it refers to. */
function refersToTable(node: Extract<Node, { CreateStmt: unknown }>): boolean {
  return (node.CreateStmt.tableElts ?? []).some((element) => {
    if ('Constraint' in element) return element.Constraint.contype === 'CONSTR_FOREIGN';
    if (!('ColumnDef' in element)) return false;
    return (element.ColumnDef.constraints ?? []).some(
      (one) => 'Constraint' in one && one.Constraint.contype === 'CONSTR_FOREIGN',
    );
  });
}

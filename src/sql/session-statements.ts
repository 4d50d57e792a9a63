import type { DefElem, DiscardStmt, LockStmt, Node, TransactionStmt, VariableSetStmt } from 'libpg-query';
import { settingConditions } from './builtins/settings.ts';
import type { Context } from './context.ts';
import type { SessionChange } from './facts.ts';
import { namedObject } from './names.ts';
import { changeSetting } from './settings.ts';
import type { StatementResult } from './statements.ts';
import { constantText } from './tree.ts';

/** Statements that act on the session or its transaction alone. */
export function sessionStatement(node: Node, ctx: Context): StatementResult | undefined {
  if ('VariableSetStmt' in node) return setStatement(node.VariableSetStmt, ctx);
  if ('TransactionStmt' in node) return transaction(node.TransactionStmt, ctx);
  if ('DiscardStmt' in node) return discard(node.DiscardStmt, ctx);
  if ('LockStmt' in node) return lock(node.LockStmt, ctx);
  if ('VariableShowStmt' in node) {
    const name = node.VariableShowStmt.name ?? '';
    ctx.out.act('read', `SHOW ${name}`);
    return { tag: 'SHOW', outputs: { columns: [], open: [] } };
  }
  if ('ListenStmt' in node) return session('LISTEN', ctx);
  if ('UnlistenStmt' in node) return session('UNLISTEN', ctx);
  if ('ConstraintsSetStmt' in node) return session('SET CONSTRAINTS', ctx);
  if ('NotifyStmt' in node) {
    // Other sessions get the message.
    ctx.out.act('write', `NOTIFY ${node.NotifyStmt.conditionname ?? ''}`);
    return { tag: 'NOTIFY' };
  }
  return undefined;
}

function session(tag: string, ctx: Context): StatementResult {
  ctx.out.act('session', tag);
  return { tag };
}

function setStatement(stmt: VariableSetStmt, ctx: Context): StatementResult {
  const name = (stmt.name ?? '').toLowerCase();
  const local = stmt.is_local ?? false;
  switch (stmt.kind) {
    case 'VAR_RESET_ALL':
      ctx.out.act('session', 'RESET ALL');
      ctx.out.condition('dangerous-session-change');
      ctx.out.changes.push({ kind: 'reset-all' });
      return { tag: 'RESET ALL' };
    case 'VAR_RESET':
      ctx.out.act('session', `RESET ${name}`);
      changeSetting(ctx, name, undefined, local, true);
      return { tag: 'RESET' };
    case 'VAR_SET_MULTI':
      return setMulti(name, stmt.args, ctx);
    case 'VAR_SET_DEFAULT':
      ctx.out.act('session', `SET ${name}`);
      changeSetting(ctx, name, undefined, local, true);
      return { tag: 'SET' };
    default:
      ctx.out.act('session', `SET ${name}`);
      changeSetting(
        ctx,
        name,
        stmt.kind === 'VAR_SET_CURRENT' ? undefined : settingValue(name, stmt.args),
        local,
      );
      return { tag: 'SET' };
  }
}

/** The value as one string: names of search_path are quoted, since each argument is one name whatever it holds. */
export function settingValue(name: string, args: readonly Node[] | undefined): string | undefined {
  const values: string[] = [];
  for (const arg of args ?? []) {
    const text = constantText(arg);
    if (text === undefined) return undefined;
    values.push(text);
  }
  if (name !== 'search_path') return values.join(', ');
  const names = values.filter((value) => value !== '');
  return names.map((value) => `"${value.replaceAll('"', '""')}"`).join(', ');
}

/** `SET TRANSACTION …`, `SET SESSION CHARACTERISTICS …`. */
function setMulti(name: string, args: readonly Node[] | undefined, ctx: Context): StatementResult {
  ctx.out.act('session', `SET ${name.toUpperCase()}`);
  transactionModes(args, ctx);
  for (const arg of args ?? []) {
    if (!('DefElem' in arg)) continue;
    const value = constantText(arg.DefElem.arg);
    ctx.out.changes.push({
      kind: 'set',
      name: arg.DefElem.defname ?? '',
      value,
      local: name === 'transaction',
    });
  }
  return { tag: 'SET' };
}

/** READ WRITE lifts what may be all that keeps a session from writing. */
function transactionModes(options: readonly Node[] | undefined, ctx: Context): void {
  for (const option of options ?? []) {
    if (!('DefElem' in option)) continue;
    const { defname, arg }: DefElem = option.DefElem;
    if (defname === 'transaction_read_only') {
      ctx.out.condition(...settingConditions(defname, constantText(arg) ?? '0', false));
      ctx.out.changes.push({ kind: 'set', name: defname, value: constantText(arg) ?? '0', local: true });
    }
  }
}

const OPERATIONS: Readonly<
  Record<string, readonly [string, Extract<SessionChange, { kind: 'transaction' }>['operation']]>
> = {
  TRANS_STMT_BEGIN: ['BEGIN', 'begin'],
  TRANS_STMT_START: ['START TRANSACTION', 'begin'],
  TRANS_STMT_COMMIT: ['COMMIT', 'commit'],
  TRANS_STMT_ROLLBACK: ['ROLLBACK', 'rollback'],
  TRANS_STMT_SAVEPOINT: ['SAVEPOINT', 'savepoint'],
  TRANS_STMT_RELEASE: ['RELEASE', 'release'],
  TRANS_STMT_ROLLBACK_TO: ['ROLLBACK TO', 'rollback-to'],
  TRANS_STMT_PREPARE: ['PREPARE TRANSACTION', 'prepare'],
};

function transaction(stmt: TransactionStmt, ctx: Context): StatementResult {
  const known = OPERATIONS[stmt.kind ?? ''];
  if (known) {
    const [tag, operation] = known;
    // What PREPARE TRANSACTION leaves behind outlives the session and holds its locks.
    ctx.out.act(operation === 'prepare' ? 'admin' : 'session', tag);
    transactionModes(stmt.options, ctx);
    ctx.out.changes.push({ kind: 'transaction', operation });
    return { tag };
  }
  const tag = stmt.kind === 'TRANS_STMT_COMMIT_PREPARED' ? 'COMMIT PREPARED' : 'ROLLBACK PREPARED';
  // It decides about work of another session.
  ctx.out.act('admin', tag);
  return { tag };
}

function discard(stmt: DiscardStmt, ctx: Context): StatementResult {
  const what = (stmt.target ?? 'DISCARD_ALL').replace('DISCARD_', '').toLowerCase() as
    | 'all'
    | 'plans'
    | 'sequences'
    | 'temp';
  ctx.out.act('session', `DISCARD ${what.toUpperCase()}`);
  if (what === 'all') ctx.out.condition('dangerous-session-change');
  ctx.out.changes.push({ kind: 'discard', what });
  if (what === 'temp') ctx.out.changes.push({ kind: 'catalog' });
  return { tag: `DISCARD ${what.toUpperCase()}` };
}

function lock(stmt: LockStmt, ctx: Context): StatementResult {
  for (const relation of stmt.relations ?? []) {
    const object = 'RangeVar' in relation ? namedObject(relation.RangeVar, ctx) : undefined;
    ctx.out.act('session', 'LOCK TABLE', object);
  }
  return { tag: 'LOCK TABLE' };
}

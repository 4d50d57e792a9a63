import type { RangeVar, SelectStmt } from 'libpg-query';
import type { CatalogRelation } from './catalog.ts';
import type { Context } from './context.ts';
import { noteLockWait } from './locks.ts';
import { relationObject } from './names.ts';
import { noteKin } from './relations.ts';
import type { RangeItem, Scope } from './scope.ts';
import { viewFacts } from './views.ts';
import { writing } from './written-relations.ts';

const STRENGTHS: Readonly<Record<string, string>> = {
  LCS_FORKEYSHARE: 'SELECT FOR KEY SHARE',
  LCS_FORSHARE: 'SELECT FOR SHARE',
  LCS_FORNOKEYUPDATE: 'SELECT FOR NO KEY UPDATE',
  LCS_FORUPDATE: 'SELECT FOR UPDATE',
};

/** Row locks write to the rows they lock. PostgreSQL docs 13.3.2. */
export function lockRows(stmt: SelectStmt, scope: Scope, ctx: Context): void {
  for (const node of stmt.lockingClause ?? []) {
    if (!('LockingClause' in node)) continue;
    if (waits(node.LockingClause.waitPolicy)) noteLockWait(ctx);
    const command = STRENGTHS[node.LockingClause.strength ?? ''] ?? 'SELECT FOR UPDATE';
    const named = (node.LockingClause.lockedRels ?? []).map((rel) =>
      'RangeVar' in rel ? rel.RangeVar : undefined,
    );
    const items =
      named.length === 0 ? scope.items : scope.items.filter((item) => named.some((rv) => isNamed(item, rv)));
    let locked = false;
    for (const item of items) {
      if (!item.relation) continue;
      locked = true;
      ctx.out.act(writing(ctx), command, relationObject(item.relation, ctx));
      noteLockedBehind(item.relation, command, ctx);
    }
    // Locks within a sub-select or view, or on what could not be found.
    if (!locked) ctx.out.act(writing(ctx), command);
  }
}

/** Rows of tables behind a view, of partitions and of inheriting tables are locked with those they are shown as. */
function noteLockedBehind(relation: CatalogRelation, command: string, ctx: Context): void {
  const note = (kin: CatalogRelation, via: string) =>
    ctx.out.act(writing(ctx), command, relationObject(kin, ctx, via));
  noteKin(relation, true, note, ctx);
  if (relation.kind !== 'view') return;
  const via = relationObject(relation, ctx).name;
  for (const { effect, object } of viewFacts(relation, ctx).collector.actions)
    if (effect === 'read' && object?.kind === 'table') ctx.out.act(writing(ctx), command, { ...object, via });
}

/** Neither NOWAIT nor SKIP LOCKED. */
const waits = (policy: string | undefined) => policy === undefined || policy === 'LockWaitBlock';

const isNamed = (item: RangeItem, rv: RangeVar | undefined) => rv?.relname === item.alias;

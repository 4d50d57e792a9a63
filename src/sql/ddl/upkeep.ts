import type { Node, RangeVar, TruncateStmt } from 'libpg-query';
import type { Context } from '../context.ts';
import { referringTables } from '../foreign-keys.ts';
import { displayName, namedObject, relationObject, resolveRelation } from '../names.ts';
import { noteKin } from '../relations.ts';
import type { StatementResult } from '../statements.ts';
import { viewFacts } from '../views.ts';
import { noteIndexTable } from './dependents.ts';

/** Statements that empty, refresh, or look after tables. */
export function upkeep(node: Node, ctx: Context): StatementResult | undefined {
  if ('TruncateStmt' in node) return truncate(node.TruncateStmt, ctx);
  if ('RefreshMatViewStmt' in node) return refresh(node.RefreshMatViewStmt.relation, ctx);
  if ('VacuumStmt' in node) {
    const tag = node.VacuumStmt.is_vacuumcmd ? 'VACUUM' : 'ANALYZE';
    const relations = (node.VacuumStmt.rels ?? []).map((rel) =>
      'VacuumRelation' in rel ? rel.VacuumRelation.relation : undefined,
    );
    return maintain(tag, relations, ctx);
  }
  if ('ClusterStmt' in node) return maintain('CLUSTER', [node.ClusterStmt.relation], ctx);
  if ('ReindexStmt' in node) return maintain('REINDEX', [node.ReindexStmt.relation], ctx);
  return undefined;
}

function maintain(tag: string, relations: readonly (RangeVar | undefined)[], ctx: Context): StatementResult {
  const named = relations.filter((relation) => relation !== undefined);
  for (const relation of named) {
    ctx.out.act('admin', tag, namedObject(relation, ctx));
    const found = resolveRelation(relation, ctx);
    if (found.kind === 'found') noteIndexTable(found.relation, tag, 'admin', ctx);
  }
  if (named.length === 0) ctx.out.act('admin', tag);
  return { tag };
}

function truncate({ relations, behavior }: TruncateStmt, ctx: Context): StatementResult {
  for (const node of relations ?? []) {
    if (!('RangeVar' in node)) continue;
    const found = resolveRelation(node.RangeVar, ctx);
    if (found.kind === 'missing') {
      ctx.out.unknownRelation(found, 'TRUNCATE');
      continue;
    }
    ctx.out.act('write', 'TRUNCATE', relationObject(found.relation, ctx));
    if (behavior === 'DROP_CASCADE') {
      const via = displayName(found.relation, ctx);
      for (const child of referringTables(found.relation, ctx))
        ctx.out.act('write', 'TRUNCATE', relationObject(child, ctx, via));
    }
    noteKin(
      found.relation,
      node.RangeVar.inh === true,
      (kin, via) => ctx.out.act('write', 'TRUNCATE', relationObject(kin, ctx, via)),
      ctx,
    );
  }
  return { tag: 'TRUNCATE' };
}

/** Runs the view's query and stores the rows. */
function refresh(rv: RangeVar | undefined, ctx: Context): StatementResult {
  const object = namedObject(rv, ctx, 'view');
  ctx.out.act('ddl', 'REFRESH MATERIALIZED VIEW', object);
  const found = rv && resolveRelation(rv, ctx);
  if (found?.kind === 'found' && found.relation.definition !== undefined) {
    ctx.out.mergeEffects(viewFacts(found.relation, ctx).collector, object.name);
  }
  return { tag: 'REFRESH MATERIALIZED VIEW' };
}

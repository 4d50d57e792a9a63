import type { CatalogRelation } from './catalog.ts';
import { Collector } from './collector.ts';
import type { Context } from './context.ts';
import { expression } from './expressions.ts';
import type { Action, SessionChange } from './facts.ts';
import { noteInnerChanges } from './inner-effects.ts';
import { KeptByCatalog } from './kept-by-catalog.ts';
import { parseText } from './parse.ts';
import { relationColumns, Scope } from './scope.ts';
import { changesNames } from './table-code.ts';

interface PolicyCode {
  readonly actions: readonly Action[];
  readonly changes: readonly SessionChange[];
}

const kept = new KeptByCatalog<PolicyCode>();

/**
 * What the policies of a table's row security do to other objects whenever the table is used. What they only read, or
 * what cannot be told of them, is the owner's own.
 */
export function notePolicies(relation: CatalogRelation, ctx: Context): void {
  if (relation.policies === undefined || ctx.within.includes(relation.oid)) return;
  const key = `${relation.oid} ${ctx.state.callPath?.join('\0') ?? '?'}`;
  const { catalog, state } = ctx;
  const known =
    (state.pristine ? kept.get(catalog, key) : undefined) ?? acting(relation, relation.policies, ctx);
  if (state.pristine) kept.set(catalog, key, known);
  for (const action of known.actions) ctx.out.add(action);
  noteInnerChanges(known.changes, ctx);
}

function acting(relation: CatalogRelation, policies: readonly string[], ctx: Context): PolicyCode {
  const out = new Collector();
  const scope = new Scope(undefined);
  const list = relationColumns(relation, ctx.catalog);
  const whole = [`${relation.schema}.${relation.name}.*`];
  scope.add([{ ...list, alias: relation.name, schema: relation.schema, wholeRow: whole, relation }], list);
  const inner: Context = {
    catalog: ctx.catalog,
    state: ctx.state.bound(ctx.catalog.definitionPath),
    out,
    within: [...ctx.within, relation.oid],
    inFunction: true,
    planOnly: false,
  };
  for (const policy of policies) {
    const parsed = parseText(`SELECT ${policy}`);
    const node = parsed.ok ? parsed.statements[0]?.node : undefined;
    const target = node && 'SelectStmt' in node ? node.SelectStmt.targetList?.[0] : undefined;
    if (target && 'ResTarget' in target) expression(target.ResTarget.val, scope, { kind: 'other' }, inner);
  }
  const via = `${relation.schema}.${relation.name}`;
  const actions = out.actions
    .filter(({ effect }) => effect !== 'read' && effect !== 'unknown')
    .map((action) => (action.object ? { ...action, object: { ...action.object, via } } : action));
  return { actions, changes: out.changes.filter(changesNames) };
}

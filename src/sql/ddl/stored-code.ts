import type { Constraint, CreateDomainStmt, CreateStmt, Node, TypeName } from 'libpg-query';
import { Collector } from '../collector.ts';
import type { Context } from '../context.ts';
import { emptyScope, expressions } from '../expressions.ts';
import type { Action } from '../facts.ts';
import type { Scope } from '../scope.ts';
import { changesNames } from '../table-code.ts';

/**
 * Expressions that a definition leaves for the server to compute later, whenever rows are written or read: defaults,
 * CHECKs, policies, conditions of triggers. The catalog tells later which functions of users they call, not which of
 * pg_catalog's and with what, so whoever writes them down is judged by what they will do.
 */
export function noteStored(nodes: readonly (Node | undefined)[], scope: Scope, ctx: Context): void {
  const given = nodes.filter((node) => node !== undefined);
  if (given.length === 0) return;
  const out = new Collector();
  // Without a known path, functions of users are found by what the catalog tells of the definition later.
  const state = ctx.state.searchPath === undefined ? ctx.state.inner(['pg_catalog']) : ctx.state;
  // What is not in sight are the columns of what is being defined.
  expressions(given, scope, { kind: 'other' }, { ...ctx, state, out, inFunction: true, planOnly: false });
  noteStoredActions(out, ctx);
  for (const name of out.functions) ctx.out.functions.add(name);
  for (const { column, use, with: together } of out.columnUses()) ctx.out.use(column, use, together);
  if (out.changes.some(changesNames))
    ctx.out.unknown(
      'code that changes what names mean cannot be followed where a definition holds it',
      'SET',
    );
}

/** What such code does, besides reading and giving serial columns their numbers. */
export function noteStoredActions(out: Collector, ctx: Context): void {
  const absent = new Set(out.absent.map(({ name }) => name));
  let untold = false;
  for (const action of out.actions) {
    if (action.effect === 'read' || takesNumbers(action) || namesNothing(action, absent)) continue;
    untold ||= action.effect === 'unknown';
    ctx.out.add(action);
  }
  if (untold) for (const reason of out.reasons) ctx.out.reasons.add(reason);
  ctx.out.condition(...out.conditions);
}

/** What a serial column does. */
const takesNumbers = ({ command }: Action) => command.startsWith('CALL pg_catalog.nextval');

/** The server refuses a definition that names a function it does not have. */
const namesNothing = ({ effect, command }: Action, absent: ReadonlySet<string>) =>
  effect === 'unknown' && absent.has(command.replace(/^CALL (?:\?\.)?/u, ''));

/** Defaults, CHECKs, generated columns and partition keys of a new table. */
export function noteTableExpressions({ tableElts, partspec }: CreateStmt, ctx: Context): void {
  const found: (Node | undefined)[] = [];
  for (const element of tableElts ?? []) {
    const column = 'ColumnDef' in element ? element.ColumnDef : undefined;
    found.push(column?.raw_default);
    for (const one of column ? (column.constraints ?? []) : [element])
      if ('Constraint' in one) found.push(...constraintExpressions(one.Constraint));
  }
  for (const part of partspec?.partParams ?? [])
    if ('PartitionElem' in part) found.push(part.PartitionElem.expr);
  noteStored(found, emptyScope(), ctx);
}

const constraintExpressions = ({ raw_expr, where_clause }: Constraint) => [raw_expr, where_clause];

/** Default and CHECKs of a domain, and those of the type beneath it. */
export function noteDomainExpressions({ typeName, constraints }: CreateDomainStmt, ctx: Context): void {
  const found = (constraints ?? []).map((one) => ('Constraint' in one ? one.Constraint.raw_expr : undefined));
  noteStored([typeNode(typeName), ...found], emptyScope(), ctx);
}

/** What making a row of these fields runs. */
export function noteTypesWithin(fields: readonly Node[] | undefined, ctx: Context): void {
  const types = (fields ?? []).map((field) =>
    'ColumnDef' in field ? typeNode(field.ColumnDef.typeName) : undefined,
  );
  noteStored(types, emptyScope(), ctx);
}

const typeNode = (typeName: TypeName | undefined): Node | undefined => typeName && { TypeName: typeName };

import type {
  A_Expr,
  A_Indirection,
  ColumnRef,
  FuncCall,
  Node,
  SortBy,
  SubLink,
  TypeName,
} from 'libpg-query';
import type { Context } from './context.ts';
import type { ColumnUseKind } from './facts.ts';
import { callAttribute, callFunction, callJsonSyntax, useOperator, useType } from './functions.ts';
import { resolveFunctions } from './names.ts';
import { querySelect } from './queries.ts';
import {
  type Column,
  type ColumnList,
  columnNamed,
  Scope,
  SYSTEM_COLUMNS,
  sourcesOf,
  union,
} from './scope.ts';
import { bodyOf, kindOf, nameParts, stringOf } from './tree.ts';

/** How the columns in an expression are used, and where the ones found are noted. */
export interface ExpressionUse {
  readonly kind: ColumnUseKind;
  readonly sources?: Set<string>;
}

/** Notes every column, function, operator, type and sub-select in an expression. */
export function expression(node: Node | undefined, scope: Scope, use: ExpressionUse, ctx: Context): void {
  if (node === undefined) return;
  const body = bodyOf(node);
  switch (kindOf(node)) {
    case 'ColumnRef':
      return noteColumn(body as ColumnRef, scope, use, ctx);
    case 'A_Const':
    case 'ParamRef':
    case 'A_Star':
    case 'String':
      return;
    case 'FuncCall':
      return functionCall(body as FuncCall, scope, use, ctx);
    case 'SubLink':
      return subLink(body as SubLink, scope, use, ctx);
    case 'SelectStmt': {
      const list = querySelect(node, scope, ctx);
      return noteAll(sourcesOf(list), use, ctx);
    }
    case 'TypeName':
      return useType(body as TypeName, ctx);
    case 'A_Expr':
      if ((body as A_Expr).name) useOperator(nameParts((body as A_Expr).name), ctx);
      break;
    case 'SortBy':
      if ((body as SortBy).useOp) useOperator(nameParts((body as SortBy).useOp), ctx);
      break;
    case 'A_Indirection':
      attributes(body as A_Indirection, ctx);
      break;
    case 'RangeVar':
    case 'JoinExpr':
    case 'RangeSubselect':
    case 'RangeFunction':
      // Nowhere in an expression: were one to appear, its effects would go unseen.
      return ctx.out.unknown('a table stands where an expression is expected', 'SELECT');
    default:
      callJsonSyntax(kindOf(node), ctx);
  }
  children(body, scope, use, ctx);
}

export function expressions(
  nodes: readonly Node[] | undefined,
  scope: Scope,
  use: ExpressionUse,
  ctx: Context,
): void {
  for (const node of nodes ?? []) expression(node, scope, use, ctx);
}

/** Whatever a node holds, of whatever kind: nothing in the tree is left unread because its kind is new. */
function children(body: unknown, scope: Scope, use: ExpressionUse, ctx: Context): void {
  if (typeof body !== 'object' || body === null) return;
  if (Array.isArray(body)) {
    for (const child of body) child !== null && typeof child === 'object' && inner(child, scope, use, ctx);
    return;
  }
  for (const key in body) {
    const child = (body as Record<string, unknown>)[key];
    if (child === null || typeof child !== 'object') continue;
    if (key === 'typeName') useType(child as TypeName, ctx);
    else if (Array.isArray(child)) children(child, scope, use, ctx);
    else inner(child, scope, use, ctx);
  }
}

/** A child is a wrapped node (`{ColumnRef: …}`, by its capital) or a bare struct (`{raw_expr: …}`). */
function inner(child: object, scope: Scope, use: ExpressionUse, ctx: Context): void {
  for (const key in child) {
    const code = key.charCodeAt(0);
    if (code >= 65 && code <= 90) return expression(child as Node, scope, use, ctx);
    break;
  }
  children(child, scope, use, ctx);
}

function noteAll(sources: readonly string[], use: ExpressionUse, ctx: Context): void {
  for (const source of sources) {
    ctx.out.use(source, use.kind);
    use.sources?.add(source);
  }
}

function noteColumn(ref: ColumnRef, scope: Scope, use: ExpressionUse, ctx: Context): void {
  const fields = ref.fields ?? [];
  if (fields.length > 0 && 'A_Star' in (fields.at(-1) as Node)) {
    return noteAll(sourcesOf(starColumns(fields, scope)), use, ctx);
  }
  noteAll(resolveColumn(fields, scope, ctx).sources, use, ctx);
}

/** `*` or `x.*`. */
export function starColumns(fields: readonly Node[], scope: Scope): ColumnList {
  if (fields.length === 1) {
    return { columns: scope.columns, ...(scope.open ? { open: scope.open } : {}) };
  }
  const names = nameParts(fields);
  const item = scope.item(names.at(-1) ?? '', names.at(-2));
  // A composite column's fields, or a function's variable.
  return item ?? { columns: [], open: [] };
}

/** The column a reference means. One that cannot be found stands for every column in sight. */
export function resolveColumn(fields: readonly Node[], scope: Scope, ctx: Context): Column {
  const names = nameParts(fields);
  const name = names.at(-1) ?? '';
  return names.length <= 1 ? unqualified(name, scope, ctx) : qualified(names, name, scope, ctx);
}

function unqualified(name: string, scope: Scope, ctx: Context): Column {
  // Members whose columns are not known may have it or not: then whatever an outer level has may be meant as well.
  let maybe: readonly string[] | undefined;
  for (let level: Scope | undefined = scope; level; level = level.parent) {
    const found = atLevel(name, level);
    if (found)
      return maybe === undefined ? found : { name, sources: union(maybe, found.sources), plain: false };
    if (level.open !== undefined) maybe = union(maybe ?? [], level.open);
  }
  return maybe === undefined ? unresolved(name, scope, ctx) : { name, sources: maybe, plain: false };
}

function atLevel(name: string, level: Scope): Column | undefined {
  const column = columnNamed(level, name);
  if (column) return column;
  if (SYSTEM_COLUMNS.has(name) && level.items.length > 0) return { name, sources: [], plain: false };
  // A whole row; or, of a function in FROM, its one column.
  const item = level.items.find((one) => one.alias === name);
  return item && { name, sources: item.wholeRow, plain: false };
}

function qualified(names: readonly string[], name: string, scope: Scope, ctx: Context): Column {
  const alias = names.at(-2) ?? '';
  const item = scope.item(alias, names.at(-3));
  if (item) {
    const column = columnNamed(item, name);
    if (column) return column;
    if (SYSTEM_COLUMNS.has(name)) return { name, sources: [], plain: false };
    // Attribute notation: `o.fn` is fn(o). PostgreSQL docs 4.2.6 and 36.5.3.
    callAttribute(name, ctx);
    return { name, sources: [...item.wholeRow, ...(item.open ?? [])], plain: false };
  }
  // `schema.table` as a whole row.
  const whole = scope.item(name, alias);
  if (whole?.schema === alias) return { name, sources: whole.wholeRow, plain: false };
  return unresolved(name, scope, ctx);
}

function unresolved(name: string, scope: Scope, ctx: Context): Column {
  if (ctx.inFunction) return { name, sources: [], plain: false };
  const sources = new Set<string>();
  for (let level: Scope | undefined = scope; level; level = level.parent) {
    for (const item of level.items) for (const source of item.wholeRow) sources.add(source);
  }
  return { name, sources: [...sources], plain: false };
}

function functionCall(call: FuncCall, scope: Scope, use: ExpressionUse, ctx: Context): void {
  const parts = nameParts(call.funcname);
  const args = call.args ?? [];
  // An aggregate looks at all rows, so a column within it is no longer any row's own.
  const inside = use.kind === 'output' ? { ...use, kind: 'expression' as const } : use;
  const first = args[0];
  if (args.length === 1 && first && 'ColumnRef' in first && parts.length === 1) {
    const item = wholeRowArgument(first.ColumnRef, scope);
    const column = item && columnNamed(item, parts[0] ?? '');
    const found = resolveFunctions(parts, 1, ctx);
    // Functional notation: `email(u)` is u.email where no function has that name.
    if (column && found.candidates.length === 0 && found.builtin === undefined) {
      return noteAll(column.sources, inside, ctx);
    }
  }
  expressions(args, scope, inside, ctx);
  expressions(call.agg_order, scope, inside, ctx);
  expression(call.agg_filter, scope, inside, ctx);
  if (call.over) children(call.over, scope, inside, ctx);
  noteAll(callFunction(parts, args, ctx, call.agg_star ? 0 : undefined).sources, inside, ctx);
}

function wholeRowArgument(ref: ColumnRef, scope: Scope) {
  const names = nameParts(ref.fields);
  return names.length === 1 ? scope.item(names[0] ?? '') : undefined;
}

function subLink(link: SubLink, scope: Scope, use: ExpressionUse, ctx: Context): void {
  const inside = use.kind === 'output' ? { ...use, kind: 'expression' as const } : use;
  if (link.operName) useOperator(nameParts(link.operName), ctx);
  else if (link.subLinkType === 'ANY_SUBLINK') useOperator(['='], ctx);
  expression(link.testexpr, scope, inside, ctx);
  if (!link.subselect) return;
  const list = querySelect(link.subselect, scope, ctx);
  // EXISTS looks at rows, not at what they show.
  if (link.subLinkType !== 'EXISTS_SUBLINK') noteAll(sourcesOf(list), inside, ctx);
}

/** `(x).name`: a field, or a function of that name applied to x. */
function attributes(node: A_Indirection, ctx: Context): void {
  for (const step of node.indirection ?? []) {
    const name = stringOf(step);
    if (name !== undefined) callAttribute(name, ctx);
  }
}

/** A scope in which no column can be found: literals, parameters and functions only. */
export const emptyScope = (): Scope => new Scope(undefined);

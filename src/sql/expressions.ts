import type {
  A_Expr,
  A_Indirection,
  ColumnRef,
  Node,
  SortBy,
  SubLink,
  TypeCast,
  TypeName,
} from 'libpg-query';
import { isSafeArithmetic } from './arithmetic.ts';
import { TOTAL_OPERATORS, totality } from './builtins/total-functions.ts';
import { functionCall } from './calls.ts';
import { resolveColumn, starColumns } from './column-references.ts';
import { compare, comparisonOf, equate } from './comparisons.ts';
import type { Context } from './context.ts';
import { documentValue } from './documents.ts';
import type { ColumnUseKind, Source } from './facts.ts';
import { callAttribute, callJsonSyntax } from './functions.ts';
import { removesPlace } from './json-edits.ts';
import { resolveFunctions } from './names.ts';
import { runsUserOperator, useOperator } from './operators.ts';
import { querySelect } from './queries.ts';
import { type Column, columnNamed, copiesIn, Scope, sourcesOf } from './scope.ts';
import { bodyOf, kindOf, nameParts, stringOf } from './tree.ts';
import { useType } from './types.ts';
import { rememberShape, shapeOf, shapeOfType } from './value-shapes.ts';
import { cases, cast, coalesce, nullTest, otherValue } from './values.ts';

/** What became of the values on their way into an expression's own. Mutable. */
export interface Flow {
  /** They do not stand in it as they were. */
  transformed: boolean;
  /** Whether it is NULL may hang on what they are. */
  vanishes: boolean;
  /** How often they may stand in it. */
  copies: number;
}

/** How the columns in an expression are used, and where the ones found are noted. */
export interface ExpressionUse {
  readonly kind: ColumnUseKind;
  readonly with?: readonly string[];
  readonly sources?: Set<Source>;
  readonly flow?: Flow;
  /** A function around it that may fail for whatever is not NULL: a position or pattern that is none. */
  readonly within?: string;
}

/** Notes every column, function, operator, type and sub-select in an expression. */
export function expression(node: Node | undefined, scope: Scope, use: ExpressionUse, ctx: Context): void {
  if (node === undefined) return;
  const body = bodyOf(node);
  const kind = kindOf(node);
  switch (kind) {
    case 'ColumnRef':
      return noteColumn(body as ColumnRef, scope, use, ctx);
    case 'A_Const':
    case 'ParamRef':
    case 'A_Star':
    case 'String':
      return;
    case 'FuncCall':
      return functionCall(node, scope, use, ctx);
    case 'SubLink':
      return subLink(body as SubLink, scope, use, ctx);
    case 'SelectStmt':
      return noteAll(sourcesOf(querySelect(node, scope, ctx)), use, ctx);
    case 'TypeName':
      return useType(body as TypeName, ctx);
    case 'A_Expr':
      return operation(node, body as A_Expr, scope, use, ctx);
    case 'TypeCast':
      return cast(body as TypeCast, scope, use, ctx);
    case 'NullTest':
      return nullTest((body as { arg?: Node }).arg, scope, use, ctx);
    case 'SortBy':
      if ((body as SortBy).useOp) useOperator(nameParts((body as SortBy).useOp), ctx);
      break;
    case 'A_Indirection':
      return indirection(node, body as A_Indirection, scope, use, ctx);
    case 'CoalesceExpr':
      return coalesce((body as { args?: Node[] }).args ?? [], scope, use, ctx);
    case 'CaseExpr':
      return cases(body as { arg?: Node; args?: Node[]; defresult?: Node }, scope, use, ctx);
    case 'RangeVar':
    case 'JoinExpr':
    case 'RangeSubselect':
    case 'RangeFunction':
      // Nowhere in an expression: were one to appear, its effects would go unseen.
      return ctx.out.unknown('a table stands where an expression is expected', 'SELECT');
    default:
      callJsonSyntax(kind, ctx);
  }
  if (use.kind !== 'computed') return children(body, scope, use, ctx);
  otherValue(node, kind, body, scope, use, ctx);
}

export function expressions(
  nodes: readonly Node[] | undefined,
  scope: Scope,
  use: ExpressionUse,
  ctx: Context,
): void {
  for (const node of nodes ?? []) expression(node, scope, use, ctx);
}

/** Notes what `run` finds in a use of its own; the value is another one when it holds any column. */
export function transforming(use: ExpressionUse, run: (inner: ExpressionUse) => void): void {
  if (use.kind !== 'computed') return run(use);
  const sources = new Set<Source>();
  run({ ...use, sources });
  for (const source of sources) use.sources?.add(source);
  if (sources.size > 0 && use.flow) use.flow.transformed = true;
}

/**
 * The same of what may be NULL for what it is made of. A function around it that always fails, but for NULL, would tell
 * which it is.
 */
export function vanishing(use: ExpressionUse, run: (inner: ExpressionUse) => void): void {
  transforming(use, (inner) => {
    const sources = new Set<Source>();
    run({ ...(inner.kind === 'computed' ? failing(inner) : inner), sources });
    for (const source of sources) inner.sources?.add(source);
    if (sources.size > 0 && use.flow) use.flow.vanishes = true;
  });
}

/** What is found is handed to the function around it. */
function failing(use: ExpressionUse): ExpressionUse {
  return use.within === undefined ? use : { ...use, kind: 'call', with: [use.within] };
}

/** Runs over values that are put together, which fails where their `shape` is not the same (or has no order). */
export function gathering(
  what: string,
  fails: () => boolean,
  use: ExpressionUse,
  run: (inner: ExpressionUse) => void,
  ctx: Context,
): void {
  if (use.kind !== 'computed') return run(use);
  const sources = new Set<Source>();
  run({ ...use, sources });
  for (const source of sources) use.sources?.add(source);
  // Asked behind: sub-selects have then been read.
  if (sources.size > 0 && fails()) ctx.out.useAll([...sources], 'call', [what]);
}

/** Whatever a node holds, of whatever kind: nothing in the tree is left unread because its kind is new. */
export function children(body: unknown, scope: Scope, use: ExpressionUse, ctx: Context): void {
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

/** Notes a use of each column, and hands them on where the use collects what a value is derived from. */
export function noteAll(
  sources: readonly Source[],
  use: ExpressionUse,
  ctx: Context,
  copies: number | undefined = 1,
): void {
  if (use.flow && sources.length > 0) use.flow.copies += copies;
  for (const source of sources) {
    ctx.out.use(source, use.kind, use.with);
    use.sources?.add(source);
  }
}

function noteColumn(ref: ColumnRef, scope: Scope, use: ExpressionUse, ctx: Context): void {
  const fields = ref.fields ?? [];
  if (fields.length > 0 && 'A_Star' in (fields.at(-1) as Node)) {
    const list = starColumns(fields, scope);
    const vanishes = list.columns.some((column) => column.vanishes);
    return noteFound({ sources: sourcesOf(list), vanishes, copies: copiesIn(list) }, use, ctx);
  }
  const column = resolveColumn(fields, scope, ctx);
  if (column.counts) ctx.out.useAll(column.counts, 'count');
  if (use.flow && !column.plain && !column.carried && column.sources.length > 0) use.flow.transformed = true;
  noteFound(column, use, ctx);
}

/** The same of a column that is found, whatever it is made of. */
export function noteFound(
  {
    sources,
    vanishes,
    copies,
  }: { readonly sources: readonly Source[]; readonly vanishes?: boolean; readonly copies?: number },
  use: ExpressionUse,
  ctx: Context,
): void {
  noteAll(sources, vanishes && use.kind === 'computed' ? vanished(use) : use, ctx, copies);
}

function vanished(use: ExpressionUse): ExpressionUse {
  if (use.flow) use.flow.vanishes = true;
  return failing(use);
}

function operation(node: Node, expr: A_Expr, scope: Scope, use: ExpressionUse, ctx: Context): void {
  const name = nameParts(expr.name);
  if (expr.name) useOperator(name, ctx);
  const foreign = runsUserOperator(name, ctx);
  const judging = use.kind === 'computed' || use.kind === 'predicate' || use.kind === 'branch';
  const comparison = judging && !foreign ? comparisonOf(expr) : undefined;
  if (comparison) {
    if (use.flow) use.flow.transformed = true;
    return compare(expr, comparison, scope, use, ctx);
  }
  if (!foreign) {
    const found = documentValue(node, scope, ctx);
    if (found) return noteAll(found.sources, use, ctx);
  }
  const removes = use.kind === 'computed' && removesPlace(expr, scope, ctx);
  const reckons = use.kind === 'computed' && !foreign && isSafeArithmetic(expr, scope, ctx);
  const passes =
    !judging ||
    removes ||
    reckons ||
    (!foreign && (use.kind === 'predicate' || TOTAL_OPERATORS.has(name.at(-1) ?? '')));
  const operator = name.at(-1) ?? '';
  const kept: ExpressionUse = passes ? use : { ...use, kind: 'call', with: [`operator ${name.join('.')}`] };
  const read = (inner: ExpressionUse) => children({ ...expr, name: undefined }, scope, inner, ctx);
  if (removes || reckons) return transforming(kept, read);
  // Of a document, what is not under the key is NULL.
  if (operator !== '||') return vanishing(kept, read);
  const operands = [expr.lexpr, expr.rexpr];
  const joinsArrays = () =>
    operands.some((one) => shapeOf(one, scope, ctx) === 'array') &&
    operands.every((one) => shapeOf(one, scope, ctx) !== undefined || isUntyped(one));
  gathering('|| of two arrays', joinsArrays, kept, (inner) => transforming(inner, read), ctx);
}

/** A literal or parameter takes the type of what stands beside it. */
const isUntyped = (node: Node | undefined) => node !== undefined && ('A_Const' in node || 'ParamRef' in node);

/** `(u).name`, of a row in FROM: that column alone. */
function fieldOfRow({ arg, indirection }: A_Indirection, scope: Scope): Column | undefined {
  const [step, ...more] = indirection ?? [];
  const name = stringOf(step);
  if (name === undefined || more.length > 0 || !arg || !('ColumnRef' in arg)) return undefined;
  const [alias, ...rest] = nameParts(arg.ColumnRef.fields);
  if (alias === undefined || rest.length > 0 || arg.ColumnRef.fields?.length !== 1) return undefined;
  // A column of that name would be meant before the row.
  for (let level: Scope | undefined = scope; level; level = level.parent) {
    if (level.open !== undefined || columnNamed(level, alias)) return undefined;
    const item = level.items.find((one) => one.alias === alias);
    if (item) return item.open === undefined ? columnNamed(item, name) : undefined;
  }
  return undefined;
}

function indirection(node: Node, body: A_Indirection, scope: Scope, use: ExpressionUse, ctx: Context): void {
  const found = documentValue(node, scope, ctx);
  if (found) return noteAll(found.sources, use, ctx);
  const field = fieldOfRow(body, scope);
  if (field) return noteFound(field, use, ctx);
  let called: string | undefined;
  for (const [i, step] of (body.indirection ?? []).entries()) {
    // `(x).name`: a field, or a function of that name applied to x.
    const name = stringOf(step);
    if (name === undefined) continue;
    const builtin = resolveFunctions([name], 1, ctx).builtin !== undefined && totality(name) === 'none';
    if (callAttribute(name, i === 0 ? body.arg : undefined, ctx) || builtin) called = name;
  }
  const kept: ExpressionUse = called === undefined ? use : { ...use, kind: 'call', with: [called] };
  // An array has no value, and a document no part, beyond what is in it.
  const picks = body.indirection?.some((step) => 'A_Indices' in step) ?? false;
  (picks ? vanishing : transforming)(kept, (inner) => children(body, scope, inner, ctx));
}

function subLink(link: SubLink, scope: Scope, use: ExpressionUse, ctx: Context): void {
  if (link.operName) useOperator(nameParts(link.operName), ctx);
  else if (link.subLinkType === 'ANY_SUBLINK') useOperator(['='], ctx);
  const list = link.subselect && querySelect(link.subselect, scope, ctx);
  const [shown] = list?.columns ?? [];
  rememberShape(link, list?.open ? 'array' : (shown?.shape ?? shapeOfType(shown?.typeOid ?? 0, ctx)));
  // EXISTS looks at rows, not at what they show.
  if (link.subLinkType === 'EXISTS_SUBLINK') return;
  if (link.testexpr === undefined) {
    if (use.flow && !(shown?.plain || shown?.carried)) use.flow.transformed = true;
    const sources = list ? sourcesOf(list) : [];
    if (link.subLinkType === 'ARRAY_SUBLINK' && shown?.shape === 'array' && use.kind === 'computed')
      return noteAll(sources, { ...use, kind: 'call', with: ['ARRAY(…) of arrays'] }, ctx);
    return noteFound({ ...shown, sources }, use, ctx);
  }
  if (use.flow) use.flow.transformed = true;
  const [only, ...more] = list?.columns ?? [];
  const operator = link.operName ? nameParts(link.operName).at(-1) : '=';
  if (operator === '=' && only?.plain && more.length === 0 && list?.open === undefined) {
    const within = new Scope(scope);
    within.columns = [{ ...only, name: 'found' }];
    const found: Node = { ColumnRef: { fields: [{ String: { sval: 'found' } }] } };
    return equate(link.testexpr, [found], within, use, ctx);
  }
  const deciding: ExpressionUse = { ...use, kind: use.kind === 'computed' ? 'predicate' : use.kind };
  expression(link.testexpr, scope, deciding, ctx);
  noteAll(list ? sourcesOf(list) : [], deciding, ctx);
}

/** A scope in which no column can be found: literals, parameters and functions only. */
export const emptyScope = (): Scope => new Scope(undefined);

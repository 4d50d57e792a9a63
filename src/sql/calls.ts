import type { ColumnRef, FuncCall, Node, WindowDef } from 'libpg-query';
import {
  DATED_OIDS,
  DOCUMENT_ROWS,
  FAILS_BUT_FOR_NULL,
  FAILS_BY_COLLATION,
  GROWING,
  isGuarded,
  ONE_ARGUMENT,
  type Totality,
  totality,
} from './builtins/total-functions.ts';
import { referredColumn } from './column-references.ts';
import { isFixed } from './constants.ts';
import type { Context } from './context.ts';
import { SHAPE, under } from './document-path.ts';
import { documentValue } from './documents.ts';
import {
  type ExpressionUse,
  expression,
  expressions,
  gathering,
  noteAll,
  noteFound,
  transforming,
  vanishing,
} from './expressions.ts';
import type { Source } from './facts.ts';
import { callFunction } from './functions.ts';
import { setsPlaces } from './json-edits.ts';
import { resolveFunctions } from './names.ts';
import { orderBy } from './queries.ts';
import { columnNamed, type Scope } from './scope.ts';
import { constantText, nameParts, visit } from './tree.ts';
import { shapeOf } from './value-shapes.ts';

/** A call, as `FuncCall`: its arguments, what it does, and what its value is derived from. */
export function functionCall(node: Node, scope: Scope, use: ExpressionUse, ctx: Context): void {
  const call = ('FuncCall' in node ? node.FuncCall : {}) as FuncCall;
  const parts = nameParts(call.funcname);
  const args = call.args ?? [];
  const [first] = args;
  if (args.length === 1 && first && 'ColumnRef' in first && parts.length === 1) {
    const item = wholeRowArgument(first.ColumnRef, scope);
    const column = item && columnNamed(item, parts[0] ?? '');
    const found = resolveFunctions(parts, 1, ctx);
    // Functional notation: `email(u)` is u.email where no function has that name.
    if (column && found.candidates.length === 0 && found.builtin === undefined) {
      return noteFound(column, use, ctx);
    }
  }
  noteGrowth(call, ctx);
  window(call.over, scope, use, ctx);
  expression(
    call.agg_filter,
    scope,
    { kind: 'predicate', ...(use.sources ? { sources: use.sources } : {}) },
    ctx,
  );
  argumentsOf(node, call, scope, use, ctx);
  const { sources } = callFunction(parts, args, ctx, call.agg_star ? 0 : undefined);
  if (sources.length === 0) return;
  if (use.flow) use.flow.transformed = true;
  // What a function's body makes of them is not looked at here.
  vanishing(use, (inner) => noteAll(sources, inner, ctx));
}

function argumentsOf(node: Node, call: FuncCall, scope: Scope, use: ExpressionUse, ctx: Context): void {
  const args = call.args ?? [];
  if (use.kind !== 'computed') {
    const counts = countedColumns(call, scope, ctx);
    if (counts) return ctx.out.useAll(counts, 'count');
    const part = documentValue(node, scope, ctx);
    if (part) return noteAll(part.sources, use, ctx);
    expressions(args, scope, use, ctx);
    return expressions(call.agg_order, scope, use, ctx);
  }
  const name = builtinName(call, ctx);
  if (name === 'count') return counted(call, scope, use, ctx);
  if (name !== undefined && DOCUMENT_ROWS[name]) return documentRows(name, args, scope, use, ctx);
  const part = documentValue(node, scope, ctx);
  if (part) return noteAll(part.sources, use, ctx);
  if (name === 'min' || name === 'max') {
    const sources = new Set<Source>();
    expressions(args, scope, { ...use, sources }, ctx);
    for (const source of sources) use.sources?.add(source);
    return ctx.out.useAll([...sources], 'extreme');
  }
  const total = name === undefined ? 'none' : totalityOf(name, call, scope, ctx);
  const outside: ExpressionUse = { ...use, kind: 'call', with: [nameParts(call.funcname).join('.')] };
  // At a place that each row chooses, a part of the value is one of many that together are all of it.
  const chosen = !KEYED.has(name ?? '') && args.some((arg, i) => isGuarded(name ?? '', i) && !isFixed(arg));
  const inside = total === 'none' || chosen ? outside : use;
  const read = (into: ExpressionUse) => {
    const held =
      name !== undefined && failsButForNull(name, args, scope, ctx) ? { ...into, within: name } : into;
    args.forEach((arg, i) => {
      expression(arg, scope, isGuarded(name ?? '', i) ? outside : held, ctx);
    });
    expressions(call.agg_order, scope, held, ctx);
  };
  const ordered = [...sortedBy(call.agg_order), ...(call.agg_distinct ? args : [])];
  const fails = () =>
    ordered.some((one) => shapeOf(one, scope, ctx) !== undefined) ||
    (name === 'array_agg' && args.some((arg) => shapeOf(arg, scope, ctx) === 'array'));
  const flows = name !== undefined && vanishesIn(name, args) ? vanishing : transforming;
  gathering(
    `${name ?? ''} of arrays or rows`,
    fails,
    inside,
    (into) => (total === 'carrying' ? read(into) : flows(into, read)),
    ctx,
  );
}

/** Some take every value as long as the client does not choose what else they are given. */
function totalityOf(name: string, call: FuncCall, scope: Scope, ctx: Context): Totality {
  const args = call.args ?? [];
  if (setsPlaces(name, args, scope, ctx)) return 'computing';
  // How many there are in an array of arguments may be too few.
  if (name === 'format' && !call.func_variadic && plainFormat(args[0]) !== undefined) return 'computing';
  if (LENGTHS.has(name) && documentValue(args[0], scope, ctx)?.isJson) return 'computing';
  if (ONE_ARGUMENT.has(name) && args.length > 1) return 'none';
  // Where a replacement ends is reckoned of its length.
  if (name === 'overlay' && args.length < 4 && !isPlace(args[2])) return 'none';
  if (name === 'to_char' && !isTotalFormat(args, scope, ctx)) return 'none';
  return totality(name);
}

const isPlace = (node: Node | undefined) => Math.abs(Number(constantText(node) ?? LONG)) < LONG;

/** `V` multiplies a number by powers of ten, and a bigint overflows; dates know no such letter. */
function isTotalFormat([value, format]: readonly Node[], scope: Scope, ctx: Context): boolean {
  if (DATED_OIDS.has(referredColumn(value, scope, ctx)?.typeOid ?? 0)) return true;
  return format !== undefined && 'A_Const' in format && !/v/i.test(constantText(format) ?? '');
}

/** Of a stored document they fail for its form alone. */
const LENGTHS: ReadonlySet<string> = new Set(['json_array_length', 'jsonb_array_length']);

/** `%s` and `%L` take every value; `%I` and a width that is an argument do not. */
function plainFormat(node: Node | undefined): string | undefined {
  const text = node && 'A_Const' in node ? constantText(node) : undefined;
  return text !== undefined && /^(?:[^%]|%%|%(?:\d{1,2}\$)?-?\d{0,2}[sL])*$/u.test(text) ? text : undefined;
}

/** Whether it can be made to fail for any value but NULL. */
function failsButForNull(name: string, args: readonly Node[], scope: Scope, ctx: Context): boolean {
  if (FAILS_BUT_FOR_NULL.has(name)) return true;
  if (!FAILS_BY_COLLATION.has(name)) return false;
  const refs: Node[] = [];
  let mixes = false;
  visit(args, (kind, body) => {
    if (kind === 'ColumnRef') refs.push({ ColumnRef: body } as Node);
    mixes ||= kind === 'CollateClause' || kind === 'SubLink' || kind === 'TypeCast';
  });
  // One stored column has one collation.
  return mixes || refs.length > 1 || refs.some((ref) => !referredColumn(ref, scope, ctx)?.plain);
}

/** What an aggregate sorts by. */
export function sortedBy(items: readonly Node[] | undefined): readonly Node[] {
  return (items ?? []).flatMap((one) => ('SortBy' in one && one.SortBy.node ? [one.SortBy.node] : []));
}

const VANISHING: ReadonlySet<string> = new Set([
  ...[
    'array_length',
    'xmlagg',
    'string_to_array',
    'regexp_match',
    'regexp_substr',
    'jsonb_set',
    'jsonb_insert',
  ],
]);

/** Gives NULL for some values: a pattern that is not found, an array without elements. */
function vanishesIn(name: string, args: readonly Node[]): boolean {
  if (name !== 'substring') return VANISHING.has(name);
  const [, from] = args;
  return constantInteger(from) === undefined;
}

const constantInteger = (node: Node | undefined) =>
  node && 'A_Const' in node && 'ival' in node.A_Const ? node.A_Const.ival : undefined;

/** What is guarded there is a key: which one stands beside the value chooses no part of it. */
const KEYED: ReadonlySet<string> = new Set([
  'json_object_agg',
  'jsonb_object_agg',
  'json_build_object',
  'jsonb_build_object',
]);

/** The function of pg_catalog that is surely meant. */
function builtinName(call: FuncCall, ctx: Context): string | undefined {
  const parts = nameParts(call.funcname);
  const found = resolveFunctions(parts, call.agg_star ? 0 : (call.args ?? []).length, ctx);
  // citext has functions of the same names that do the same for its own type.
  const twins = found.candidates.every(({ extension }) => extension === 'citext');
  return twins && !found.opaque ? found.builtin : undefined;
}

/** How many values a stored column has tells nothing of any one of them. */
function counted(call: FuncCall, scope: Scope, use: ExpressionUse, ctx: Context): void {
  const sources = countedColumns(call, scope, ctx);
  if (sources) return ctx.out.useAll(sources, 'count');
  const args = call.args ?? [];
  const compares = () =>
    (call.agg_distinct ?? false) && args.some((arg) => shapeOf(arg, scope, ctx) !== undefined);
  const read = (inner: ExpressionUse) => expressions(args, scope, inner, ctx);
  gathering('DISTINCT over arrays or rows', compares, use, (into) => transforming(into, read), ctx);
}

/** Columns whose values `count(x)` counts; undefined for anything but a count of one stored column. */
export function countedColumns(call: FuncCall, scope: Scope, ctx: Context): readonly Source[] | undefined {
  const [only, ...more] = call.args ?? [];
  if (more.length > 0 || builtinName(call, ctx) !== 'count') return undefined;
  if (!call.agg_distinct && only && isTableRow(only, scope)) return [];
  const column = referredColumn(only, scope, ctx);
  return column?.plain ? column.sources : undefined;
}

/** `u` or `u.*`, of a member of FROM that has no column of that name: a row is never NULL. */
function isTableRow(node: Node, scope: Scope): boolean {
  if (!('ColumnRef' in node)) return false;
  const fields = node.ColumnRef.fields ?? [];
  const isStar = fields.length === 2 && 'A_Star' in (fields[1] as Node);
  if (fields.length !== 1 && !isStar) return false;
  const [name = ''] = nameParts(fields);
  const item = scope.item(name);
  // A function's one value has its alias for a name.
  if (
    item === undefined ||
    item.open !== undefined ||
    (item.relation === undefined && item.columns.length < 2)
  )
    return false;
  return isStar || (columnNamed(scope, name) === undefined && scope.open === undefined);
}

/** The keys of a document, or its elements: there are as many as it has. */
function documentRows(
  name: string,
  args: readonly Node[],
  scope: Scope,
  use: ExpressionUse,
  ctx: Context,
): void {
  const [only] = args;
  const document = documentValue(only, scope, ctx);
  if (!document?.isJson) return expressions(args, scope, { ...use, kind: 'rows' }, ctx);
  const shape = document.sources.map((source) => under(source, SHAPE));
  ctx.out.useAll(shape, 'rows');
  const values = DOCUMENT_ROWS[name]?.includes('value') ? document.sources : shape;
  transforming(use, (inner) => noteAll(values, inner, ctx));
}

/** Rows come in the order in which a window function has read them. */
export function window(over: WindowDef | undefined, scope: Scope, use: ExpressionUse, ctx: Context): void {
  if (!over) return;
  const { sources } = use;
  const through = sources ? { sources } : {};
  for (const node of over.partitionClause ?? []) orderBy(node, scope, 'group', ctx, through);
  expressions(over.orderClause, scope, { ...through, kind: 'order' }, ctx);
  expression(over.startOffset, scope, { ...through, kind: 'call', with: ['a frame'] }, ctx);
  expression(over.endOffset, scope, { ...through, kind: 'call', with: ['a frame'] }, ctx);
}

/** Longer than this, in characters or rows, a value can be made to pass a limit that hangs on another one. */
export const LONG = 100_000;

function noteGrowth(call: FuncCall, ctx: Context): void {
  const name = nameParts(call.funcname).at(-1) ?? '';
  const args = call.args ?? [];
  if (name === 'generate_series') {
    for (const arg of args.slice(0, 2)) {
      const text = constantText(arg);
      if (text === undefined ? !('ParamRef' in arg) : Number(text) > LONG) ctx.out.makesLongValues = true;
    }
    // Rows of one series for each of another.
    ctx.out.growth *= Math.max(1, Math.abs(Number(constantText(args[1]) ?? 1)) || 1);
    if (ctx.out.growth > LONG) ctx.out.makesLongValues = true;
  }
  if (!GROWING.has(name)) return;
  const factor = growthOf(name, args);
  ctx.out.growth *= Math.max(1, factor);
  if (ctx.out.growth >= LONG) ctx.out.makesLongValues = true;
}

/** How many times as long as what it is given a value can become. */
function growthOf(name: string, args: readonly Node[]): number {
  if (name === 'format') return plainFormat(args[0])?.split('%').length ?? LONG;
  const text = constantText(name === 'repeat' || name === 'lpad' || name === 'rpad' ? args[1] : args[2]);
  return name === 'replace' || name === 'regexp_replace' ? (text?.length ?? LONG) : Number(text ?? LONG);
}

function wholeRowArgument(ref: ColumnRef, scope: Scope) {
  const names = nameParts(ref.fields);
  return names.length === 1 ? scope.item(names[0] ?? '') : undefined;
}

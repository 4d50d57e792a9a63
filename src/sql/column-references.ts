import type { ColumnRef, Node } from 'libpg-query';
import { totality } from './builtins/total-functions.ts';
import type { Context } from './context.ts';
import type { Source } from './facts.ts';
import { callAttribute } from './functions.ts';
import {
  type Column,
  type ColumnList,
  columnNamed,
  copiesIn,
  nature,
  type RangeItem,
  type Scope,
  SYSTEM_COLUMNS,
  union,
} from './scope.ts';
import { nameParts } from './tree.ts';

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

/** The column a reference means, where the node is one; undefined for any other node, and for `*`. */
export function referredColumn(node: Node | undefined, scope: Scope, ctx: Context): Column | undefined {
  if (node === undefined || !('ColumnRef' in node)) return undefined;
  const fields = (node.ColumnRef as ColumnRef).fields ?? [];
  const last = fields.at(-1);
  return last === undefined || 'A_Star' in last ? undefined : resolveColumn(fields, scope, ctx);
}

/** The column a reference means. One that cannot be found stands for every column in sight. */
export function resolveColumn(fields: readonly Node[], scope: Scope, ctx: Context): Column {
  const names = nameParts(fields);
  const name = names.at(-1) ?? '';
  return names.length <= 1 ? unqualified(name, scope, ctx) : qualified(names, name, scope, ctx);
}

function unqualified(name: string, scope: Scope, ctx: Context): Column {
  // Members whose columns are not known may have it or not: then whatever an outer level has may be meant as well.
  let maybe: readonly Source[] | undefined;
  for (let level: Scope | undefined = scope; level; level = level.parent) {
    const found = atLevel(name, level);
    if (found)
      return maybe === undefined ? found : { name, sources: union(maybe, found.sources), plain: false };
    if (level.open !== undefined) maybe = union(maybe ?? [], level.open);
  }
  return maybe === undefined ? unresolved([name], scope, ctx) : { name, sources: maybe, plain: false };
}

function atLevel(name: string, level: Scope): Column | undefined {
  const column = columnNamed(level, name);
  if (column) return column;
  if (SYSTEM_COLUMNS.has(name) && level.items.length > 0) return { name, sources: [], plain: false };
  // A whole row; or, of a function in FROM, its one column.
  const item = level.items.find((one) => one.alias === name);
  return item && wholeRow(name, item);
}

function wholeRow(name: string, item: RangeItem): Column {
  // A row of values that are all NULL is NULL.
  const vanishes = item.columns.some((column) => column.vanishes);
  const isRow = nature('row', vanishes, copiesIn(item));
  return { name, sources: item.wholeRow, plain: false, carried: true, ...isRow };
}

function qualified(names: readonly string[], name: string, scope: Scope, ctx: Context): Column {
  const alias = names.at(-2) ?? '';
  const item = scope.item(alias, names.at(-3));
  if (item) {
    const column = columnNamed(item, name);
    if (column) return column;
    if (SYSTEM_COLUMNS.has(name)) return { name, sources: [], plain: false };
    // Attribute notation: `o.fn` is fn(o). PostgreSQL docs 4.2.6 and 36.5.3.
    const sources = [...item.wholeRow, ...(item.open ?? [])];
    if (callAttribute(name, undefined, ctx) || mayFail(name, ctx)) ctx.out.useAll(sources, 'call', [name]);
    else if (item.open === undefined) ctx.out.missing({ kind: 'column', name: names.join('.') });
    return { name, sources, plain: false };
  }
  // `schema.table` as a whole row.
  const whole = scope.item(name, alias);
  if (whole?.schema === alias) return wholeRow(name, whole);
  return unresolved(names, scope, ctx);
}

/** A function of pg_catalog that does not take every value. */
const mayFail = (name: string, ctx: Context) =>
  ctx.catalog.builtinFunction(name) !== undefined && totality(name) === 'none';

function unresolved(names: readonly string[], scope: Scope, ctx: Context): Column {
  const name = names.at(-1) ?? '';
  if (ctx.inFunction) return { name, sources: [], plain: false };
  ctx.out.missing({ kind: 'column', name: names.join('.') });
  const sources = new Set<Source>();
  for (let level: Scope | undefined = scope; level; level = level.parent) {
    for (const item of level.items) for (const source of item.wholeRow) sources.add(source);
  }
  return { name, sources: [...sources], plain: false };
}

import type { JsonTable, Node, RangeTableFunc } from 'libpg-query';
import type { Context } from './context.ts';
import { SHAPE, under } from './document-path.ts';
import { documentValue, isUnlimited, pathKeys } from './documents.ts';
import { expression, expressions } from './expressions.ts';
import type { Source } from './facts.ts';
import { callJsonSyntax } from './functions.ts';
import { aliased, type Column, nature, type RangeItem, type Scope } from './scope.ts';
import { constantText, nameParts } from './tree.ts';
import { useType } from './types.ts';

/** XMLTABLE. */
export function xmlTable(body: RangeTableFunc, scope: Scope, ctx: Context): RangeItem {
  const sources = new Set<string>();
  const use = { kind: 'rows' as const, sources };
  expression(body.docexpr, scope, use, ctx);
  expression(body.rowexpr, scope, use, ctx);
  expressions(body.namespaces, scope, use, ctx);
  expressions(body.columns, scope, use, ctx);
  const columns = (body.columns ?? []).map((column) => ({
    name: 'RangeTableFuncCol' in column ? (column.RangeTableFuncCol.colname ?? '') : '',
    sources: [...sources],
    plain: false,
  }));
  return aliased(body.alias?.aliasname ?? 'xmltable', { columns }, nameParts(body.alias?.colnames));
}

/** JSON_TABLE; columns by plain paths keep the keys that they are under. */
export function jsonTable(body: JsonTable, scope: Scope, ctx: Context): RangeItem {
  callJsonSyntax('JsonTable', ctx);
  const columns: Column[] = [];
  const alias = body.alias?.aliasname ?? 'json_table';
  const document = documentValue(body.context_item?.raw_expr, scope, ctx);
  const root = pathKeys(constantText(body.pathspec?.string));
  if (document?.isJson && root && !body.passing?.length && !body.on_error) {
    const rows = document.sources.map((source) => under(source, ...root));
    if (pathColumns(body.columns, rows, columns, ctx)) {
      ctx.out.useAll(
        rows.map((source) => under(source, SHAPE)),
        'rows',
      );
      return aliased(alias, { columns }, nameParts(body.alias?.colnames));
    }
    columns.length = 0;
  }
  const behind = new Set<Source>();
  const whole = { JsonTable: { ...body, alias: undefined } } as unknown as Node;
  expressions([whole], scope, { kind: 'rows', sources: behind }, ctx);
  collectJsonColumns(body.columns, [...behind], columns);
  return aliased(alias, { columns }, nameParts(body.alias?.colnames));
}

/** Columns by plain paths below the row's; false where one is anything else. */
function pathColumns(
  nodes: readonly Node[] | undefined,
  rows: readonly Source[],
  into: Column[],
  ctx: Context,
): boolean {
  for (const node of nodes ?? []) {
    if (!('JsonTableColumn' in node)) return false;
    const column = node.JsonTableColumn;
    if (column.typeName) useType(column.typeName, ctx);
    if (column.coltype === 'JTC_FOR_ORDINALITY') {
      into.push({ name: column.name ?? '', sources: [], plain: false });
      continue;
    }
    const name = column.name ?? '';
    const text = constantText(column.pathspec?.string);
    const keys = column.pathspec === undefined ? [name] : pathKeys(text);
    if (keys === undefined || column.on_empty || column.on_error) return false;
    const sources = rows.map((source) => under(source, ...keys));
    if (column.coltype !== 'JTC_NESTED') {
      const vanishes = column.typeName !== undefined && !isUnlimited(column.typeName, ctx);
      into.push({ name, sources, plain: false, carried: true, ...nature(undefined, vanishes) });
      continue;
    }
    ctx.out.useAll(
      sources.map((source) => under(source, SHAPE)),
      'rows',
    );
    if (!pathColumns(column.columns, sources, into, ctx)) return false;
  }
  return true;
}

function collectJsonColumns(
  nodes: readonly Node[] | undefined,
  sources: readonly string[],
  into: Column[],
): void {
  for (const node of nodes ?? []) {
    if (!('JsonTableColumn' in node)) continue;
    const column = node.JsonTableColumn;
    if (column.coltype === 'JTC_NESTED') collectJsonColumns(column.columns, sources, into);
    else into.push({ name: column.name ?? '', sources, plain: false });
  }
}

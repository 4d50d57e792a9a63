import type { CopyStmt, Node } from 'libpg-query';
import { settingIsOff } from './builtins/settings.ts';
import type { CatalogRelation } from './catalog.ts';
import type { Context } from './context.ts';
import { expression } from './expressions.ts';
import type { CopyFacts } from './facts.ts';
import { resolveRelation } from './names.ts';
import { querySelect } from './queries.ts';
import { noteRead, rangeItem } from './relations.ts';
import { type ColumnList, columnNamed, Scope, sourcesOf } from './scope.ts';
import type { StatementResult } from './statements.ts';
import { constantText, lastOption, nameParts } from './tree.ts';
import { noteWrite } from './written-relations.ts';

/** COPY to or from the client, a file or a program of the server. PostgreSQL docs, COPY. */
export function copyStatement(stmt: CopyStmt, ctx: Context): StatementResult {
  const direction = stmt.is_from ? 'FROM' : 'TO';
  const where = stmt.is_program
    ? 'PROGRAM'
    : stmt.filename !== undefined
      ? 'FILE'
      : stmt.is_from
        ? 'STDIN'
        : 'STDOUT';
  const outside = stmt.is_program === true || stmt.filename !== undefined;
  if (outside) {
    ctx.out.act('admin', `COPY ${direction} ${where}`);
    ctx.out.condition('reads-raw-storage');
  }
  const list = stmt.query
    ? querySelect(stmt.query, undefined, ctx)
    : copyRelation(stmt, `${direction} ${where}`, ctx);
  if (outside || stmt.is_from) {
    if (!stmt.is_from) ctx.out.useAll(sourcesOf(list), 'other');
    return { tag: 'COPY', ...(outside ? {} : { copy: copyFacts(stmt, 'in') }) };
  }
  const copy = copyFacts(stmt, 'out');
  noteEncoding(list, copy, ctx);
  return { tag: 'COPY', outputs: list, copy };
}

/** Characters that the encoding does not have make it fail: the client could have put them in the place of others. */
function noteEncoding(list: ColumnList, { format, encoding }: CopyFacts, ctx: Context): void {
  const name = encoding?.toLowerCase().replace(/[^a-z0-9]/g, '') ?? 'utf8';
  if (format === 'binary' || name === 'utf8' || name === 'unicode') return;
  for (const { sources, plain } of list.columns)
    if (!plain) ctx.out.useAll(sources, 'call', ['COPY in another encoding']);
}

function copyRelation(stmt: CopyStmt, suffix: string, ctx: Context): ColumnList {
  const rv = stmt.relation ?? {};
  const names = nameParts(stmt.attlist);
  const found = resolveRelation(rv, ctx);
  if (found.kind === 'missing') {
    ctx.out.unknownRelation(found, 'COPY');
    return { columns: [], open: [`${found.name}.*`] };
  }
  const { relation } = found;
  if (stmt.is_from) {
    noteWrite(relation, 'insert', 'COPY', true, ctx, names, suffix);
    const item = rangeItem(relation, found.columnsUncertain, rv, ctx);
    for (const column of item.columns) {
      if (names.length === 0 || names.includes(column.name)) ctx.out.useAll(column.sources, 'target');
    }
    const scope = new Scope(undefined);
    scope.add([item], item);
    expression(stmt.whereClause, scope, { kind: 'predicate' }, ctx);
    return { columns: [] };
  }
  // COPY TO never reads inheritance children.
  noteRead(relation, false, ctx, 'COPY', suffix);
  const item = rangeItem(relation, found.columnsUncertain, rv, ctx);
  if (names.length === 0) return withoutGenerated(item, relation);
  return {
    columns: names.map((name) => columnNamed(item, name) ?? { name, sources: item.wholeRow, plain: false }),
  };
}

/** What COPY of a whole table writes: its columns but the generated ones. PostgreSQL docs, COPY. */
function withoutGenerated(list: ColumnList, relation: CatalogRelation): ColumnList {
  if (!relation.columns.some((column) => column.generated)) return list;
  return { ...list, columns: list.columns.filter((_, i) => !relation.columns[i]?.generated) };
}

/** How rows are written, as COPY's options say (also those of 7.2's syntax, which the grammar turns into the same). */
function copyFacts(stmt: CopyStmt, direction: 'in' | 'out'): CopyFacts {
  const option = (name: string) => constantText(lastOption(stmt.options, name)?.arg);
  const format = option('format')?.toLowerCase();
  const csv = format === 'csv';
  const header = lastOption(stmt.options, 'header');
  const quote = option('quote') ?? '"';
  const encoding = option('encoding');
  return {
    direction,
    format: csv ? 'csv' : format === 'binary' ? 'binary' : 'text',
    delimiter: option('delimiter') ?? (csv ? ',' : '\t'),
    nullText: option('null') ?? (csv ? '' : '\\N'),
    quote,
    escape: option('escape') ?? quote,
    header:
      header !== undefined && (header.arg === undefined || !settingIsOff(constantText(header.arg as Node))),
    ...(encoding === undefined ? {} : { encoding }),
  };
}

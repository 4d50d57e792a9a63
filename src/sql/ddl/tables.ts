import type {
  AlterTableCmd,
  AlterTableStmt,
  Constraint,
  CreateStmt,
  CreateTableAsStmt,
  IndexStmt,
  IntoClause,
  Node,
  PartitionBoundSpec,
  RangeVar,
  ViewStmt,
} from 'libpg-query';
import type { CatalogColumn } from '../catalog.ts';
import { Collector } from '../collector.ts';
import type { Context } from '../context.ts';
import { execute } from '../cursors.ts';
import { emptyScope, expression, expressions } from '../expressions.ts';
import { creationName, namedObject, resolveRelation, resolveType } from '../names.ts';
import { querySelect } from '../queries.ts';
import { rangeItem } from '../relations.ts';
import { ancestors, type ColumnList, Scope, sourcesOf } from '../scope.ts';
import type { StatementResult } from '../statements.ts';
import { noteTableCode } from '../table-code.ts';
import { nameParts } from '../tree.ts';
import { useType } from '../types.ts';
import { alterWords } from './alter-words.ts';
import { noteHeirs, noteIndexTable } from './dependents.ts';
import { noteStored, noteTableExpressions } from './stored-code.ts';
import { objectWords, refKind } from './words.ts';

/** Statements that make and change tables, views, indexes and sequences. */
export function tableDefinition(node: Node, ctx: Context): StatementResult | undefined {
  if ('CreateStmt' in node) return createTable(node.CreateStmt, 'ddl', 'CREATE TABLE', ctx);
  if ('CreateForeignTableStmt' in node) {
    ctx.out.condition('reaches-outside');
    return createTable(node.CreateForeignTableStmt.base ?? {}, 'admin', 'CREATE FOREIGN TABLE', ctx);
  }
  if ('CreateTableAsStmt' in node) return createTableAs(node.CreateTableAsStmt, ctx);
  if ('ViewStmt' in node) return createView(node.ViewStmt, ctx);
  if ('AlterTableStmt' in node) return alterTable(node.AlterTableStmt, ctx);
  if ('IndexStmt' in node) return createIndex(node.IndexStmt, ctx);
  if ('CreateSeqStmt' in node || 'AlterSeqStmt' in node) {
    const tag = 'CreateSeqStmt' in node ? 'CREATE SEQUENCE' : 'ALTER SEQUENCE';
    const sequence = 'CreateSeqStmt' in node ? node.CreateSeqStmt.sequence : node.AlterSeqStmt.sequence;
    ctx.out.act('ddl', tag, namedObject(sequence, ctx, 'sequence'));
    return { tag };
  }
  if ('CreateStatsStmt' in node) {
    const relations = node.CreateStatsStmt.relations ?? [];
    for (const relation of relations) {
      if ('RangeVar' in relation)
        ctx.out.act('ddl', 'CREATE STATISTICS ON', namedObject(relation.RangeVar, ctx));
    }
    const [table] = relations;
    const expressions = (node.CreateStatsStmt.exprs ?? []).map((one) =>
      'StatsElem' in one ? one.StatsElem.expr : undefined,
    );
    // ANALYZE computes them, also that of autovacuum.
    noteStored(expressions, tableScope(table && 'RangeVar' in table ? table.RangeVar : undefined, ctx), ctx);
    return { tag: 'CREATE STATISTICS' };
  }
  return undefined;
}

function createTable(stmt: CreateStmt, effect: 'ddl' | 'admin', tag: string, ctx: Context): StatementResult {
  const rv = stmt.relation ?? {};
  const words = rv.relpersistence === 't' ? tag.replace('CREATE', 'CREATE TEMPORARY') : tag;
  ctx.out.act(effect, words, { kind: 'table', name: creationName(rv, ctx) });
  for (const parent of stmt.inhRelations ?? []) {
    if ('RangeVar' in parent) ctx.out.act(effect, `${tag} INHERITS`, namedObject(parent.RangeVar, ctx));
  }
  noteBound(stmt.partbound, ctx);
  for (const element of stmt.tableElts ?? []) {
    const constraints = 'ColumnDef' in element ? (element.ColumnDef.constraints ?? []) : [element];
    for (const one of constraints) if ('Constraint' in one) noteReferences(one.Constraint, ctx);
  }
  noteTableExpressions(stmt, ctx);
  remember(rv, stmt, ctx);
  return { tag };
}

/** Whether a value may stand in a column with a foreign key tells whether it stands in the column that is referred to. */
function noteReferences(constraint: Constraint, ctx: Context): void {
  const found = constraint.pktable && resolveRelation(constraint.pktable, ctx);
  if (constraint.contype !== 'CONSTR_FOREIGN' || found?.kind !== 'found') return;
  const { schema, name } = found.relation;
  for (const column of nameParts(constraint.pk_attrs)) ctx.out.use(`${schema}.${name}.${column}`, 'equality');
}

/** A partition's bounds are computed as it is made. */
function noteBound(bound: PartitionBoundSpec | undefined, ctx: Context): void {
  for (const list of [bound?.listdatums, bound?.lowerdatums, bound?.upperdatums])
    expressions(list, emptyScope(), { kind: 'other' }, ctx);
}

/** Later statements of the text may use the table; one with parents or of a type made here is not described. */
function remember(rv: RangeVar, stmt: CreateStmt, ctx: Context): void {
  if (ctx.planOnly || rv.relname === undefined) return;
  const columns: CatalogColumn[] = [];
  let described = !stmt.inhRelations && !stmt.ofTypename;
  // The code of a table that it takes after becomes its own.
  if (likeOf(stmt).some((relation) => hasActingCode(relation, ctx)))
    return ctx.state.changeName(rv.relname, { kind: 'opaque' });
  for (const element of stmt.tableElts ?? []) {
    if (!('ColumnDef' in element)) {
      described &&= 'Constraint' in element;
      continue;
    }
    const names = element.ColumnDef.typeName?.names;
    if (ctx.state.nameChange(nameParts(names).at(-1) ?? '')?.kind === 'opaque') {
      // A type of unknown making: a domain's CHECK would run with every row.
      return ctx.state.changeName(rv.relname, { kind: 'opaque' });
    }
    const typeOid = resolveType(names, ctx)?.oid ?? 0;
    columns.push({ number: columns.length + 1, name: element.ColumnDef.colname ?? '', typeOid });
  }
  newTable(rv, described ? columns : [], ctx);
}

/** Tables that it inherits from, or whose columns it copies. */
function likeOf({ inhRelations = [], tableElts = [] }: CreateStmt): readonly RangeVar[] {
  return [...inhRelations, ...tableElts].flatMap((node) => {
    if ('RangeVar' in node) return [node.RangeVar];
    return 'TableLikeClause' in node && node.TableLikeClause.relation ? [node.TableLikeClause.relation] : [];
  });
}

function hasActingCode(rv: RangeVar, ctx: Context): boolean {
  const found = resolveRelation(rv, ctx);
  if (found.kind === 'missing') return false;
  const inner: Context = { ...ctx, out: new Collector() };
  noteTableCode(found.relation, inner);
  return inner.out.actions.some(({ effect }) => effect !== 'read');
}

function newTable(rv: RangeVar, columns: readonly CatalogColumn[], ctx: Context): void {
  const name = creationName(rv, ctx);
  const schema = name.slice(0, name.length - (rv.relname?.length ?? 0) - 1);
  ctx.state.changeName(rv.relname ?? '', {
    kind: 'created',
    relation: {
      oid: 0,
      schema,
      name: rv.relname ?? '',
      kind: 'table',
      columns,
      rules: [],
      parents: [],
      rowEstimate: 0,
    },
  });
}

function createTableAs(stmt: CreateTableAsStmt, ctx: Context): StatementResult {
  const rv = stmt.into?.rel ?? {};
  const tag = stmt.objtype === 'OBJECT_MATVIEW' ? 'CREATE MATERIALIZED VIEW' : 'CREATE TABLE AS';
  const kind = stmt.objtype === 'OBJECT_MATVIEW' ? 'view' : 'table';
  ctx.out.act(ctx.planOnly ? 'read' : 'ddl', tag, { kind, name: creationName(rv, ctx) });
  // A materialized view's definition stays in the catalog; of a table nobody knows what it was made from.
  if (kind === 'view') ctx.out.useAll(sourcesOf(source(stmt.query, ctx)), 'computed');
  else ctx.out.useAll(sourcesOf(source(stmt.query, ctx)), 'stored', []);
  if (!ctx.planOnly) newTable(rv, [], ctx);
  return { tag };
}

function source(query: Node | undefined, ctx: Context): ColumnList {
  if (query === undefined) return { columns: [] };
  if ('ExecuteStmt' in query) return execute(query.ExecuteStmt, ctx).outputs ?? { columns: [] };
  return querySelect(query, undefined, ctx);
}

/** `SELECT … INTO t` makes a table of the result. */
export function selectInto(query: Node, into: IntoClause, ctx: Context): void {
  ctx.out.act(ctx.planOnly ? 'read' : 'ddl', 'SELECT INTO', {
    kind: 'table',
    name: creationName(into.rel ?? {}, ctx),
  });
  ctx.out.useAll(sourcesOf(querySelect(query, undefined, ctx)), 'stored', []);
  if (!ctx.planOnly) newTable(into.rel ?? {}, [], ctx);
  ctx.out.changes.push({ kind: 'catalog' });
}

/** A view runs nothing when it is made, but shows its sources under new names. */
function createView(stmt: ViewStmt, ctx: Context): StatementResult {
  const rv = stmt.view ?? {};
  const tag = rv.relpersistence === 't' ? 'CREATE TEMPORARY VIEW' : 'CREATE VIEW';
  ctx.out.act('ddl', tag, { kind: 'view', name: creationName(rv, ctx) });
  if (stmt.query)
    // Its definition stays in the catalog, by which its columns are known for what they are.
    ctx.out.useAll(sourcesOf(querySelect(stmt.query, undefined, { ...ctx, planOnly: true })), 'computed');
  ctx.state.changeName(rv.relname ?? '', { kind: 'opaque' });
  return { tag: 'CREATE VIEW' };
}

/** The table's columns in sight, for expressions of its definition. */
function tableScope(rv: RangeVar | undefined, ctx: Context): Scope {
  const scope = new Scope(undefined);
  const found = rv && resolveRelation(rv, ctx);
  if (rv && found?.kind === 'found') {
    const item = rangeItem(found.relation, found.columnsUncertain, rv, ctx);
    scope.add([item], item);
  }
  return scope;
}

function createIndex(stmt: IndexStmt, ctx: Context): StatementResult {
  ctx.out.act('ddl', 'CREATE INDEX ON', namedObject(stmt.relation, ctx));
  const scope = tableScope(stmt.relation, ctx);
  for (const element of stmt.indexParams ?? []) {
    // Building the index runs the expression for every row.
    if ('IndexElem' in element) expression(element.IndexElem.expr, scope, { kind: 'other' }, ctx);
  }
  expression(stmt.whereClause, scope, { kind: 'predicate' }, ctx);
  return { tag: 'CREATE INDEX' };
}

/** Sub-commands that change inheriting tables and partitions as well (ATPrepCmd in tablecmds.c). */
const RECURSES: ReadonlySet<string> = new Set([
  ...[
    'AT_AddColumn',
    'AT_DropColumn',
    'AT_ColumnDefault',
    'AT_AlterColumnType',
    'AT_SetNotNull',
    'AT_DropNotNull',
  ],
  ...[
    'AT_AddConstraint',
    'AT_DropConstraint',
    'AT_ValidateConstraint',
    'AT_SetExpression',
    'AT_DropExpression',
  ],
]);

function alterTable(stmt: AlterTableStmt, ctx: Context): StatementResult {
  const tag = `ALTER ${objectWords(stmt.objtype)}`;
  const object = namedObject(stmt.relation, ctx, refKind(stmt.objtype));
  const scope = tableScope(stmt.relation, ctx);
  const admin = stmt.objtype === 'OBJECT_FOREIGN_TABLE';
  const found = stmt.relation && resolveRelation(stmt.relation, ctx);
  for (const node of stmt.cmds ?? []) {
    if (!('AlterTableCmd' in node)) continue;
    const command = node.AlterTableCmd;
    const effect = admin || command.subtype === 'AT_ChangeOwner' ? 'admin' : 'ddl';
    ctx.out.act(effect, tag, object, undefined, alterWords(command));
    if (found?.kind === 'found') {
      noteIndexTable(found.relation, tag, effect, ctx);
      if (stmt.relation?.inh === true && RECURSES.has(command.subtype ?? ''))
        noteHeirs(found.relation, tag, alterWords(command), ctx);
    }
    alteration(command, object.name, scope, ctx);
  }
  const name = stmt.relation?.relname;
  if (name !== undefined)
    ctx.state.changeName(name, { kind: stmt.objtype === 'OBJECT_VIEW' ? 'opaque' : 'altered' });
  return { tag };
}

/** Rows come or go under a parent's name, by which masks know them: parents of both are meant as well. */
function loseKinship(names: readonly string[], ctx: Context): void {
  for (const name of names) {
    ctx.out.use(`${name}.*`, 'other');
    const dot = name.indexOf('.');
    const relation = ctx.catalog.relation(name.slice(0, dot), name.slice(dot + 1));
    for (const parent of relation ? ancestors(relation, ctx.catalog) : [])
      ctx.out.use(`${parent.schema}.${parent.name}.*`, 'other');
  }
}

/** Expressions that run for every row now, and changes that show a table's rows under another's name. */
function alteration(command: AlterTableCmd, table: string, scope: Scope, ctx: Context): void {
  const def = command.def;
  if (def && 'RangeVar' in def) {
    // ALTER TABLE … INHERIT parent: the parent shows this table's rows.
    ctx.out.act('ddl', 'ALTER TABLE', namedObject(def.RangeVar, ctx), undefined, 'INHERITS');
    loseKinship([table, namedObject(def.RangeVar, ctx).name], ctx);
    return;
  }
  if (def && 'PartitionCmd' in def) {
    const partition = namedObject(def.PartitionCmd.name, ctx);
    noteBound(def.PartitionCmd.bound, ctx);
    ctx.out.act('ddl', 'ALTER TABLE', partition, undefined, 'AS PARTITION');
    loseKinship([table, partition.name], ctx);
    return;
  }
  if (def && 'ColumnDef' in def) {
    const use = { kind: 'other' as const };
    // The values there are become values of the new type.
    if (def.ColumnDef.typeName) useType(def.ColumnDef.typeName, ctx);
    expression(def.ColumnDef.raw_default, scope, use, ctx);
    for (const constraint of def.ColumnDef.constraints ?? []) {
      if (!('Constraint' in constraint)) continue;
      noteReferences(constraint.Constraint, ctx);
      expression(constraint.Constraint.raw_expr, scope, use, ctx);
    }
    return;
  }
  if (def && 'Constraint' in def) {
    noteReferences(def.Constraint, ctx);
    // Checked against the rows there are; it tells only whether it holds.
    expressions(def.Constraint.raw_expr ? [def.Constraint.raw_expr] : [], scope, { kind: 'predicate' }, ctx);
    return;
  }
  if (command.subtype === 'AT_ColumnDefault' || command.subtype === 'AT_SetExpression')
    noteStored([def], scope, ctx);
}

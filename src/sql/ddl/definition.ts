import type {
  AlterObjectSchemaStmt,
  AlterOwnerStmt,
  CommentStmt,
  CreateSchemaStmt,
  DefineStmt,
  DropStmt,
  GrantStmt,
  Node,
  ObjectType,
  RangeVar,
  RenameStmt,
} from 'libpg-query';
import { actsByNameAlone } from '../builtins/extensions.ts';
import type { Context } from '../context.ts';
import { emptyScope, expression } from '../expressions.ts';
import type { ObjectRef } from '../facts.ts';
import { creationSchema, namedObject, type ResolvedRelation, resolveRelation } from '../names.ts';
import { type StatementResult, statement } from '../statements.ts';
import type { NameChange } from '../text-state.ts';
import { bodyOf, kindOf, nameParts, stringOf } from '../tree.ts';
import { functionDefinition } from './code.ts';
import { noteDropped, noteHeirs, noteIndexTable, noteUnfollowedCascade } from './dependents.ts';
import { CHANGES_MEANING, NAME_FIELDS, PLAIN_STATEMENTS, REACHES_OUTSIDE } from './plain.ts';
import { noteStored, noteTypesWithin } from './stored-code.ts';
import { tableDefinition } from './tables.ts';
import { noteTriggerCode } from './triggers.ts';
import { upkeep } from './upkeep.ts';
import { definitionEffect, isOnTable, isRelation, objectWords, refKind } from './words.ts';

/** Statements that define, change, drop or look after objects. Undefined for a kind that is none of them. */
export function definition(node: Node, ctx: Context): StatementResult | undefined {
  const changes = ctx.out.changes;
  const known = dispatch(node, ctx);
  if (known) changes.push({ kind: 'catalog' });
  return known;
}

function dispatch(node: Node, ctx: Context): StatementResult | undefined {
  const kind = kindOf(node);
  const plain = PLAIN_STATEMENTS[kind];
  if (plain) return plainStatement(kind, plain, bodyOf(node) as Record<string, unknown>, ctx);
  if ('DropStmt' in node) return drop(node.DropStmt, ctx);
  if ('RenameStmt' in node) return renameObject(node.RenameStmt, ctx);
  if ('AlterObjectSchemaStmt' in node) return moveObject(node.AlterObjectSchemaStmt, ctx);
  if ('AlterOwnerStmt' in node) return changeOwner(node.AlterOwnerStmt, ctx);
  if ('CommentStmt' in node) return comment(node.CommentStmt, ctx);
  if ('GrantStmt' in node) return grant(node.GrantStmt, ctx);
  if ('CreateSchemaStmt' in node) return createSchema(node.CreateSchemaStmt, ctx);
  if ('DefineStmt' in node) return define(node.DefineStmt, ctx);
  return functionDefinition(node, ctx) ?? tableDefinition(node, ctx) ?? upkeep(node, ctx);
}

function plainStatement(
  kind: string,
  [effect, words]: readonly [ObjectRefEffect, string],
  body: Record<string, unknown>,
  ctx: Context,
): StatementResult {
  const field = NAME_FIELDS.find((name) => typeof body[name] === 'string');
  const name = field === undefined ? plainName(body) : String(body[field]);
  ctx.out.act(effect, name === undefined ? words : `${words} ${name}`);
  if (REACHES_OUTSIDE.has(kind)) ctx.out.condition('reaches-outside');
  if (kind === 'AlterDomainStmt') domainExpression(body.def as Node | undefined, ctx);
  if (CHANGES_MEANING.has(kind) && !bringsNothingNew(kind, body.extname, ctx))
    ctx.out.changes.push({ kind: 'opaque' });
  noteTypesWithin(body.coldeflist as readonly Node[] | undefined, ctx);
  // A range may bring functions; an enumeration is nothing but its labels, a row nothing but its fields.
  if (typeof name === 'string' && words.endsWith(' TYPE') && !CODELESS.has(kind))
    ctx.state.changeName(name.split('.').at(-1) ?? '', { kind: 'opaque' });
  return { tag: words };
}

const CODELESS: ReadonlySet<string> = new Set(['CreateEnumStmt', 'AlterEnumStmt', 'CompositeTypeStmt']);

/** An extension that is there already, or whose operators and casts only compute. */
const bringsNothingNew = (kind: string, name: unknown, ctx: Context) =>
  kind === 'CreateExtensionStmt' &&
  typeof name === 'string' &&
  (ctx.catalog.hasExtension(name) || actsByNameAlone(name));

/** A new CHECK is computed for every value there is, a default later. */
function domainExpression(def: Node | undefined, ctx: Context): void {
  if (def && 'Constraint' in def)
    expression(def.Constraint.raw_expr, emptyScope(), { kind: 'other' }, { ...ctx, inFunction: true });
  else noteStored([def], emptyScope(), ctx);
}

type ObjectRefEffect = 'ddl' | 'admin' | 'write';

function plainName(body: Record<string, unknown>): string | undefined {
  const parts = body.typeName ?? body.domainname ?? body.defnames;
  if (Array.isArray(parts)) return nameParts(parts as Node[]).join('.') || undefined;
  const typevar = body.typevar as RangeVar | undefined;
  return typevar?.relname;
}

/** `List` of name parts, `TypeName`, `ObjectWithArgs`, or a `String`. */
function nameOf(node: Node | undefined): string[] {
  if (node === undefined) return [];
  if ('List' in node) return (node.List.items ?? []).flatMap(nameOf);
  if ('TypeName' in node) return nameParts(node.TypeName.names);
  if ('ObjectWithArgs' in node) return nameParts(node.ObjectWithArgs.objname);
  const text = stringOf(node);
  return text === undefined ? [] : [text];
}

const rangeVar = (parts: readonly string[]): RangeVar => ({
  relname: parts.at(-1) ?? '',
  ...(parts.length > 1 ? { schemaname: parts.at(-2) ?? '' } : {}),
});

/** Kinds whose names have no schema. */
const UNQUALIFIED: ReadonlySet<ObjectType> = new Set<ObjectType>([
  'OBJECT_SCHEMA',
  'OBJECT_DATABASE',
  'OBJECT_ROLE',
  'OBJECT_EXTENSION',
  'OBJECT_LANGUAGE',
  'OBJECT_TABLESPACE',
  'OBJECT_CAST',
  'OBJECT_LARGEOBJECT',
]);

export function definedObject(
  type: ObjectType | undefined,
  parts: readonly string[],
  ctx: Context,
): ObjectRef {
  const kind = refKind(type);
  if (isRelation(type)) return namedObject(rangeVar(parts), ctx, kind);
  if (isOnTable(type)) return namedObject(rangeVar(parts.slice(0, -1)), ctx, 'table');
  const qualified =
    parts.length > 1 || (type && (UNQUALIFIED.has(type) || definitionEffect(type) === 'admin'))
      ? parts.join('.')
      : `${creationSchema(ctx) ?? '?'}.${parts[0] ?? ''}`;
  return { kind, name: qualified };
}

function drop(stmt: DropStmt, ctx: Context): StatementResult {
  const type = stmt.removeType;
  const words = `DROP ${objectWords(type)}`;
  for (const node of stmt.objects ?? []) {
    const parts = nameOf(node);
    ctx.out.act(definitionEffect(type), words, definedObject(type, parts, ctx));
    const found = isRelation(type) ? resolveRelation(rangeVar(parts), ctx) : undefined;
    const cascade = stmt.behavior === 'DROP_CASCADE';
    if (found?.kind === 'found') {
      noteDropped(found.relation, cascade, ctx);
      noteIndexTable(found.relation, words, 'ddl', ctx);
    }
    if (cascade) noteUnfollowedCascade(type, parts.join('.'), ctx);
    forgetName(type, parts, ctx);
  }
  if (stmt.removeType === 'OBJECT_OPERATOR' || stmt.removeType === 'OBJECT_CAST')
    ctx.out.changes.push({ kind: 'opaque' });
  return { tag: words };
}

/** For the rest of the text the name means something else, or nothing. */
function forgetName(type: ObjectType | undefined, parts: readonly string[], ctx: Context): void {
  if (ctx.planOnly) return;
  const name = parts.at(-1) ?? '';
  if (isRelation(type) || type === 'OBJECT_TYPE' || type === 'OBJECT_DOMAIN')
    ctx.state.changeName(name, { kind: 'opaque' });
  else if (isOnTable(type)) ctx.state.changeName(parts.at(-2) ?? '', { kind: 'altered' });
  else if (type === 'OBJECT_SCHEMA' && ctx.state.searchPath?.includes(name)) ctx.state.searchPath = undefined;
}

function renameObject(stmt: RenameStmt, ctx: Context): StatementResult {
  const type = stmt.renameType;
  const words = `ALTER ${objectWords(type === 'OBJECT_COLUMN' ? (stmt.relationType ?? type) : type)}`;
  const object = stmt.relation
    ? namedObject(stmt.relation, ctx, refKind(type))
    : definedObject(type, nameOf(stmt.object), ctx);
  const column = type === 'OBJECT_COLUMN' ? ` COLUMN ${stmt.subname ?? ''}` : '';
  ctx.out.act(definitionEffect(type), words, object, undefined, `RENAME${column} TO ${stmt.newname ?? ''}`);
  const found = stmt.relation && resolveRelation(stmt.relation, ctx);
  if (found?.kind === 'found') {
    noteIndexTable(found.relation, words, 'ddl', ctx);
    if (type === 'OBJECT_COLUMN') noteHeirs(found.relation, words, `RENAME${column}`, ctx);
  }
  if (refKind(type) === 'function' && stmt.newname !== undefined) {
    // Triggers run whatever has the name that they call.
    for (const fn of ctx.catalog.functionsNamed(nameOf(stmt.object).at(-1) ?? ''))
      noteTriggerCode({ ...fn, name: stmt.newname }, ctx);
  }
  // Under a new name a value is out of reach of a mask that goes by names.
  if (type === 'OBJECT_COLUMN') ctx.out.use(`${object.name}.${stmt.subname ?? ''}`, 'other');
  else if (isRelation(type)) ctx.out.use(`${object.name}.*`, 'other');
  else if (type === 'OBJECT_SCHEMA') ctx.out.use(`${stmt.subname ?? ''}.*`, 'other');
  const old = stmt.relation?.relname;
  if (type === 'OBJECT_COLUMN' && old !== undefined) ctx.state.changeName(old, { kind: 'altered' });
  else forgetName(type, old === undefined ? nameOf(stmt.object) : [old], ctx);
  if (stmt.newname !== undefined) {
    if (isRelation(type)) ctx.state.changeName(stmt.newname, renamed(found, type, stmt.newname));
    if (refKind(type) === 'function') ctx.state.changeFunction(stmt.newname, 'opaque');
    if (type === 'OBJECT_SCHEMA') ctx.out.changes.push({ kind: 'opaque' });
  }
  return { tag: words };
}

/** A table stays what it is under its new name; of anything else that is not followed. */
function renamed(
  found: ResolvedRelation | undefined,
  type: ObjectType | undefined,
  name: string,
): NameChange {
  if (found?.kind !== 'found' || type !== 'OBJECT_TABLE') return { kind: 'opaque' };
  return { kind: 'created', relation: { ...found.relation, name } };
}

function moveObject(stmt: AlterObjectSchemaStmt, ctx: Context): StatementResult {
  const type = stmt.objectType;
  const words = `ALTER ${objectWords(type)}`;
  const parts = nameOf(stmt.object);
  const object = stmt.relation
    ? namedObject(stmt.relation, ctx, refKind(type))
    : definedObject(type, parts, ctx);
  ctx.out.act(definitionEffect(type), words, object, undefined, `SET SCHEMA ${stmt.newschema ?? ''}`);
  if (isRelation(type)) ctx.out.use(`${object.name}.*`, 'other');
  const name = stmt.relation?.relname ?? parts.at(-1) ?? '';
  if (isRelation(type)) ctx.state.changeName(name, { kind: 'opaque' });
  else if (refKind(type) === 'function') ctx.state.changeFunction(name, 'opaque');
  else ctx.out.changes.push({ kind: 'opaque' });
  return { tag: words };
}

/** Whoever owns an object decides who may use it. */
function changeOwner(stmt: AlterOwnerStmt, ctx: Context): StatementResult {
  const words = `ALTER ${objectWords(stmt.objectType)}`;
  const object = stmt.relation
    ? namedObject(stmt.relation, ctx, refKind(stmt.objectType))
    : definedObject(stmt.objectType, nameOf(stmt.object), ctx);
  ctx.out.act('admin', words, object, undefined, 'OWNER TO');
  return { tag: words };
}

function comment(stmt: CommentStmt, ctx: Context): StatementResult {
  const parts = nameOf(stmt.object);
  const onColumn = stmt.objtype === 'OBJECT_COLUMN' || stmt.objtype === 'OBJECT_TABCONSTRAINT';
  const object = onColumn
    ? namedObject(rangeVar(parts.slice(0, -1)), ctx)
    : definedObject(stmt.objtype, parts, ctx);
  ctx.out.act('ddl', `COMMENT ON ${onColumn ? 'COLUMN' : objectWords(stmt.objtype)}`, object);
  return { tag: 'COMMENT' };
}

function grant(stmt: GrantStmt, ctx: Context): StatementResult {
  const tag = stmt.is_grant ? 'GRANT' : 'REVOKE';
  const words = `${tag} ON ${objectWords(stmt.objtype)}`;
  const objects = stmt.objects ?? [];
  for (const node of objects) {
    if ('RangeVar' in node)
      ctx.out.act('admin', words, namedObject(node.RangeVar, ctx, refKind(stmt.objtype)));
    else ctx.out.act('admin', words, definedObject(stmt.objtype, nameOf(node), ctx));
  }
  if (objects.length === 0) ctx.out.act('admin', words);
  return { tag };
}

/** CREATE SCHEMA may bring the definitions of what is in it. */
function createSchema(stmt: CreateSchemaStmt, ctx: Context): StatementResult {
  const name = stmt.schemaname ?? stmt.authrole?.rolename ?? '';
  ctx.out.act('ddl', 'CREATE SCHEMA', { kind: 'schema', name });
  if (!ctx.planOnly) ctx.state.newSchemas.add(name);
  // A path with "$user" in it may begin with it now.
  if (name === ctx.state.user) ctx.state.searchPath = undefined;
  for (const element of stmt.schemaElts ?? []) statement(element, ctx);
  if ((stmt.schemaElts?.length ?? 0) > 0) ctx.out.changes.push({ kind: 'opaque' });
  return { tag: 'CREATE SCHEMA' };
}

/** CREATE AGGREGATE, OPERATOR, TYPE, COLLATION, TEXT SEARCH …. */
function define(stmt: DefineStmt, ctx: Context): StatementResult {
  const words = `CREATE ${objectWords(stmt.kind)}`;
  const parts = nameParts(stmt.defnames);
  ctx.out.act(definitionEffect(stmt.kind), words, definedObject(stmt.kind, parts, ctx));
  const name = parts.at(-1) ?? '';
  if (stmt.kind === 'OBJECT_AGGREGATE') ctx.state.changeFunction(name, 'opaque');
  else if (stmt.kind === 'OBJECT_OPERATOR') ctx.out.changes.push({ kind: 'opaque' });
  else if (stmt.kind === 'OBJECT_TYPE') ctx.state.changeName(name, { kind: 'opaque' });
  return { tag: words };
}

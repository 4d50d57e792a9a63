import type { CreateFunctionStmt, Node } from 'libpg-query';
import type { CatalogFunction } from '../catalog.ts';
import type { Context } from '../context.ts';
import { emptyScope, expression } from '../expressions.ts';
import { creationSchema, namedObject, resolveRelation, resolveType } from '../names.ts';
import { rangeItem } from '../relations.ts';
import { Scope } from '../scope.ts';
import { settingValue } from '../session-statements.ts';
import { type StatementResult, statement } from '../statements.ts';
import { constantText, lastOption, nameParts } from '../tree.ts';
import { definedObject } from './definition.ts';
import { noteDomainExpressions, noteStored } from './stored-code.ts';
import { createTrigger, noteTriggerCode } from './triggers.ts';

/** Statements that put code into the database: functions, casts, operator classes, domains, triggers, rules, policies. */
export function functionDefinition(node: Node, ctx: Context): StatementResult | undefined {
  if ('CreateFunctionStmt' in node) return createFunction(node.CreateFunctionStmt, ctx);
  if ('AlterFunctionStmt' in node) {
    const parts = nameParts(node.AlterFunctionStmt.func?.objname);
    ctx.out.act('ddl', 'ALTER FUNCTION', definedObject(node.AlterFunctionStmt.objtype, parts, ctx));
    ctx.state.changeFunction(parts.at(-1) ?? '', 'opaque');
    return { tag: 'ALTER FUNCTION' };
  }
  if ('CreateCastStmt' in node || 'CreateOpClassStmt' in node) {
    const tag = 'CreateCastStmt' in node ? 'CREATE CAST' : 'CREATE OPERATOR CLASS';
    ctx.out.act('ddl', tag);
    ctx.out.changes.push({ kind: 'opaque' });
    return { tag };
  }
  if ('CreateDomainStmt' in node) {
    const parts = nameParts(node.CreateDomainStmt.domainname);
    ctx.out.act('ddl', 'CREATE DOMAIN', definedObject('OBJECT_DOMAIN', parts, ctx));
    noteDomainExpressions(node.CreateDomainStmt, ctx);
    return { tag: 'CREATE DOMAIN' };
  }
  return onTable(node, ctx);
}

/** Languages whose functions cannot do more than their caller may. */
const TRUSTED = new Set(['sql', 'plpgsql', 'plperl', 'pltcl', 'plv8', 'plrust', 'pljava']);

function createFunction(stmt: CreateFunctionStmt, ctx: Context): StatementResult {
  const tag = stmt.is_procedure ? 'CREATE PROCEDURE' : 'CREATE FUNCTION';
  const parts = nameParts(stmt.funcname);
  const language = (constantText(lastOption(stmt.options, 'language')?.arg) ?? 'sql').toLowerCase();
  const object = definedObject(stmt.is_procedure ? 'OBJECT_PROCEDURE' : 'OBJECT_FUNCTION', parts, ctx);
  ctx.out.act(TRUSTED.has(language) ? 'ddl' : 'admin', tag, object);
  const made = newFunction(stmt, parts, language, ctx);
  const parameters = parametersOf(stmt);
  noteStored(
    parameters.map(({ defexpr }) => defexpr),
    emptyScope(),
    ctx,
  );
  noteTriggerCode(made === 'opaque' ? { ...unread(parts), language } : made, ctx);
  if (!ctx.planOnly) ctx.state.changeFunction(parts.at(-1) ?? '', made);
  return { tag };
}

/** OID of the pseudo-type that a trigger's function returns. */
const TRIGGER = 2279;

/** A function of that name whose body is not looked into. */
const unread = (parts: readonly string[]): CatalogFunction => ({
  oid: -1,
  schema: '?',
  name: parts.at(-1) ?? '',
  kind: 'function',
  volatility: 'volatile',
  securityDefiner: false,
  language: '',
  body: '',
  returnsSet: false,
  returnTypeOid: 0,
  minArguments: 0,
  maxArguments: 0,
  settings: [],
});

/** The function as a later statement of the same text would call it. */
function newFunction(
  stmt: CreateFunctionStmt,
  parts: readonly string[],
  language: string,
  ctx: Context,
): CatalogFunction | 'opaque' {
  const as = lastOption(stmt.options, 'as')?.arg;
  const body = as && 'List' in as && as.List.items?.length === 1 ? constantText(as.List.items[0]) : undefined;
  const settings = settingsOf(stmt.options);
  // Standard bodies are rare in such texts: not looked into.
  if (body === undefined || stmt.sql_body || settings === undefined) return 'opaque';
  const parameters = parametersOf(stmt);
  const isOutput = (mode: string | undefined) => mode === 'FUNC_PARAM_OUT' || mode === 'FUNC_PARAM_TABLE';
  const inputs = parameters.filter((parameter) => !isOutput(parameter.mode));
  return {
    oid: -1 - Math.abs(hash(body)),
    schema: parts.length > 1 ? (parts.at(-2) ?? '?') : (creationSchema(ctx) ?? '?'),
    name: parts.at(-1) ?? '',
    kind: stmt.is_procedure ? 'procedure' : 'function',
    volatility: 'volatile',
    securityDefiner: false,
    language,
    body,
    returnsSet: stmt.returnType?.setof ?? false,
    returnTypeOid: nameParts(stmt.returnType?.names).at(-1) === 'trigger' ? TRIGGER : 0,
    minArguments: inputs.filter((parameter) => !parameter.defexpr).length,
    maxArguments: inputs.some((parameter) => parameter.mode === 'FUNC_PARAM_VARIADIC')
      ? Infinity
      : inputs.length,
    parameters: parameters.map(({ name, mode }) => ({ name: name ?? '', output: isOutput(mode) })),
    parameterTypeOids: [...parameters.map(({ argType }) => argType), stmt.returnType].flatMap(
      (type) => resolveType(type?.names, ctx)?.oid ?? [],
    ),
    settings,
  };
}

const parametersOf = (stmt: CreateFunctionStmt) =>
  (stmt.parameters ?? []).flatMap((node) => ('FunctionParameter' in node ? [node.FunctionParameter] : []));

/** Its SET clauses, as `proconfig` holds them; undefined where one takes over what the session has. */
function settingsOf(options: readonly Node[] | undefined): string[] | undefined {
  const settings: string[] = [];
  for (const option of options ?? []) {
    const set = 'DefElem' in option && option.DefElem.defname === 'set' ? option.DefElem.arg : undefined;
    if (set === undefined) continue;
    const stmt = 'VariableSetStmt' in set ? set.VariableSetStmt : {};
    const name = stmt.name ?? '';
    const value = stmt.kind === 'VAR_SET_VALUE' ? settingValue(name, stmt.args) : undefined;
    if (value === undefined) return undefined;
    settings.push(`${name}=${value}`);
  }
  return settings;
}

/** Tells bodies made in one text apart, for the guard against recursion. */
function hash(text: string): number {
  let value = 0;
  for (let i = 0; i < text.length; i++) value = (value * 31 + text.charCodeAt(i)) | 0;
  return value;
}

function onTable(node: Node, ctx: Context): StatementResult | undefined {
  if ('CreateTrigStmt' in node) return createTrigger(node.CreateTrigStmt, ctx);
  if ('RuleStmt' in node) {
    const { relation, actions } = node.RuleStmt;
    ctx.out.act('ddl', 'CREATE RULE ON', namedObject(relation, ctx));
    // The rule's queries are stored, not run; what they read comes out under another table's name.
    const inner: Context = { ...ctx, planOnly: true, inFunction: true };
    for (const action of actions ?? []) {
      const result = statement(action, inner);
      for (const column of result.outputs?.columns ?? []) ctx.out.useAll(column.sources, 'other');
      if (result.outputs?.open) ctx.out.useAll(result.outputs.open, 'other');
    }
    ctx.state.changeName(relation?.relname ?? '', { kind: 'opaque' });
    return { tag: 'CREATE RULE' };
  }
  if ('CreatePolicyStmt' in node || 'AlterPolicyStmt' in node) {
    const policy = 'CreatePolicyStmt' in node ? node.CreatePolicyStmt : node.AlterPolicyStmt;
    const tag = 'CreatePolicyStmt' in node ? 'CREATE POLICY' : 'ALTER POLICY';
    ctx.out.act('ddl', `${tag} ON`, namedObject(policy.table, ctx));
    const scope = new Scope(undefined);
    const found = policy.table && resolveRelation(policy.table, ctx);
    if (policy.table && found?.kind === 'found') {
      const item = rangeItem(found.relation, found.columnsUncertain, policy.table, ctx);
      scope.add([item], item);
    }
    const inner: Context = { ...ctx, planOnly: true };
    expression(policy.qual, scope, { kind: 'predicate' }, inner);
    expression(policy.with_check, scope, { kind: 'predicate' }, inner);
    noteStored([policy.qual, policy.with_check], scope, ctx);
    return { tag };
  }
  return undefined;
}

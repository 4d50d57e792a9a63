import type { CatalogFunction } from './catalog.ts';
import { type PlTree, parsePlpgsql, parseText } from './parse.ts';
import { constantText, visit } from './tree.ts';

/** A piece of a PL/pgSQL body that runs SQL. */
export type PlStep =
  | { readonly kind: 'text'; readonly sql: string }
  | { readonly kind: 'unknown'; readonly reason: string }
  /** A loop, handler or inner block: what stands before it may run after it. */
  | { readonly kind: 'repeats' }
  /** OPEN, of a cursor over the query. */
  | { readonly kind: 'open'; readonly sql: string }
  /** FETCH or MOVE, by the name that a variable holds. */
  | { readonly kind: 'fetch' };

/** Says something of the statements around it, and is none. */
export const isMark = ({ kind }: PlStep): boolean => kind === 'repeats' || kind === 'open';

/** OIDs of the pseudo-types that change what RETURN may say. */
const RETURN_WORDS: ReadonlyMap<number, string> = new Map([
  [2278, 'void'],
  [2279, 'trigger'],
  [3838, 'event_trigger'],
]);

/** The SQL that a function's body runs, in order of appearance; undefined where the body cannot be parsed. */
export function plpgsqlStatements(fn: CatalogFunction): readonly PlStep[] | undefined {
  const returns = RETURN_WORDS.get(fn.returnTypeOid);
  const variants = fn.returnsSet ? ['SETOF record', 'SETOF int'] : [returns ?? 'int', 'record', 'void'];
  // Parameters matter by name alone, but a scalar and a row may not stand in the same places.
  for (const type of ['int', 'pg_catalog.pg_class']) {
    for (const variant of variants) {
      const found = read(fn.body, (body) => header({ ...fn, body }, type, variant));
      if (found) return found;
    }
  }
  return undefined;
}

/** The SQL of a `DO` block in plpgsql. */
export function doStatements(body: string): readonly PlStep[] | undefined {
  return read(body, (text) => `DO LANGUAGE plpgsql ${literal(text)}`);
}

/** The parser has no catalog, and so no fields for a row of a table's type: as a record it may have any. */
function read(body: string, statement: (body: string) => string): readonly PlStep[] | undefined {
  const tree = parsePlpgsql(statement(body));
  if (tree) return steps(tree);
  const rows = [...body.matchAll(ROW_TYPE)];
  const records = rows.length > 0 && parsePlpgsql(statement(body.replaceAll(ROW_TYPE, 'record')));
  return records ? [...rows.flatMap(([name]) => typeSteps(name)), ...steps(records)] : undefined;
}

const NAME = '(?:"(?:[^"]|"")+"|[A-Za-z_][A-Za-z0-9_$]*)';
const ROW_TYPE = new RegExp(`${NAME}(?:\\s*\\.\\s*${NAME})?\\s*%\\s*ROWTYPE`, 'giu');

function header(fn: CatalogFunction, type: string, returns: string): string {
  const parameters = (fn.parameters ?? [])
    .map(({ name, output }) => `${output ? 'OUT ' : ''}${name === '' ? '' : identifier(name)} ${type}`)
    .join(', ');
  const outputs = fn.parameters?.some((parameter) => parameter.output) ?? false;
  const result = fn.kind === 'procedure' ? '' : outputs && !fn.returnsSet ? '' : ` RETURNS ${returns}`;
  const what = fn.kind === 'procedure' ? 'PROCEDURE' : 'FUNCTION';
  return `CREATE ${what} f(${parameters})${result} LANGUAGE plpgsql AS ${literal(fn.body)}`;
}

const literal = (text: string) =>
  text.includes('\\')
    ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`;
const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;

function steps(tree: PlTree): PlStep[] {
  const found: PlStep[] = [];
  walk(tree, found);
  // The first is the body itself.
  found.splice(
    found.findIndex(({ kind }) => kind === 'repeats'),
    1,
  );
  visit(tree, (kind, body) => {
    if (kind !== 'PLpgSQL_stmt_open') return;
    const sql = openedQuery(body as PlOpen, tree);
    if (sql !== undefined) found.push({ kind: 'open', sql });
  });
  return found;
}

interface PlOpen {
  readonly curvar?: number;
  readonly query?: { readonly PLpgSQL_expr?: PlExpression };
  readonly dynquery?: { readonly PLpgSQL_expr?: PlExpression };
}

/** The query of `OPEN c FOR …`, or of the bound cursor variable; one that is computed is unknown by itself. */
function openedQuery({ curvar = 0, query, dynquery }: PlOpen, tree: PlTree): string | undefined {
  if (dynquery) {
    const step = dynamicStep(dynquery.PLpgSQL_expr);
    return step.kind === 'text' ? step.sql : undefined;
  }
  if (query) return query.PLpgSQL_expr?.query;
  const { plpgsql_funcs: [made] = [] } = tree as { plpgsql_funcs?: readonly PlFunction[] };
  return made?.PLpgSQL_function?.datums?.[curvar]?.PLpgSQL_var?.cursor_explicit_expr?.PLpgSQL_expr?.query;
}

interface PlFunction {
  readonly PLpgSQL_function?: {
    readonly datums?: readonly {
      readonly PLpgSQL_var?: { readonly cursor_explicit_expr?: { readonly PLpgSQL_expr?: PlExpression } };
    }[];
  };
}

/** Where an expression's value is itself run as SQL. */
const DYNAMIC: Readonly<Record<string, readonly string[]>> = {
  PLpgSQL_stmt_dynexecute: ['query'],
  PLpgSQL_stmt_dynfors: ['query'],
  PLpgSQL_stmt_return_query: ['dynquery'],
  PLpgSQL_stmt_open: ['dynquery'],
};

const REPEATING = /^PLpgSQL_(?:stmt_(?:loop|while|fori|fors|forc|dynfors|foreach_a|block)|exception_block)$/u;

function walk(node: unknown, found: PlStep[], dynamic: readonly string[] = []): void {
  if (Array.isArray(node)) {
    for (const child of node) walk(child, found);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  for (const [key, child] of Object.entries(node)) {
    if (REPEATING.test(key)) found.push({ kind: 'repeats' });
    if (key === 'PLpgSQL_expr') {
      found.push(...expressionSteps(child as PlExpression));
    } else if (key === 'PLpgSQL_type') {
      found.push(...typeSteps(String((child as { typname?: unknown }).typname ?? '')));
    } else if (key === 'PLpgSQL_stmt_commit' || key === 'PLpgSQL_stmt_rollback') {
      found.push({ kind: 'text', sql: key === 'PLpgSQL_stmt_commit' ? 'COMMIT' : 'ROLLBACK' });
    } else if (key === 'PLpgSQL_stmt_fetch') {
      found.push({ kind: 'fetch' });
      walk(child, found);
    } else if (dynamic.includes(key)) {
      walk(child, found);
      found.push(dynamicStep((child as { PLpgSQL_expr?: PlExpression }).PLpgSQL_expr));
    } else {
      walk(child, found, DYNAMIC[key] ?? []);
    }
  }
}

interface PlExpression {
  readonly query?: string;
  /** RawParseMode: 0 statement, 1 type name, 2 expression, 3 to 5 assignment. */
  readonly parseMode?: number;
}

function expressionSteps({ query = '', parseMode = 0 }: PlExpression): PlStep[] {
  if (parseMode === 0) return [{ kind: 'text', sql: query }];
  if (parseMode === 2) return [{ kind: 'text', sql: `SELECT ${query}` }];
  if (parseMode >= 3 && parseMode <= 5) return [assignment(query)];
  return [{ kind: 'unknown', reason: 'a PL/pgSQL body holds an expression of a new kind' }];
}

/** `target := value`, where the target may hold subscripts that are expressions themselves. */
function assignment(query: string): PlStep {
  for (const match of query.matchAll(/:?=/gu)) {
    const left = `SELECT ${query.slice(0, match.index)}`;
    const right = `SELECT ${query.slice(match.index + match[0].length)}`;
    if (parseText(left).ok && parseText(right).ok) return { kind: 'text', sql: `${left};${right}` };
  }
  return { kind: 'unknown', reason: 'a PL/pgSQL assignment cannot be read' };
}

/** `t.c%TYPE` is the type of a column of t, `t%ROWTYPE` has all of them. */
function rowTypeOf(name: string): string {
  const [before = '', word = ''] = name.split('%');
  return word.trim().toUpperCase() === 'TYPE'
    ? before.slice(0, Math.max(0, before.lastIndexOf('.'))) || 'int'
    : before;
}

/** A variable's type may be a domain with a CHECK. */
function typeSteps(name: string): PlStep[] {
  if (name === '' || name === 'UNKNOWN') return [];
  const sql = `SELECT NULL::${rowTypeOf(name)}`;
  return parseText(sql).ok ? [{ kind: 'text', sql }] : [];
}

function dynamicStep(expression: PlExpression | undefined): PlStep {
  const parsed = parseText(`SELECT ${expression?.query ?? ''}`);
  const node = parsed.ok ? parsed.statements[0]?.node : undefined;
  const target = node && 'SelectStmt' in node ? node.SelectStmt.targetList?.[0] : undefined;
  const sql = target && 'ResTarget' in target ? constantText(target.ResTarget.val) : undefined;
  return sql === undefined
    ? {
        kind: 'unknown',
        reason:
          'EXECUTE runs SQL text that is computed, so nobody can tell what it does: write the statement itself there',
      }
    : { kind: 'text', sql };
}

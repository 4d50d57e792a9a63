import { z } from 'zod';
import { counted } from '../../base/quantities.ts';
import type { Catalog } from '../../sql/catalog.ts';
import type { TextFacts } from '../../sql/facts.ts';
import { quotedName } from './quoted-name.ts';

/** Runs one statement on a connection of its own and gives its rows as text. */
export type Ask = (sql: string) => Promise<readonly (readonly (string | null)[])[]>;

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Plan Rows': number;
  readonly 'Index Name'?: string | undefined;
  readonly 'Relation Name'?: string | undefined;
  readonly Plans?: readonly PlanNode[] | undefined;
}

const planNode: z.ZodType<PlanNode> = z.lazy(() =>
  z.object({
    'Node Type': z.string(),
    'Plan Rows': z.number(),
    'Index Name': z.string().optional(),
    'Relation Name': z.string().optional(),
    Plans: z.array(planNode).optional(),
  }),
);
const explainOutput = z.array(z.object({ Plan: planNode }));

/** Planning can take its time on large partitioned tables; the card must not wait for it. */
const TIMEOUT_MS = 2000;
/** EXPLAIN (GENERIC_PLAN) plans a statement with parameters and no values (PostgreSQL 16). */
const GENERIC_PLAN_SINCE = 160_000;

/**
 * What the planner expects of a statement, in words, by plain EXPLAIN in a read-only transaction that is rolled
 * back. Only for statements whose planning cannot run code; says why where there is no estimate. Never throws.
 */
export async function estimateRows(
  ask: Ask,
  text: string,
  facts: TextFacts,
  catalog: Catalog,
  searchPath: readonly string[] | undefined,
  hasParameters: boolean,
): Promise<string> {
  const [statement, ...more] = facts.statements;
  if (statement === undefined || more.length > 0) return 'no estimate: more than one statement';
  if (!statement.explainable) return 'no estimate: planning it could already run code, or it has no plan';
  if (searchPath === undefined) return 'no estimate: its search_path is not known';
  const plan = await planOf(ask, text, catalog, searchPath, hasParameters);
  if (plan === undefined) return NO_PLAN;
  return inWords(plan, catalog, statement.actions.find((action) => action.effect === 'write')?.object?.name);
}

/**
 * How many rows the planner expects each statement of a text to give or write; -1 where it cannot tell or must not
 * be asked. Never throws.
 */
export async function planRows(
  ask: Ask,
  text: string,
  facts: TextFacts,
  catalog: Catalog,
  searchPath: readonly string[] | undefined,
): Promise<readonly number[]> {
  const bytes = Buffer.from(text);
  const rows: number[] = [];
  for (const { explainable, start, end } of facts.statements) {
    const one = facts.statements.length === 1 ? text : bytes.toString('utf8', start, end);
    const plan =
      explainable && searchPath !== undefined
        ? await planOf(ask, one, catalog, searchPath, /\$\d/.test(one))
        : undefined;
    rows.push(plan === undefined ? -1 : mostRows(plan));
  }
  return rows;
}

/** What it gives, and what any part of it writes (a ModifyTable node itself says 0 without RETURNING). */
function mostRows(node: PlanNode): number {
  let most = 0;
  const visit = (one: PlanNode, counts: boolean): void => {
    if (counts) most = Math.max(most, one['Plan Rows']);
    for (const child of one.Plans ?? []) visit(child, one['Node Type'] === 'ModifyTable');
  };
  visit(node, true);
  return most;
}

async function planOf(
  ask: Ask,
  text: string,
  catalog: Catalog,
  searchPath: readonly string[],
  hasParameters: boolean,
): Promise<PlanNode | undefined> {
  try {
    await ask('BEGIN TRANSACTION READ ONLY');
    await ask(`SET LOCAL statement_timeout = ${TIMEOUT_MS}`);
    await ask(
      `SET LOCAL search_path = ${searchPath.filter(isPlainSchema).map(quotedName).join(', ') || "''"}`,
    );
    const rows = await explain(ask, text, catalog, hasParameters);
    return explainOutput.parse(JSON.parse(rows.map((row) => row[0] ?? '').join('\n')))[0]?.Plan;
  } catch {
    return undefined;
  } finally {
    await ask('ROLLBACK').catch(() => {});
    await ask(`DEALLOCATE ALL`).catch(() => {});
  }
}

/** Before PostgreSQL 16 a generic plan is that of a prepared statement, whose values it does not look at. */
async function explain(ask: Ask, text: string, catalog: Catalog, hasParameters: boolean) {
  if (!hasParameters) return ask(`EXPLAIN (FORMAT JSON) ${text}`);
  if (catalog.serverVersion >= GENERIC_PLAN_SINCE) return ask(`EXPLAIN (FORMAT JSON, GENERIC_PLAN) ${text}`);
  await ask('SET LOCAL plan_cache_mode = force_generic_plan');
  await ask(`PREPARE hoopctl_plan AS ${text}`);
  const [types] = await ask(
    "SELECT pg_catalog.cardinality(parameter_types) FROM pg_catalog.pg_prepared_statements WHERE name OPERATOR(pg_catalog.=) 'hoopctl_plan'",
  );
  const values = Array.from({ length: Number(types?.[0] ?? 0) }, () => 'NULL').join(', ');
  return ask(`EXPLAIN (FORMAT JSON) EXECUTE hoopctl_plan${values === '' ? '' : `(${values})`}`);
}

const NO_PLAN = 'no estimate: the server did not plan it';

function inWords(top: PlanNode, catalog: Catalog, table: string | undefined): string {
  const node = top['Node Type'] === 'ModifyTable' ? (top.Plans?.[0] ?? top) : top;
  const dot = table?.indexOf('.') ?? -1;
  const relation =
    table === undefined || dot < 0 ? undefined : catalog.relation(table.slice(0, dot), table.slice(dot + 1));
  const total = relation && relation.rowEstimate > 0 ? ` of ${Math.round(relation.rowEstimate)}` : '';
  const place = node['Index Name'] ?? node['Relation Name'];
  const count = node['Plan Rows'];
  return `planner expects ${counted(count, 'row')}${total} (${node['Node Type']}${place ? ` on ${place}` : ''})`;
}

/** Temporary schemas belong to one session and cannot be searched from another; pg_catalog is searched anyway. */
function isPlainSchema(schema: string): boolean {
  return schema !== 'pg_catalog' && !schema.startsWith('pg_temp') && !schema.startsWith('pg_toast_temp');
}

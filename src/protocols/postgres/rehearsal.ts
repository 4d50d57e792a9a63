import { HoopError } from '../../base/errors.ts';
import { maskDetectedText } from '../../masking/detectors.ts';
import { analyze } from '../../sql/analyze.ts';
import type { Catalog, CatalogRelation } from '../../sql/catalog.ts';
import type { StatementFacts, TextFacts } from '../../sql/facts.ts';
import type { Ask } from './estimate.ts';
import { quotedName } from './quoted-name.ts';
import type { ResultMasking } from './result-plan.ts';

export interface Rehearsal {
  readonly text: string;
  /** Bind values as text; undefined where one came in binary. */
  readonly parameters: readonly (string | null)[] | undefined;
  readonly facts: TextFacts;
  readonly catalog: Catalog;
  readonly searchPath: readonly string[] | undefined;
  readonly inTransaction: boolean;
  /** Whom the session acts as at the target. */
  readonly user: string;
  readonly masking: ResultMasking;
}

/** Locks are waited for no longer than this, so that a rehearsal holds nobody up; in milliseconds. */
const LOCK_TIMEOUT_MS = 250;
const STATEMENT_TIMEOUT_MS = 1500;
const MOST_ROWS = 5;
const MOST_COLUMNS = 12;
const LONGEST_VALUE = 60;
/** Tables that triggers and cascades lead to; more is not followed. */
const MOST_TABLES = 50;

/**
 * Runs a statement in a transaction of its own and rolls it back, to tell an approver what it would really touch:
 * rows by table, triggers and cascades included, and up to five of them before and after, masked. `observer` is a
 * second connection, which still sees the rows as they were. What cannot be taken back is not rehearsed; then the
 * one line says why. Never throws.
 */
export async function rehearse(actor: Ask, observer: Ask, it: Rehearsal): Promise<readonly string[]> {
  const why = whyNot(it);
  if (why !== undefined) return [`not rehearsed: ${why}`];
  try {
    await actor('BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE');
    await actor(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await actor(`SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
    await actor(`SET LOCAL idle_in_transaction_session_timeout = ${2 * STATEMENT_TIMEOUT_MS}`);
    const reach = await whyNotReached(actor, it);
    if (reach !== undefined) return [`not rehearsed: ${reach}`];
    return await run(actor, observer, it);
  } catch (error) {
    return [`rehearsed and failed: ${failureWords(error, it)}`];
  } finally {
    await actor('ROLLBACK').catch(() => {});
  }
}

/** The server's words may quote a value that a mask covers; its SQLSTATE does not. */
function failureWords(error: unknown, { masking, facts }: Rehearsal): string {
  const why = (error instanceof HoopError ? error.why : undefined) ?? 'the server gave no reason';
  if (!facts.statements.some((one) => masking.masked.touchedBy(one))) return why;
  return /\b[0-9A-Z]{5}\b/.exec(why.replace(/^[A-Z]+\b/, ''))?.[0] ?? 'the server refused it';
}

const REHEARSED = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

function whyNot({
  facts,
  searchPath,
  inTransaction,
  parameters,
  user,
  catalog,
}: Rehearsal): string | undefined {
  const [statement, ...more] = facts.statements;
  if (statement === undefined || more.length > 0) return 'it is more than one statement';
  if (!REHEARSED.has(statement.tag)) return `${statement.tag} takes strong locks, or cannot be taken back`;
  if (inTransaction) return 'a transaction is open, whose changes another connection does not see';
  if (searchPath === undefined || user === '') return 'the state of its session is not known';
  if (parameters === undefined) return 'a value came in binary';
  const outside = statement.actions.find(
    ({ object }) => relationOf(object?.name, catalog)?.kind === 'foreign-table',
  );
  if (outside) return 'it reaches another server';
  if (statement.actions.some(({ object }) => object?.name.startsWith('pg_temp')))
    return 'it uses a temporary table';
  return stays(statement) ?? (statement.explainable ? undefined : 'it runs functions whose effects may stay');
}

/** Effects that a rollback does not take back. */
function stays({ actions }: StatementFacts): string | undefined {
  for (const { effect, command } of actions) {
    if (effect !== 'read' && effect !== 'write') return `it has an effect (${effect}) that may stay`;
    if (command.startsWith('CALL ') && effect === 'write')
      return `${command.slice(5)} is not undone by a rollback`;
    if (command.startsWith('NOTIFY')) return 'it tells other sessions';
    if (command.startsWith('TRUNCATE')) return 'TRUNCATE takes a strong lock';
  }
  return undefined;
}

function relationOf(name: string | undefined, catalog: Catalog): CatalogRelation | undefined {
  const dot = name?.indexOf('.') ?? -1;
  return name === undefined || dot < 0
    ? undefined
    : catalog.relation(name.slice(0, dot), name.slice(dot + 1));
}

/** Follows partitions, cascading foreign keys and triggers: anything on the way that would stay ends it. */
async function whyNotReached(
  ask: Ask,
  { facts, catalog, searchPath }: Rehearsal,
): Promise<string | undefined> {
  const inserted = new Set<number>();
  const seen = new Set<number>();
  const next: number[] = [];
  const take = (statement: StatementFacts): void => {
    for (const { effect, command, object } of statement.actions) {
      const relation = effect === 'write' ? relationOf(object?.name, catalog) : undefined;
      if (relation === undefined) continue;
      if (command.startsWith('INSERT')) inserted.add(relation.oid);
      next.push(relation.oid);
    }
  };
  for (const statement of facts.statements) take(statement);
  for (let oid = next.pop(); oid !== undefined; oid = next.pop()) {
    if (seen.has(oid)) continue;
    seen.add(oid);
    if (seen.size > MOST_TABLES) return 'it leads to too many tables';
    for (const [kind, value] of await ask(reachedFrom(oid))) {
      if (kind === 'table') next.push(Number(value));
      else if (kind === 'sequence' && inserted.has(oid))
        return `a new row takes a number of a sequence (${value})`;
      else if (kind === 'trigger') {
        const [trigger] = analyze(`SELECT ${value}()`, catalog, sessionOf(searchPath)).statements;
        const why = trigger === undefined ? 'it cannot be told' : (trigger.reasons[0] ?? stays(trigger));
        if (trigger === undefined || why !== undefined) return `trigger function ${value}: ${why}`;
        take(trigger);
      }
    }
  }
  return undefined;
}

const sessionOf = (searchPath: readonly string[] | undefined) => ({
  searchPath,
  pathIsTransactional: false,
  prepared: () => undefined,
  cursor: () => undefined,
});

/** One table's partitions and heirs, the tables its foreign keys cascade to, its sequences and its triggers. */
function reachedFrom(oid: number): string {
  return `
    SELECT 'table', inhrelid::pg_catalog.text FROM pg_catalog.pg_inherits WHERE inhparent OPERATOR(pg_catalog.=) ${oid}
    UNION ALL
    SELECT 'table', conrelid::pg_catalog.text FROM pg_catalog.pg_constraint
    WHERE confrelid OPERATOR(pg_catalog.=) ${oid} AND contype OPERATOR(pg_catalog.=) 'f'
      AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))
    UNION ALL
    SELECT 'sequence', attname::pg_catalog.text FROM pg_catalog.pg_attribute
    LEFT JOIN pg_catalog.pg_attrdef ON adrelid OPERATOR(pg_catalog.=) attrelid AND adnum OPERATOR(pg_catalog.=) attnum
    WHERE attrelid OPERATOR(pg_catalog.=) ${oid}
      AND (attidentity OPERATOR(pg_catalog.<>) '' OR pg_catalog.pg_get_expr(adbin, adrelid) OPERATOR(pg_catalog.~) 'nextval')
    UNION ALL
    SELECT 'trigger', pg_catalog.format('%I.%I', nspname, proname) FROM pg_catalog.pg_trigger t
    JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) t.tgfoid
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
    WHERE tgrelid OPERATOR(pg_catalog.=) ${oid} AND NOT tgisinternal AND tgenabled OPERATOR(pg_catalog.<>) 'D'`;
}

async function run(actor: Ask, observer: Ask, it: Rehearsal): Promise<readonly string[]> {
  const path = (it.searchPath ?? []).filter((one) => one !== 'pg_catalog' && !one.startsWith('pg_temp'));
  await actor(`SET LOCAL search_path = ${path.map(quotedName).join(', ') || "''"}`);
  const [[user] = []] = await actor('SELECT CURRENT_USER::pg_catalog.text');
  if (user !== it.user) return [`not rehearsed: its session acts as ${it.user}`];
  if ((it.parameters ?? []).length === 0) await actor(it.text);
  else {
    await actor(`PREPARE hoopctl_rehearsal AS ${it.text}`);
    await actor(`EXECUTE hoopctl_rehearsal(${(it.parameters ?? []).map(literal).join(', ')})`);
  }
  const counts = await actor(
    'SELECT schemaname, relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_catalog.pg_stat_xact_user_tables ' +
      'WHERE n_tup_ins OPERATOR(pg_catalog.+) n_tup_upd OPERATOR(pg_catalog.+) n_tup_del OPERATOR(pg_catalog.>) 0 ORDER BY 1, 2',
  );
  const lines = counts.map(
    ([schema, table, inserted, updated, deleted]) =>
      `rehearsed: ${schema}.${table}: ${countWords(inserted, updated, deleted)}`,
  );
  if (lines.length === 0) lines.push('rehearsed: no row would be touched');
  const samples = await sampleRows(actor, observer, it).catch(() => [
    'rows were not sampled: that took too long',
  ]);
  return [...lines, ...samples];
}

function countWords(...counts: readonly (string | null | undefined)[]): string {
  const names = ['inserted', 'updated', 'deleted'];
  return names.flatMap((name, i) => (Number(counts[i] ?? 0) > 0 ? [`${counts[i]} ${name}`] : [])).join(', ');
}

/** The first table written: its rows as everybody else still sees them, and as they would be. */
async function sampleRows(actor: Ask, observer: Ask, it: Rehearsal): Promise<readonly string[]> {
  const written = it.facts.statements[0]?.actions.find(({ effect }) => effect === 'write')?.object;
  const relation = relationOf(written?.name, it.catalog);
  if (relation === undefined || (relation.kind !== 'table' && relation.kind !== 'partitioned-table'))
    return [];
  const columns = relation.columns.slice(0, MOST_COLUMNS).map(({ name }) => name);
  const table = `${quotedName(relation.schema)}.${quotedName(relation.name)}`;
  const [[xid] = []] = await actor(
    'SELECT (pg_catalog.txid_current() OPERATOR(pg_catalog.%) 4294967296)::pg_catalog.text',
  );
  const keys = await actor(
    `SELECT attname::pg_catalog.text FROM pg_catalog.pg_index JOIN pg_catalog.pg_attribute
       ON attrelid OPERATOR(pg_catalog.=) indrelid AND attnum OPERATOR(pg_catalog.=) ANY (indkey)
     WHERE indrelid OPERATOR(pg_catalog.=) ${relation.oid} AND indisprimary`,
  );
  const order = keys.map(([name]) => quotedName(name ?? '')).join(', ');
  const select = (mark: string) =>
    `SELECT ${columns.map((name) => `${quotedName(name)}::pg_catalog.text`).join(', ')} FROM ${table} ` +
    `WHERE ${mark}::pg_catalog.text OPERATOR(pg_catalog.=) '${xid}'${order === '' ? '' : ` ORDER BY ${order}`} LIMIT ${MOST_ROWS}`;
  await observer(`SET statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
  const before = await observer(select('xmax'));
  const after = await actor(select('xmin'));
  const shown = (row: readonly (string | null)[]) =>
    columns
      .map(
        (name, i) =>
          `${name}=${shownValue(row[i] ?? null, `${relation.schema}.${relation.name}.${name}`, it)}`,
      )
      .join(' ');
  return [...before.map((row) => `before: ${shown(row)}`), ...after.map((row) => `after: ${shown(row)}`)];
}

/** What a mask covers is not shown to an approver either; what detectors find is masked in place. */
function shownValue(value: string | null, column: string, { masking }: Rehearsal): string {
  if (masking.masked.covers(column)) return '[masked]';
  if (value === null) return 'NULL';
  const { detection, key } = masking.terms;
  const text = detection === undefined ? value : (maskDetectedText(value, detection, key) ?? '[masked]');
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}… (${text.length} characters)`;
}

function literal(value: string | null): string {
  return value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`;
}

import { createHash } from 'node:crypto';
import { HoopError } from '../../base/errors.ts';
import type {
  Catalog,
  CatalogFunction,
  CatalogOperator,
  CatalogRelation,
  CatalogType,
  ForeignKey,
  RelationKind,
} from '../../sql/catalog.ts';
import { makeCatalog } from '../../sql/memory-catalog.ts';
import { FINGERPRINT } from './catalog-fingerprint.ts';
import * as queries from './catalog-queries.ts';

/** Runs one statement by the simple protocol; every column as text. */
export type CatalogQuery = (sql: string) => Promise<readonly (readonly (string | null)[])[]>;

type Row = readonly (string | null)[];

/**
 * Reads what analysis needs to know of a database: two round trips, some 30 ms for a small one. Works for any role,
 * since the system catalogs read here are open to all, on PostgreSQL 10 to 18. With `around`, what others hold locked is
 * not waited for, and unknown. Rejects with what `query` rejects with.
 */
export async function loadCatalog(query: CatalogQuery, around = false): Promise<Catalog> {
  const version = Number((await query(queries.VERSION))[0]?.[0] ?? 0);
  const rows = await query(queries.catalogQuery(version, around));
  const kinds = Map.groupBy(rows, (row) => row[0] ?? '');
  const of = (kind: string): readonly Row[] => kinds.get(kind) ?? [];
  const fingerprint = createHash('sha256');
  for (const row of rows) if (row[0] !== 'saved') fingerprint.update(JSON.stringify(row));
  const operators = of('operator').map(operatorOf);
  return makeCatalog({
    version: fingerprint.digest('hex').slice(0, 32),
    serverVersion: version,
    definitionPath: list(of('path')[0]?.[1]),
    schemas: of('schema').map((row) => text(row, 1)),
    closedSchemas: of('schema').flatMap((row) => (flag(row, 2) ? [] : [text(row, 1)])),
    relations: relationsOf(of('relation'), of('rule'), of('table-function'), of('foreign-table')),
    functions: of('function').map(functionOf),
    operators,
    types: of('type').map(typeOf),
    implicitFunctionOids: of('implicit').map((row) => number(row, 1)),
    foreignKeys: of('foreign-key').map(foreignKeyOf),
    castsToBuiltin: of('builtin-cast').map((row) => ({
      name: text(row, 1),
      oid: number(row, 2),
      functionOid: number(row, 3),
    })),
    builtins: {
      immutable: words(of('builtin').find((row) => row[1] === 'i')?.[2]),
      stable: words(of('builtin').find((row) => row[1] === 's')?.[2]),
      volatile: words(of('builtin').find((row) => row[1] === 'v')?.[2]),
    },
    builtinTypes: words(of('builtin-types')[0]?.[1]),
  });
}

/**
 * The same, where a lock is waited for no longer than the connection's `lock_timeout`: who holds one for long, as a
 * migration does that waits for its COMMIT, keeps only what names that relation out of the catalog (not `complete`).
 */
export async function loadAvailableCatalog(
  query: CatalogQuery,
): Promise<{ readonly catalog: Catalog; readonly complete: boolean }> {
  try {
    return { catalog: await loadCatalog(query), complete: true };
  } catch (error) {
    if (!(error instanceof HoopError) || error.code !== 'target_locked') throw error;
    return { catalog: await loadCatalog(query, true), complete: false };
  }
}

/** One cheap look: its answer differs whenever a row that `loadCatalog` reads was added, changed or removed. */
export async function catalogFingerprint(query: CatalogQuery): Promise<string> {
  const rows = await query(FINGERPRINT);
  return rows.map((row) => row.join(' ')).join('\n');
}

/** Asks a session for what names mean in it; its one row is read by `readSessionState`. */
export const sessionStateQuery: string = queries.SESSION_STATE;

export interface ProbedSessionState {
  readonly searchPath: readonly string[];
  readonly tempSchema?: string;
  readonly user: string;
  /** Settings that decide how the server reads a statement. */
  readonly standardConformingStrings: string;
  readonly clientEncoding: string;
  /** `lock_timeout` in milliseconds, 0 for none. */
  readonly lockTimeout: number;
  /** Process of the session's own backend, by which notifications say who sent them. */
  readonly processId: number;
}

/** The answer to `sessionStateQuery`; undefined when it is not one. */
export function readSessionState(rows: readonly Row[]): ProbedSessionState | undefined {
  const row = rows[0];
  if (row === undefined || row.length < 7 || row[0] === null || row[2] === null) return undefined;
  const temp = row[1];
  return {
    searchPath: list(row[0]),
    user: text(row, 2),
    standardConformingStrings: text(row, 3),
    clientEncoding: text(row, 4),
    lockTimeout: number(row, 5),
    processId: number(row, 6),
    ...(temp === null || temp === undefined || temp === '' ? {} : { tempSchema: temp }),
  };
}

const text = (row: Row, i: number): string => row[i] ?? '';
const number = (row: Row, i: number): number => Number(row[i] ?? 0);
const flag = (row: Row, i: number): boolean => row[i] === 't' || row[i] === 'true';
const words = (value: string | null | undefined): string[] => (value ? value.split(' ') : []);

/** A JSON array of strings (or numbers), as array_to_json prints it. */
function list(value: string | null | undefined): string[] {
  return value ? (JSON.parse(value) as unknown[]).map(String) : [];
}

const RELATION_KINDS: Readonly<Record<string, RelationKind>> = {
  r: 'table',
  p: 'partitioned-table',
  v: 'view',
  m: 'materialized-view',
  f: 'foreign-table',
  S: 'sequence',
  i: 'index',
  I: 'index',
  t: 'toast',
  c: 'composite',
};

const RULE_EVENTS = { '1': 'select', '2': 'update', '3': 'insert', '4': 'delete' } as const;

function relationsOf(
  rows: readonly Row[],
  ruleRows: readonly Row[],
  functionRows: readonly Row[],
  foreignRows: readonly Row[],
): CatalogRelation[] {
  const rules = Map.groupBy(ruleRows, (row) => row[1]);
  const functions = Map.groupBy(functionRows, (row) => row[1]);
  const foreign = new Map(foreignRows.map((row) => [row[1], row]));
  return rows.map((row) => ({
    oid: number(row, 1),
    schema: text(row, 2),
    name: text(row, 3),
    kind: RELATION_KINDS[text(row, 4)] ?? 'table',
    rowEstimate: number(row, 5),
    columns: columnsOf(row[6], functions.get(row[1] ?? null)),
    ...behindForeign(row, foreign.get(row[1] ?? null)),
    ...calledByTable(functions.get(row[1] ?? null)),
    parents: list(row[7]).map(Number),
    ...(row[8] === null || row[8] === undefined ? {} : { definition: row[8] }),
    ...(row[9] ? { triggers: list(row[9]).map(Number) } : {}),
    ...(row[10] ? { policies: list(row[10]) } : {}),
    ...(row[11] ? { tableOid: number(row, 11) } : {}),
    ...(row[13] ? { primaryKey: list(row[13]).map(Number) } : {}),
    ...(flag(row, 12) ? { unreadable: true as const } : {}),
    rules: (rules.get(row[1] ?? null) ?? []).map((rule) => ({
      event: RULE_EVENTS[text(rule, 2) as keyof typeof RULE_EVENTS] ?? 'select',
      definition: text(rule, 3),
    })),
  }));
}

/** `[[number, "name", typeOid, generated, expression], …]` */
function columnsOf(
  value: string | null | undefined,
  functionRows: readonly Row[] = [],
): CatalogRelation['columns'] {
  if (!value) return [];
  const rows = JSON.parse(value) as [number | string, string, number | string, boolean, (string | null)?][];
  return rows.map(([attnum, name, typeOid, generated, expression]) => ({
    number: Number(attnum),
    name,
    typeOid: Number(typeOid),
    ...(generated ? { generated } : {}),
    ...(generated && expression ? { expression } : {}),
    ...calledBy(functionRows.filter((row) => number(row, 2) === Number(attnum))),
  }));
}

/** Rows of column 0 are not a default's. */
function calledByTable(rows: readonly Row[] = []): Pick<CatalogRelation, 'functions'> {
  const own = rows.filter((row) => number(row, 2) === 0).map((row) => number(row, 3));
  return own.length > 0 ? { functions: own } : {};
}

const calledBy = (rows: readonly Row[]) =>
  rows.length > 0 ? { defaultFunctions: rows.map((row) => number(row, 3)) } : {};

/** Names left out are those of the foreign table itself (PostgreSQL docs F.38.1.2). */
function behindForeign(row: Row, options: Row | undefined): Pick<CatalogRelation, 'remote'> {
  if (options === undefined) return {};
  const table = named(options[2]);
  return {
    remote: {
      schema: table.get('schema_name') ?? text(row, 2),
      name: table.get('table_name') ?? text(row, 3),
      columns: named(options[3]),
    },
  };
}

const named = (json: string | null | undefined): ReadonlyMap<string, string> =>
  new Map(Object.entries(json ? (JSON.parse(json) as Record<string, string>) : {}));

/** `confdeltype` and `confupdtype`, PostgreSQL docs 53.13. */
const KEY_ACTIONS: Readonly<Record<string, ForeignKey['onDelete']>> = { c: 'cascade', n: 'set', d: 'set' };

function foreignKeyOf(row: Row): ForeignKey {
  return {
    tableOid: number(row, 1),
    referredOid: number(row, 2),
    referredColumns: list(row[3]).map(Number),
    onDelete: KEY_ACTIONS[text(row, 4)] ?? 'none',
    onUpdate: KEY_ACTIONS[text(row, 5)] ?? 'none',
  };
}

const FUNCTION_KINDS = { f: 'function', p: 'procedure', a: 'aggregate', w: 'window' } as const;
const VOLATILITIES = { i: 'immutable', s: 'stable', v: 'volatile' } as const;

function functionOf(row: Row): CatalogFunction {
  const inputs = number(row, 12);
  // Parameters after one with a default have one too, VARIADIC included.
  const defaults = number(row, 13);
  const variadic = flag(row, 14);
  const modes = words(row[16]);
  const support = row[19] ? (JSON.parse(row[19]) as [string, string][]) : [];
  return {
    oid: number(row, 1),
    schema: text(row, 2),
    name: text(row, 3),
    kind: FUNCTION_KINDS[text(row, 4) as keyof typeof FUNCTION_KINDS] ?? 'function',
    volatility: VOLATILITIES[text(row, 5) as keyof typeof VOLATILITIES] ?? 'volatile',
    securityDefiner: flag(row, 6),
    language: text(row, 7),
    body: text(row, 8),
    standardBody: flag(row, 9),
    returnsSet: flag(row, 10),
    returnTypeOid: number(row, 11),
    minArguments: inputs - defaults - (variadic && defaults === 0 ? 1 : 0),
    maxArguments: variadic ? Number.POSITIVE_INFINITY : inputs,
    parameters: parametersOf(list(row[15]), modes, inputs),
    settings: list(row[17]),
    ...(row[20] ? { parameterTypeOids: list(row[20]).map(Number) } : {}),
    ...(row[21] ? { defaults: row[21] } : {}),
    ...(row[18] ? { extension: row[18] } : {}),
    ...(support.length > 0 ? { supportFunctions: support.map(([schema, name]) => ({ schema, name })) } : {}),
  };
}

/** Names of all parameters; without modes all are inputs, without names they still count. */
function parametersOf(
  names: readonly string[],
  modes: readonly string[],
  inputs: number,
): NonNullable<CatalogFunction['parameters']> {
  const count = Math.max(names.length, modes.length, inputs);
  return Array.from({ length: count }, (_, i) => ({
    name: names[i] ?? '',
    output: modes[i] === 'o' || modes[i] === 't',
  }));
}

function operatorOf(row: Row): CatalogOperator {
  return {
    schema: text(row, 1),
    name: text(row, 2),
    functionOid: number(row, 3),
    ...(row[4] === null || row[4] === undefined ? {} : { builtin: row[4] }),
  };
}

const TYPE_KINDS = {
  b: 'base',
  c: 'composite',
  d: 'domain',
  e: 'enum',
  r: 'range',
  m: 'multirange',
  p: 'pseudo',
} as const;

function typeOf(row: Row): CatalogType {
  return {
    oid: number(row, 1),
    schema: text(row, 2),
    name: text(row, 3),
    kind: TYPE_KINDS[text(row, 4) as keyof typeof TYPE_KINDS] ?? 'base',
    baseTypeOid: number(row, 5),
    relationOid: number(row, 6),
    checks: list(row[7]),
    castFunctionOids: list(row[8]).map(Number),
    ...(row[9] ? { defaultFunctions: list(row[9]).map(Number) } : {}),
  };
}

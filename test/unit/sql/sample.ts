import { analyze } from '../../../src/sql/analyze.ts';
import type { Catalog, CatalogFunction, CatalogRelation, SessionState } from '../../../src/sql/catalog.ts';
import type { Effect, StatementFacts, TextFacts } from '../../../src/sql/facts.ts';
import { makeCatalog } from '../../../src/sql/memory-catalog.ts';

/** A small shop, described by hand: no server needed. */

let oid = 16384;

export function relation(
  schema: string,
  name: string,
  columns: readonly string[],
  more: Partial<CatalogRelation> = {},
): CatalogRelation {
  return {
    oid: oid++,
    schema,
    name,
    kind: more.definition === undefined ? 'table' : 'view',
    columns: columns.map((column, i) => ({ number: i + 1, name: column, typeOid: 25 })),
    rules: [],
    parents: [],
    rowEstimate: 0,
    ...more,
  };
}

export function fn(name: string, body: string, more: Partial<CatalogFunction> = {}): CatalogFunction {
  return {
    oid: oid++,
    schema: 'public',
    name,
    kind: 'function',
    volatility: 'volatile',
    securityDefiner: false,
    language: 'sql',
    body,
    returnsSet: false,
    returnTypeOid: 23,
    minArguments: 0,
    maxArguments: more.parameters?.length ?? 0,
    settings: [],
    ...more,
  };
}

const users = relation('public', 'users', ['id', 'name', 'email', 'tier']);
const orders = relation('public', 'orders', ['id', 'user_id', 'sku', 'amount', 'note']);
const events = relation('public', 'events', ['id', 'at'], { kind: 'partitioned-table' });
const tax = fn('op_side', 'DELETE FROM public.orders');
const slyCheck = fn('sly_check', 'DELETE FROM orders; SELECT true', {
  parameters: [{ name: 'v', output: false }],
});
const p = [{ name: 'p', output: false }];

export const shop: Catalog = makeCatalog({
  version: 'shop',
  definitionPath: ['pg_catalog'],
  schemas: ['public', 'app', 'pg_catalog', 'pg_temp_3'],
  relations: [
    users,
    orders,
    events,
    relation('public', 'events_2025', ['id', 'at'], { parents: [events.oid] }),
    relation('app', 'users', ['id', 'secret']),
    relation('pg_temp_3', 'staging', ['id', 'email']),
    relation('public', 'users_v', ['id', 'contact', 'loud'], {
      definition:
        ' SELECT id, email AS contact, upper(email) AS loud FROM public.users WHERE tier IS NOT NULL;',
    }),
    relation('public', 'cleaning', ['n'], { definition: 'SELECT public.looks_unbound() AS n' }),
    relation('public', 'outbox', ['id', 'msg'], {
      rules: [
        {
          event: 'insert',
          definition:
            'CREATE RULE side AS ON INSERT TO public.outbox DO DELETE FROM public.orders WHERE orders.id = new.id',
        },
      ],
    }),
    relation('public', 'copying', ['id'], {
      rules: [
        {
          event: 'insert',
          definition:
            'CREATE RULE r AS ON INSERT TO public.copying WHERE public.purge(1) > 0 DO INSERT INTO public.orders(sku) SELECT email FROM public.users',
        },
      ],
    }),
    relation('public', 'measures', [], {
      columns: [
        { number: 1, name: 'id', typeOid: 23 },
        { number: 2, name: 'doubled', typeOid: 23, generated: true },
        { number: 3, name: 'height', typeOid: 23 },
      ],
    }),
    relation('pg_catalog', 'pg_class', ['oid', 'relname']),
    relation('pg_catalog', 'pg_stats', ['tablename', 'most_common_vals']),
    relation('pg_catalog', 'pg_stat_activity', ['pid', 'state', 'query']),
    relation('pg_catalog', 'pg_authid', ['rolname', 'rolpassword']),
    relation('pg_catalog', 'pg_settings', ['name', 'setting']),
  ],
  functions: [
    tax,
    slyCheck,
    fn('purge', 'BEGIN DELETE FROM public.orders WHERE id = p; RETURN 1; END', {
      language: 'plpgsql',
      parameters: p,
      minArguments: 1,
    }),
    fn('looks_unbound', 'DELETE FROM orders; SELECT 1'),
    fn('looks_stable', 'SELECT purge(1)', { volatility: 'stable' }),
    fn('contact', 'SELECT email FROM users WHERE id = p', { parameters: p, minArguments: 1 }),
    fn('add_tax', 'SELECT p * 1.2', { parameters: p, minArguments: 1, volatility: 'immutable' }),
    fn('even', 'SELECT odd(p)', { parameters: p, minArguments: 1 }),
    fn('odd', 'SELECT even(p); DELETE FROM orders WHERE id = p', { parameters: p, minArguments: 1 }),
    fn('native', 'sym', { language: 'c' }),
    fn('dynamic', 'BEGIN EXECUTE p; RETURN 1; END', { language: 'plpgsql', parameters: p, minArguments: 1 }),
    fn('elsewhere', 'SELECT secret FROM users', { settings: ['search_path=app'] }),
    fn('wipe', 'DELETE FROM orders; SELECT 1', {
      parameters: [{ name: 'o', output: false }],
      minArguments: 1,
    }),
    fn('similarity', 'similarity', { language: 'c', extension: 'pg_trgm', maxArguments: 2 }),
    fn('dblink', 'dblink', { language: 'c', extension: 'dblink', maxArguments: 2 }),
    fn('close_all', 'BEGIN UPDATE orders SET note = NULL; COMMIT; END', {
      language: 'plpgsql',
      kind: 'procedure',
    }),
  ],
  operators: [{ schema: 'public', name: '===', functionOid: tax.oid }],
  types: [
    {
      oid: 20001,
      schema: 'public',
      name: 'sly',
      kind: 'domain',
      baseTypeOid: 23,
      relationOid: 0,
      checks: ['CHECK (public.sly_check(VALUE))'],
      castFunctionOids: [],
    },
  ],
  builtins: {
    immutable: ['upper', 'lower', 'length', 'substr', 'max', 'string_agg', 'jsonb_build_object', 'repeat'],
    stable: [
      'now',
      'count',
      'sum',
      'current_setting',
      'table_to_xml',
      'version',
      'pg_table_is_visible',
      'generate_series',
      'unnest',
      'row_to_json',
    ],
    volatile: [
      'nextval',
      'set_config',
      'pg_sleep',
      'random',
      'pg_read_file',
      'query_to_xml',
      'pg_advisory_lock',
      'brand_new',
    ],
  },
  builtinTypes: ['int4', 'text', 'regclass', 'money'],
});

export function session(more: Partial<SessionState> = {}): SessionState {
  return {
    searchPath: ['pg_temp_3', 'pg_catalog', 'public'],
    tempSchema: 'pg_temp_3',
    user: 'app',
    pathIsTransactional: false,
    prepared: () => undefined,
    cursor: () => undefined,
    ...more,
  };
}

export const facts = (sql: string, state: SessionState = session(), catalog: Catalog = shop): TextFacts =>
  analyze(sql, catalog, state);

export function only(sql: string, state?: SessionState): StatementFacts {
  const { statements } = facts(sql, state);
  if (statements.length !== 1) throw new Error(`${statements.length} statements in: ${sql}`);
  return statements[0]!;
}

/** What each statement does, `write UPDATE public.orders`, sorted; `<` names what it was reached through. */
export function effects(sql: string, state?: SessionState): string[] {
  return facts(sql, state)
    .statements.flatMap((statement) => statement.actions)
    .map(({ effect, command, object }) => `${effect} ${command}${object?.via ? ` < ${object.via}` : ''}`)
    .sort();
}

const RANK: Readonly<Record<Effect, number>> = {
  read: 0,
  session: 0.5,
  write: 1,
  ddl: 2,
  admin: 3,
  unknown: 4,
};

export function strictest(text: TextFacts): Effect {
  const all = text.statements.flatMap((statement) => statement.actions.map((action) => action.effect));
  return all.reduce<Effect>((worst, effect) => (RANK[effect] > RANK[worst] ? effect : worst), 'read');
}

/** `email:output`, of public tables. */
export function uses(sql: string, state?: SessionState): string[] {
  return facts(sql, state)
    .statements.flatMap((statement) => statement.columnUses)
    .map(({ column, use }) => `${column.replace(/^public\./u, '')}:${use}`)
    .sort();
}

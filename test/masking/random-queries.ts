import fc from 'fast-check';

/** A query made at random, and whether any column in it is under a mask. */
export interface RandomQuery {
  readonly sql: string;
  readonly touchesMasked: boolean;
}

interface Part {
  readonly sql: string;
  readonly masked: boolean;
}

/** A FROM item and its columns: those that hold a masked value and those that do not. */
interface Table {
  readonly from: string;
  readonly alias: string;
  readonly open: readonly string[];
  readonly masked: readonly string[];
  /** It holds masked values in columns that may not be named. */
  readonly hides: boolean;
}

const tables: fc.Arbitrary<(alias: string) => Table> = fc.constantFrom(
  (alias: string) => ({
    from: `users ${alias}`,
    alias,
    open: ['id', 'name', 'tier'],
    masked: ['email', 'ssn', 'phone', 'api_key', 'profile'],
    hides: true,
  }),
  (alias: string) => ({
    from: `users_v ${alias}`,
    alias,
    open: ['id', 'name'],
    masked: ['contact', 'tax_id'],
    hides: true,
  }),
  (alias: string) => ({
    from: `users_mv ${alias}`,
    alias,
    open: ['id'],
    masked: ['email', 'phone'],
    hides: true,
  }),
  (alias: string) => ({
    from: `get_users() ${alias}`,
    alias,
    open: ['id', 'name'],
    masked: ['email', 'ssn'],
    hides: true,
  }),
  (alias: string) => ({
    from: `users_public ${alias}`,
    alias,
    open: ['id', 'name', 'tier'],
    masked: [],
    hides: false,
  }),
  (alias: string) => ({ from: `events ${alias}`, alias, open: ['id', 'kind'], masked: [], hides: false }),
  (alias: string) => ({
    from: `(SELECT id, lower(email) AS e, name FROM users) ${alias}`,
    alias,
    open: ['id', 'name'],
    masked: ['e'],
    hides: true,
  }),
  (alias: string) => ({
    from: `(SELECT id, tier AS t FROM users UNION ALL SELECT id, kind FROM events) ${alias}`,
    alias,
    open: ['id', 't'],
    masked: [],
    hides: true,
  }),
  (alias: string) => ({
    from: `(SELECT u.id, to_jsonb(u) AS j FROM users u) ${alias}`,
    alias,
    open: ['id'],
    masked: ['j'],
    hides: true,
  }),
);

/** Wrappers of a value: most take anything, some are questions that must be refused. */
const WRAPPERS = [
  ...[
    '%',
    '%',
    '%',
    'upper(%::text)',
    'reverse(%::text)',
    "(% || '')",
    '%::text',
    'md5(%::text)',
    'left(%::text, 30)',
  ],
  ...[
    'CASE WHEN true THEN % END',
    'coalesce(%, %)',
    'to_jsonb(%)',
    'ARRAY[%]',
    'ROW(%)',
    "concat('a', %)",
    '(% IS NULL)',
  ],
  ...[
    "encode(%::text::bytea, 'hex')",
    '(ARRAY[%])[1]',
    "split_part(%::text, '@', 1)",
    'quote_literal(%::text)',
  ],
  ...[
    "translate(%::text, '-', '')",
    'length(%::text)',
    "json_build_object('k', %)",
    '(SELECT %)',
    '%::text::varchar(20)',
  ],
  ...[
    "(%::text LIKE '9_')",
    "NULLIF(%::text, 'x')",
    'hashtext(%::text)',
    "string_to_array(%::text, '.')",
    'ascii(%::text)',
  ],
];
const AGGREGATES = [
  ...['count(%)', "string_agg(%::text, ',')", 'array_agg(%)', 'json_agg(%)', 'max(%::text)', 'jsonb_agg(%)'],
  ...[
    'count(DISTINCT %)',
    "jsonb_object_agg('k', %)",
    'min(%::text)',
    'mode() WITHIN GROUP (ORDER BY %::text)',
  ],
];

function values(list: readonly Table[], wrappers: readonly string[], nests = true): fc.Arbitrary<Part> {
  const columns = list.flatMap(({ alias, open, masked }) => [
    ...open.map((name) => ({ sql: `${alias}.${name}`, masked: false })),
    ...masked.map((name) => ({ sql: `${alias}.${name}`, masked: true })),
  ]);
  return fc
    .tuple(
      fc.constantFrom(...columns),
      fc.constantFrom(...wrappers),
      fc.constantFrom('%', ...(nests ? wrappers : [])),
    )
    .map(([column, inner, outer]) => ({
      sql: outer.replaceAll('%', inner.replaceAll('%', column.sql)),
      masked: column.masked,
    }));
}

const condition = (list: readonly Table[]): fc.Arbitrary<Part> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant({ sql: '', masked: false }) },
    {
      weight: 3,
      arbitrary: fc
        .constantFrom(...list)
        .map(({ alias }) => ({ sql: ` WHERE ${alias}.id < 4`, masked: false })),
    },
    {
      weight: 1,
      arbitrary: values(list, ['%::text']).map(({ sql, masked }) => ({ sql: ` WHERE ${sql} > '5'`, masked })),
    },
    {
      weight: 1,
      arbitrary: values(list, ['%']).map(({ sql, masked }) => ({ sql: ` WHERE ${sql} IS NOT NULL`, masked })),
    },
  );

const select: fc.Arbitrary<RandomQuery> = fc
  .tuple(tables, tables, fc.boolean(), fc.boolean())
  .chain(([first, second, joined, aggregated]) => {
    const a = first('a');
    const b = second('b');
    const list = joined ? [a, b] : [a];
    const from = joined ? `${a.from} JOIN ${b.from} ON a.id = b.id` : a.from;
    const columns = aggregated ? values(list, AGGREGATES, false) : values(list, WRAPPERS);
    const star = fc.constant({ sql: 'a.*', masked: a.hides });
    const shown = aggregated
      ? columns
      : fc.oneof({ weight: 6, arbitrary: columns }, { weight: 1, arbitrary: star });
    return fc
      .tuple(fc.array(shown, { minLength: 1, maxLength: 3 }), condition(list))
      .map(([targets, where]) => ({
        sql: `SELECT ${targets.map(({ sql }) => sql).join(', ')} FROM ${from}${where.sql}`,
        // Whole rows and functions count as masked where the table behind them has such a column.
        touchesMasked:
          targets.some((one) => one.masked) ||
          where.masked ||
          list.some((one) => /get_users|to_jsonb|lower/.test(one.from)),
      }));
  });

/** Queries with joins, sub-selects, set operations, common table expressions, functions and views. */
export const randomQuery: fc.Arbitrary<RandomQuery> = fc.oneof(
  { weight: 5, arbitrary: select },
  {
    weight: 1,
    arbitrary: fc
      .tuple(select, fc.constantFrom('UNION ALL', 'UNION', 'EXCEPT'), select)
      .map(([a, word, b]) => ({
        sql: `SELECT to_json(x)::text FROM (${a.sql}) x ${word} SELECT to_json(y)::text FROM (${b.sql}) y`,
        touchesMasked: a.touchesMasked || b.touchesMasked,
      })),
  },
  {
    weight: 1,
    arbitrary: select.map(({ sql, touchesMasked }) => ({
      sql: `WITH w AS (${sql}) SELECT * FROM w`,
      touchesMasked,
    })),
  },
  {
    weight: 1,
    arbitrary: select.map(({ sql, touchesMasked }) => ({
      sql: `SELECT s FROM (${sql}) s`,
      touchesMasked,
    })),
  },
);

/** A secret and what the wrappers could make of it. */
export function disguises(secret: string): readonly string[] {
  const reversed = [...secret].reverse().join('');
  return [
    secret,
    secret.toUpperCase(),
    reversed,
    reversed.toUpperCase(),
    Buffer.from(secret).toString('hex'),
    secret.replaceAll('-', ''),
    secret.split('@')[0] ?? secret,
  ].filter((one) => one.length > 7);
}

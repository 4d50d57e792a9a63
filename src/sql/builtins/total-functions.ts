/**
 * Functions of pg_catalog that take every value: they cannot fail, act, or give rows depending on it, and their
 * result is NULL or not as their arguments say. Only through these may a masked column flow into a result column
 * that is then hidden; anything else would tell something by failing. Source: PostgreSQL docs 9.4, 9.16, 9.21.
 */
const words = (text: string) => new Set(text.split(/\s+/u).filter((word) => word !== ''));

/** Give the value itself, alone or inside an array, row or document. */
const CARRYING =
  words(`to_json to_jsonb row_to_json json_build_object jsonb_build_object json_build_array jsonb_build_array
  json_agg jsonb_agg json_object_agg jsonb_object_agg array_agg any_value first_value last_value lag lead nth_value
  json_agg_strict jsonb_agg_strict array_to_json`);

/** Compute another value. */
const COMPUTING =
  words(`lower upper initcap reverse concat concat_ws length char_length character_length octet_length
  bit_length btrim ltrim rtrim left right substr substring split_part translate md5 ascii strpos position quote_literal
  quote_ident quote_nullable string_agg mode percentile_disc sha224 sha256 sha384 sha512 starts_with
  regexp_replace replace overlay lpad rpad jsonb_pretty jsonb_typeof json_typeof jsonb_strip_nulls json_strip_nulls
  num_nulls num_nonnulls string_to_array array_to_string array_append array_prepend
  cardinality array_length text varchar bpchar name sum avg stddev stddev_pop stddev_samp variance var_pop
  var_samp bool_and bool_or every bit_and bit_or bit_xor xmlagg format_type pg_typeof pg_column_size textcat hashtext
  ntile rank dense_rank row_number percent_rank cume_dist coalesce encode to_char extract date_part date_trunc age round floor ceil ceiling abs
  regexp_match regexp_substr regexp_count regexp_split_to_array`);

/** Arguments of these, counted from 0, that may not come from the value: out of their range they fail. */
const GUARDED: Readonly<Record<string, readonly number[]>> = {
  substr: [1, 2],
  substring: [1, 2],
  split_part: [1, 2],
  lpad: [1],
  rpad: [1],
  overlay: [2, 3],
  encode: [1],
  to_char: [1],
  extract: [0],
  date_part: [0],
  date_trunc: [0, 2],
  round: [1],
  percentile_disc: [0],
  percentile_cont: [0],
  ntile: [0],
  regexp_replace: [1, 2, 3, 4, 5],
  regexp_match: [1, 2],
  regexp_substr: [1, 2, 3, 4, 5],
  regexp_count: [1, 2, 3],
  regexp_split_to_array: [1, 2],
  json_object_agg: [0],
  jsonb_object_agg: [0],
  lag: [1],
  lead: [1],
  nth_value: [1],
};

/** Every second argument of these is a key, which may not be NULL. */
const BUILDS_OBJECT: ReadonlySet<string> = new Set(['json_build_object', 'jsonb_build_object']);

/** Functions that fail for whatever is not NULL where a position, pattern, format or field is none. */
export const FAILS_BUT_FOR_NULL: ReadonlySet<string> =
  words(`substr substring split_part lpad rpad overlay encode to_char extract date_part date_trunc round
  jsonb_set jsonb_insert percentile_disc percentile_cont regexp_replace regexp_match regexp_substr regexp_count regexp_split_to_array`);

/** The same where the collation is one they do not take, or cannot be told. PostgreSQL docs 23.2.1, 23.2.2.4. */
export const FAILS_BY_COLLATION: ReadonlySet<string> = words(
  'replace strpos position starts_with string_to_array lower upper initcap',
);

export type Totality = 'carrying' | 'computing' | 'none';

/** Whether a function of pg_catalog takes every value, and how much of it comes out. */
export function totality(name: string): Totality {
  if (CARRYING.has(name)) return 'carrying';
  return COMPUTING.has(name) ? 'computing' : 'none';
}

/** Whether the argument at that place has to be within bounds, so that the value may not stand there. */
export function isGuarded(name: string, position: number): boolean {
  if (BUILDS_OBJECT.has(name)) return position % 2 === 0;
  return GUARDED[name]?.includes(position) ?? false;
}

/** Operators of pg_catalog that take every value. */
export const TOTAL_OPERATORS: ReadonlySet<string> = new Set(['||', '->', '->>', '#>', '#>>']);

/** These are casts, and with more arguments ones that fail: `varchar(x, 7, false)` for what is longer, length(x, 'UTF8') for bytes that are no text. */
export const ONE_ARGUMENT: ReadonlySet<string> = words('text varchar bpchar name length');

/** Types to which any value of any type can be cast. `"char"` is none: it takes no integer beyond 127. */
export const TOTAL_CASTS: ReadonlySet<string> = words('text varchar bpchar name');

/**
 * Types that a text may fail to be read as. What that tells of a column's whole value is that it is not of the type;
 * of a part that the client cuts out it would tell anything.
 */
export const READ_FROM_TEXT: ReadonlySet<string> = words(
  'int4 int8 float8 numeric bytea json jsonb uuid inet date timestamp timestamptz',
);

/** Types that a part of a document may be cast to: it fails for the part's kind alone, which its mask does not hide. */
export const READ_FROM_JSON: ReadonlySet<string> = words('int4 int8 float8 numeric bool');

/** date, timestamp and timestamptz, into each of which a stored or truncated one can be cast. */
export const DATED_TYPES: ReadonlySet<string> = words('date timestamp timestamptz');
export const DATED_OIDS: ReadonlySet<number> = new Set([1082, 1114, 1184]);

/** Casts of numbers into types that hold them all, as OID and name: smallint, integer, bigint, real, numeric. */
export const WIDER: ReadonlySet<string> = new Set(
  Object.entries({
    21: 'int4 int8 numeric float4 float8',
    23: 'int8 numeric float4 float8',
    20: 'numeric float4 float8',
    700: 'float8 numeric',
    1700: 'float8 int8',
  }).flatMap(([oid, names]) => [...words(names)].map((name) => `${oid} ${name}`)),
);

/** OIDs of types that are text: text, varchar, bpchar, name. */
export const TEXT_OIDS: ReadonlySet<number> = new Set([25, 1043, 1042, 19]);

/** Functions whose result may be far longer than what they are given. */
export const GROWING: ReadonlySet<string> = words('repeat lpad rpad replace regexp_replace format');

/** Set-returning functions over json: rows are the document's own elements; the column they give, and under which key it lies. */
export const DOCUMENT_ROWS: Readonly<Record<string, readonly ('key' | 'value')[]>> = {
  jsonb_each: ['key', 'value'],
  json_each: ['key', 'value'],
  jsonb_each_text: ['key', 'value'],
  json_each_text: ['key', 'value'],
  jsonb_object_keys: ['key'],
  json_object_keys: ['key'],
  jsonb_array_elements: ['value'],
  json_array_elements: ['value'],
  jsonb_array_elements_text: ['value'],
  json_array_elements_text: ['value'],
};

/** Set-returning functions with one column that has no name of its own. */
export const ONE_COLUMN: ReadonlySet<string> = words(
  'generate_series generate_subscripts unnest regexp_split_to_table string_to_table regexp_matches jsonb_path_query',
);

/**
 * SQL/JSON expressions of PostgreSQL 16 and 17 whose spelling an older server takes for a call of a function of that
 * name, which may be anybody's.
 */
export const JSON_SYNTAX: Readonly<
  Record<string, { readonly since: number; readonly names: readonly string[] }>
> = {
  JsonFuncExpr: { since: 170000, names: ['json_value', 'json_query', 'json_exists'] },
  JsonParseExpr: { since: 170000, names: ['json'] },
  JsonScalarExpr: { since: 170000, names: ['json_scalar'] },
  JsonSerializeExpr: { since: 170000, names: ['json_serialize'] },
  JsonTable: { since: 170000, names: ['json_table'] },
  JsonObjectConstructor: { since: 160000, names: ['json_object'] },
  JsonArrayConstructor: { since: 160000, names: ['json_array'] },
  JsonObjectAgg: { since: 160000, names: ['json_objectagg'] },
  JsonArrayAgg: { since: 160000, names: ['json_arrayagg'] },
  MergeSupportFunc: { since: 170000, names: ['merge_action'] },
};

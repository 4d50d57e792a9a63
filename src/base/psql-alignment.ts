/**
 * Types that psql sets flush right (`column_type_alignment` in src/fe_utils/print.c): int8, int2, int4, oid, xid, cid,
 * float4, float8, money, numeric, xid8, by their OIDs in pg_type.dat.
 */
const RIGHT_ALIGNED: ReadonlySet<number> = new Set([20, 21, 23, 26, 28, 29, 700, 701, 790, 1700, 5069]);

/** Whether psql prints a column of the type flush right. */
export function isRightAligned(typeOid: number): boolean {
  return RIGHT_ALIGNED.has(typeOid);
}

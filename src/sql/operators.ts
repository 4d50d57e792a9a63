import { callBuiltin } from './builtin-calls.ts';
import { extensionEffect } from './builtins/extensions.ts';
import type { Context } from './context.ts';
import { callCandidate } from './functions.ts';
import { resolveOperators } from './names.ts';

/** Whether an operator of that name may run code of a user: neither pg_catalog's own nor a compiled one of an extension that only computes. */
export function runsUserOperator(parts: readonly string[], ctx: Context): boolean {
  return resolveOperators(parts, ctx).some(({ builtin, functionOid }) => {
    if (builtin !== undefined) return false;
    const behind = ctx.catalog.functionByOid(functionOid);
    return behind?.extension === undefined || extensionEffect(behind.extension, behind.name) !== 'read';
  });
}

/** Functions behind an operator that is not, or not certainly, pg_catalog's own. */
export function useOperator(parts: readonly string[], ctx: Context): void {
  const name = parts.at(-1) ?? '';
  if (
    name === 'BETWEEN' ||
    name === 'NOT BETWEEN' ||
    name === 'BETWEEN SYMMETRIC' ||
    name === 'NOT BETWEEN SYMMETRIC'
  ) {
    for (const operator of ['>=', '<=', '<', '>']) useOperator([operator], ctx);
    return;
  }
  for (const operator of resolveOperators(parts, ctx)) {
    if (operator.builtin !== undefined) {
      callBuiltin(operator.builtin, [], ctx);
      continue;
    }
    const behind = ctx.catalog.functionByOid(operator.functionOid);
    if (behind) callCandidate(behind, [], ctx);
    else
      ctx.out.unknown(
        `the function of operator ${operator.schema}.${name} is not in the catalog`,
        `OPERATOR ${name}`,
      );
  }
}

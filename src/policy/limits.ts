import {
  type ActiveLimit,
  LIMIT_KINDS,
  type LimitKind,
  type PolicyTarget,
  type Requester,
} from './decision.ts';
import { DEFAULT_TERMS } from './rule.ts';
import type { PolicyLimit } from './schema.ts';
import { admitsEither, compileConnections, compilePrincipals, type FileGroups } from './selectors.ts';

/** The budgets of the file, ready to be asked whose they are. */
export function compileLimits(
  limits: readonly PolicyLimit[],
  groups: FileGroups,
): (requester: Requester, target: PolicyTarget) => readonly ActiveLimit[] {
  const compiled = limits.map((limit) => ({
    active: activeLimit(limit),
    who: limit.who && compilePrincipals(limit.who, groups),
    connections: limit.connections && compileConnections(limit.connections),
  }));
  return (requester, target) =>
    compiled.flatMap(({ active, who, connections }) =>
      (who === undefined || admitsEither(who, requester)) && (connections?.selects(target) ?? true)
        ? [active]
        : [],
    );
}

function activeLimit(limit: PolicyLimit): ActiveLimit {
  const most: Partial<Record<LimitKind, number>> = {};
  for (const kind of LIMIT_KINDS) if (limit[kind] !== undefined) most[kind] = limit[kind];
  return {
    name: limit.name,
    most,
    decision: limit.decision,
    message: limit.message,
    terms: {
      approvers: limit.approvers ?? DEFAULT_TERMS.approvers,
      approvals: limit.approvals ?? DEFAULT_TERMS.approvals,
      expires: limit.expires ?? DEFAULT_TERMS.expires,
      selfApproval: false,
    },
  };
}

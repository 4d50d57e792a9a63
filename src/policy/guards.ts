import type { EphemeralRoleTerms, PolicyTarget, Requester, SessionGuard } from './decision.ts';
import type { PolicyGuard } from './schema.ts';
import { admitsEither, compileConnections, compilePrincipals, type FileGroups } from './selectors.ts';

/**
 * What the server is told to enforce for a requester's sessions: of all guards that hold the strictest value of
 * each kind, and the role of the first that makes one.
 */
export function compileGuards(
  guards: readonly PolicyGuard[],
  groups: FileGroups,
): (requester: Requester, target: PolicyTarget) => SessionGuard | undefined {
  const compiled = guards.map((guard) => ({
    guard,
    who: guard.who && compilePrincipals(guard.who, groups),
    connections: guard.connections && compileConnections(guard.connections),
  }));
  return (requester, target) => {
    const holding = compiled
      .filter(
        ({ who, connections }) =>
          (who === undefined || admitsEither(who, requester)) && (connections?.selects(target) ?? true),
      )
      .map(({ guard }) => guard);
    if (holding.length === 0) return undefined;
    return {
      names: holding.map(({ name }) => name),
      readOnly: holding.some((guard) => guard.read_only),
      statementTimeout: shortest(holding.map((guard) => guard.statement_timeout)),
      lockTimeout: shortest(holding.map((guard) => guard.lock_timeout)),
      idleInTransactionTimeout: shortest(holding.map((guard) => guard.idle_in_transaction_session_timeout)),
      role: roleTerms(holding.find((guard) => guard.role !== undefined)?.role),
    };
  };
}

/** True when some guard makes roles there, for whomever. */
export function makesRoles(guards: readonly PolicyGuard[], target: PolicyTarget): boolean {
  return guards.some(
    ({ role, connections }) =>
      role !== undefined && (connections === undefined || compileConnections(connections).selects(target)),
  );
}

function shortest(times: readonly (number | undefined)[]): number | undefined {
  const given = times.filter((time) => time !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}

function roleTerms(role: PolicyGuard['role']): EphemeralRoleTerms | undefined {
  if (role === undefined) return undefined;
  return {
    template: role.template,
    validFor: role.valid_for,
    grants: (role.grants ?? []).map(({ privileges, tables, sequences, schemas, functions }) => ({
      privileges,
      tables: tables ?? [],
      sequences: sequences ?? [],
      schemas: schemas ?? [],
      functions: functions ?? [],
    })),
  };
}

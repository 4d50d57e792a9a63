import type { PolicyDocument } from './schema.ts';

/** What the trusted issuers of a file may bring that does not exist here yet. */

/** Groups that claim rules give. */
export function groupsOfClaimRules(file: Pick<PolicyDocument, 'identity'>): ReadonlySet<string> {
  const rules = file.identity.issuers.flatMap(({ identities, actors }) => [...identities, ...(actors ?? [])]);
  return new Set(rules.flatMap(({ groups }) => groups ?? []));
}

/** True when tokens bring groups of their own, whose names only the issuer knows. */
export function issuersBringGroups(file: Pick<PolicyDocument, 'identity'>): boolean {
  return file.identity.issuers.some(({ groups_claim }) => groups_claim !== undefined);
}

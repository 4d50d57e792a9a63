import { mayMeanDomain } from './name-glob.ts';
import type { PolicyDocument } from './schema.ts';
import { groupNamed } from './selectors.ts';

/** What the trusted issuers of a file may bring that does not exist here yet. */

/** Groups that claim rules give. */
export function groupsOfClaimRules(file: Pick<PolicyDocument, 'identity'>): ReadonlySet<string> {
  const { issuers, saml } = file.identity;
  const rules = [
    ...issuers.flatMap(({ actors }) => actors ?? []),
    ...[...issuers, ...saml].flatMap(({ identities }) => identities),
  ];
  return new Set(rules.flatMap(({ groups }) => groups ?? []));
}

/** True when tokens bring groups of their own, whose names only the issuer knows. */
export function issuersBringGroups(file: Pick<PolicyDocument, 'identity'>): boolean {
  return [...file.identity.issuers, ...file.identity.saml].some(
    ({ groups_claim }) => groups_claim !== undefined,
  );
}

/** True when somebody whom an issuer vouches for may be meant by a list of approvers. An empty list means anyone. */
export function mayComeByIssuer(
  list: readonly string[],
  file: Pick<PolicyDocument, 'identity' | 'groups'>,
): boolean {
  const issuers = [...file.identity.issuers, ...file.identity.saml];
  const named = (name: string) => issuers.some(({ domain }) => mayMeanDomain(name, domain));
  if (issuers.length === 0) return false;
  if (list.length === 0) return true;
  return list.some((principal) => {
    const group = groupNamed(principal);
    if (group === undefined) return named(principal);
    if (file.groups[group]?.some(named)) return true;
    return issuersBringGroups(file) || groupsOfClaimRules(file).has(group);
  });
}

import { LoginNeeded } from '../base/errors.ts';

/** The claims of a verified token. */
export type Claims = Readonly<Record<string, unknown>>;

/** Groups that one token may bring; more is an issuer gone wrong. */
const MOST_GROUPS = 1000;
const LONGEST_GROUP = 256;
/** Steps into nested claims. */
const DEEPEST = 8;

/**
 * The claim at a path: `groups`, `realm_access.roles`, `https://example.com/groups`, `kubernetes.io.namespace`.
 * A key may itself have dots, so the longest key that is there counts. Undefined where there is none.
 */
export function claimAt(claims: unknown, path: string, depth = 0): unknown {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims) || depth > DEEPEST)
    return undefined;
  if (Object.hasOwn(claims, path)) return (claims as Claims)[path];
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const key = path.slice(0, dot);
    if (!Object.hasOwn(claims, key)) continue;
    const found = claimAt((claims as Claims)[key], path.slice(dot + 1), depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A claim that stands for one value, as text: text itself, or a whole number. */
export function claimText(claims: Claims, path: string): string | undefined {
  const value = claimAt(claims, path);
  if (typeof value === 'string') return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined;
}

/**
 * The groups of a token. An issuer that leaves them out because there are too many (Microsoft Entra ID's
 * `_claim_names` and `hasgroups`; OpenID Connect Core 5.6.2, distributed claims) is told from one without groups.
 * Throws LoginNeeded `token_groups_overage`, `token_groups_missing`, `token_groups_malformed`.
 */
export function groupsOf(claims: Claims, path: string, optional: boolean): readonly string[] {
  refuseOverage(claims, path);
  const value = claimAt(claims, path);
  if (value === undefined || value === null) {
    if (optional) return [];
    throw new LoginNeeded('token_groups_missing', `the token has no claim "${path}"`, {
      why: 'without it nobody can tell which groups it brings',
      next: 'let the issuer add the claim, or set groups_optional: true for it in the policy',
    });
  }
  const groups: unknown[] = Array.isArray(value) ? value : [value];
  const readable = groups.every(
    (group) => typeof group === 'string' && group !== '' && group.length <= LONGEST_GROUP && isPlain(group),
  );
  if (!readable || groups.length > MOST_GROUPS) {
    throw new LoginNeeded('token_groups_malformed', `the token's claim "${path}" is no list of groups`, {
      why: `it may hold up to ${MOST_GROUPS} names of up to ${LONGEST_GROUP} characters`,
    });
  }
  return [...new Set(groups as string[])];
}

function refuseOverage(claims: Claims, path: string): void {
  const elsewhere = claims._claim_names;
  const [top = path] = path.split('.', 1);
  const distributed =
    typeof elsewhere === 'object' &&
    elsewhere !== null &&
    (Object.hasOwn(elsewhere, path) || Object.hasOwn(elsewhere, top));
  const flagged =
    claims.hasgroups !== undefined && claims.hasgroups !== false && claims.hasgroups !== 'false';
  // The implicit flow's form of the same: `groups:src1`.
  const sourced = Object.keys(claims).some((key) => key.startsWith(`${path}:src`));
  if (!distributed && !flagged && !sourced) return;
  throw new LoginNeeded(
    'token_groups_overage',
    'the token leaves the groups out because there are too many',
    {
      why: 'what groups it stands for cannot be told',
      next: 'let the issuer send only the groups that are assigned to hoopctl',
    },
  );
}

/** No control, bidirectional or zero-width characters: names are shown to approvers. */
export function isPlain(text: string): boolean {
  return !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(text);
}

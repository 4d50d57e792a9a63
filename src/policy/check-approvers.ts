import { groupsOfClaimRules } from './issuers-of.ts';
import type { Checked, KnownIdentity } from './known.ts';
import { EVERYBODY } from './name-glob.ts';
import { compilePeople, personOf } from './people.ts';
import { type FilePath, type Problem, problemAt } from './problem.ts';
import { approversOf } from './rule.ts';
import { DEFAULT_APPROVALS, type PolicyRule } from './schema.ts';
import { compilePrincipals, groupExists, groupNamed } from './selectors.ts';

/** Roles that may decide approvals. */
const DECIDING_ROLES: readonly string[] = ['approver', 'owner'];

/** Everyone a list could ever mean: one name for each person, or `open` when a glob or a missing list leaves the door to people yet to come. */
interface People {
  readonly names: ReadonlySet<string>;
  readonly open: boolean;
}

/** A rule, or a limit, of which nobody ever approves its own statements. */
type Asking = Pick<PolicyRule, 'name' | 'who' | 'approvers' | 'approvals' | 'self_approval'> & {
  readonly all_of?: PolicyRule['all_of'];
  readonly decision: string;
};

/**
 * Finds approve rules and limits whose statements nobody could ever let through: an error. One whose approvers are only
 * still to be created is a warning, because until then nothing it holds can be approved. `kind` is for words.
 */
export function approverProblems(
  kind: 'rule' | 'limit',
  checked: Checked,
  rule: Asking,
  path: FilePath,
): Problem[] {
  const asked = approversOf(rule);
  return [
    ...askedProblems(
      kind,
      checked,
      { ...rule, approvers: asked, approvals: rule.approvals ?? rule.all_of?.length },
      path,
    ),
    // Each of them must be somebody by itself.
    ...(rule.all_of ?? []).flatMap((one) =>
      askedProblems(kind, checked, { ...rule, approvers: [one], approvals: 1 }, path),
    ),
  ];
}

function askedProblems(kind: 'rule' | 'limit', checked: Checked, rule: Asking, path: FilePath): Problem[] {
  const { file, known } = checked;
  // An approver group that does not exist is told by itself.
  if (rule.decision !== 'approve' || namesMissingGroup(rule.approvers, checked)) return [];
  const label = `${kind} "${rule.name}"`;
  const at = file.locate([...path, 'approvers']) ?? file.locate(path);
  const needed = rule.approvals ?? DEFAULT_APPROVALS;
  const approvers = peopleOf(rule.approvers, checked, mayDecide);
  const namesOf = compilePeople(file.identity.people);
  const exist = [...approvers.names].filter((person) =>
    known.identities.some(({ name }) => personOf(namesOf, name) === person),
  );

  if (!approvers.open) {
    const impossible = whyImpossible(approvers, needed, rule, checked);
    if (impossible !== undefined) return [problemAt('error', at, `${label}: ${impossible}`)];
  }
  if (exist.length >= needed) return [];
  const words =
    exist.length === 0
      ? 'nobody who may approve exists yet'
      : `only ${exist.length} of the ${needed} needed approvers exists yet`;
  return [
    problemAt(
      'warning',
      at,
      `${label}: ${words}; create one with: hoopctl identity create NAME --role approver`,
    ),
  ];
}

function whyImpossible(
  approvers: People,
  needed: number,
  rule: Asking,
  checked: Checked,
): string | undefined {
  const count = approvers.names.size;
  if (count === 0) return 'none of its approvers has the role approver or owner, so nobody could ever decide';
  if (count < needed) {
    return `needs ${needed} approvals, but only ${count === 1 ? 'one person' : `${count} people`} could ever give one`;
  }
  if (rule.self_approval || rule.who === undefined) return undefined;
  const requesters = peopleOf(rule.who, checked, () => true);
  if (requesters.open || requesters.names.size === 0) return undefined;
  const servable = [...requesters.names].some(
    (requester) => count - (approvers.names.has(requester) ? 1 : 0) >= needed,
  );
  if (servable) return undefined;
  return 'its approvers are the requesters themselves, and a requester never decides its own statement (self_approval is false)';
}

function namesMissingGroup(
  principals: readonly string[] | undefined,
  { file, groups, known }: Checked,
): boolean {
  return (principals ?? []).some((principal) => {
    const group = groupNamed(principal);
    return group !== undefined && !groupExists(group, known.identities, groups, groupsOfClaimRules(file));
  });
}

function mayDecide(identity: KnownIdentity): boolean {
  return identity.roles.some((role) => DECIDING_ROLES.includes(role));
}

/** Known identities that count, and names in the file of people who do not exist yet. */
function peopleOf(
  principals: readonly string[] | undefined,
  { file, groups, known }: Checked,
  counts: (identity: KnownIdentity) => boolean,
): People {
  const names = new Set<string>();
  const namesOf = compilePeople(file.identity.people);
  const selector = principals && compilePrincipals(principals, groups);
  for (const identity of known.identities) {
    if (counts(identity) && (selector?.admits(identity) ?? true)) names.add(personOf(namesOf, identity.name));
  }
  const written = (principals ?? ['*']).flatMap((principal) => {
    const group = groupNamed(principal);
    return group === undefined ? [principal] : (file.groups[group] ?? []);
  });
  for (const name of written) {
    const exists = known.identities.some((identity) => identity.name === name);
    if (!name.includes('*') && !exists) names.add(personOf(namesOf, name));
  }
  // Whom an issuer puts into a group is its to say, and may change at any time.
  const coming =
    file.identity.issuers.length + file.identity.saml.length > 0 && (principals ?? ['*']).some(isForeign);
  return { names, open: coming || written.some((name) => name.includes('*')) };

  function isForeign(principal: string): boolean {
    const group = groupNamed(principal);
    return group === undefined
      ? principal === EVERYBODY || /[*].*@|@.*[*]/.test(principal)
      : file.groups[group] === undefined;
  }
}

import { didYouMean } from '../base/nearest.ts';
import { approverProblems } from './check-approvers.ts';
import { nameProblem, sharedGroupProblems, toldOnce, unbroughtGroup } from './check-names.ts';
import { groupsOfClaimRules, issuersBringGroups } from './issuers-of.ts';
import { compilePeople, linkWords, lookalikes } from './people.ts';
import { type FilePath, inFileOrder, type PolicyFile, type Problem, problemAt } from './problem.ts';
import type { PolicyMask, PolicyRule } from './schema.ts';
import {
  compileConnections,
  compileGroups,
  compilePrincipals,
  type FileGroups,
  groupExists,
  groupNamed,
} from './selectors.ts';

export interface KnownIdentity {
  readonly name: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly kind?: 'person' | 'machine';
  /** Created here, not by signing in through an issuer. */
  readonly local?: boolean;
}

export interface KnownConnection {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly protocol: string;
}

/** What exists where the policy is to hold: identities that are neither revoked nor expired, and connections. */
export interface Known {
  readonly identities: readonly KnownIdentity[];
  readonly connections: readonly KnownConnection[];
}

/** Protocols whose statements touch no tables. */
const WITHOUT_TABLES: readonly string[] = ['ssh', 'kubernetes'];

/**
 * Checks a parsed policy against what exists. A rule that could never apply is an error; a name that does not
 * exist yet, or a choice that opens more than it seems to, is a warning.
 */
export function checkPolicy(file: PolicyFile, existing: Known): Problem[] {
  const groups = compileGroups(file.groups);
  const known = withRolesOf(file, existing, groups);
  const problems = [
    ...wholeFileProblems(file),
    ...groupProblems(file, known),
    ...identityProblems(file, known, groups),
    ...file.rules.flatMap((rule, i) => [
      ...ruleProblems(file, rule, ['rules', i], known, groups),
      ...approverProblems('rule', file, rule, ['rules', i], known, groups),
    ]),
    ...file.limits.flatMap((limit, i) => [
      ...whoProblems(file, limit, ['limits', i], `limit "${limit.name}"`, known, groups),
      ...principalProblems(
        file,
        limit.approvers,
        ['limits', i, 'approvers'],
        `limit "${limit.name}"`,
        known,
        groups,
      ),
      ...approverProblems('limit', file, limit, ['limits', i], known, groups),
    ]),
    ...file.guards.flatMap((guard, i) =>
      whoProblems(file, guard, ['guards', i], `guard "${guard.name}"`, known, groups),
    ),
    ...file.functions.flatMap((fn, i) =>
      selectedConnections(
        file,
        fn.connections,
        ['functions', i, 'connections'],
        `function "${fn.name}"`,
        known,
      ),
    ),
    ...file.masks.flatMap((mask, i) => maskProblems(file, mask, ['masks', i], known, groups)),
  ];
  return toldOnce(inFileOrder(problems));
}

/** Identities with the roles that the file gives them. */
function withRolesOf(file: PolicyFile, known: Known, groups: FileGroups): Known {
  const given = Object.entries(file.identity.roles).map(([role, who]) => ({
    role,
    who: compilePrincipals(who, groups),
  }));
  const identities = known.identities.map((identity) => ({
    ...identity,
    roles: [...identity.roles, ...given.filter(({ who }) => who.admits(identity)).map(({ role }) => role)],
  }));
  return { ...known, identities };
}

function wholeFileProblems(file: PolicyFile): Problem[] {
  if (file.default !== 'block') {
    const words = file.default === 'allow' ? 'is allowed' : 'waits for any approver';
    return [
      problemAt(
        'warning',
        file.locate(['default']),
        `what no rule matches ${words}; the safe default is block`,
      ),
    ];
  }
  if (file.rules.some((rule) => rule.decision !== 'block')) return [];
  return [
    problemAt('warning', file.locate(['rules']), 'no rule allows anything, so every statement is blocked'),
  ];
}

function groupProblems(file: PolicyFile, known: Known): Problem[] {
  return Object.entries(file.groups).flatMap(([group, members]) =>
    members.flatMap((member, i) => {
      const at = file.locate(['groups', group, i]);
      const words = nameProblem(member, known);
      return words === undefined ? [] : [problemAt('warning', at, `group "${group}": ${words}`)];
    }),
  );
}

function identityProblems(file: PolicyFile, known: Known, groups: FileGroups): Problem[] {
  const { issuers, on_behalf_of, people, roles, saml } = file.identity;
  const problems = Object.entries(roles).flatMap(([role, who]) =>
    principalProblems(file, who, ['identity', 'roles', role], `role "${role}"`, known, groups),
  );
  for (const [i, { who }] of on_behalf_of.entries()) {
    const path = ['identity', 'on_behalf_of', i, 'who'];
    problems.push(...principalProblems(file, who, path, 'on_behalf_of', known, groups));
  }
  problems.push(...sharedGroupProblems(file));
  for (const pair of lookalikes(known.identities, compilePeople(people))) {
    const at = file.locate(['identity', 'people']) ?? file.locate(['identity']);
    const words = `${pair.local} and ${pair.other} look like one person and count as two`;
    problems.push(problemAt('warning', at, `${words}; if they are one: ${linkWords(pair)}`));
  }
  const sources = [
    ...issuers.map((issuer, i) => ({ issuer, path: ['issuers', i] })),
    ...saml.map((issuer, i) => ({ issuer, path: ['saml', i] })),
  ];
  for (const { issuer, path } of sources) {
    // A local identity of such a name would stand in the way of the issuer's.
    for (const { name } of known.identities.filter(({ local }) => local === true)) {
      if (!name.endsWith(`@${issuer.domain}`)) continue;
      const at = file.locate(['identity', ...path, 'domain']);
      const words = `issuer "${issuer.name}": the local identity ${name} has a name of its domain; revoke it`;
      problems.push(problemAt('error', at, words));
    }
  }
  return problems;
}

function ruleProblems(
  file: PolicyFile,
  rule: PolicyRule,
  path: FilePath,
  known: Known,
  groups: FileGroups,
): Problem[] {
  const label = `rule "${rule.name}"`;
  const problems = [
    ...principalProblems(file, rule.who, [...path, 'who'], label, known, groups),
    ...principalProblems(file, rule.approvers, [...path, 'approvers'], label, known, groups),
    ...principalProblems(file, rule.all_of, [...path, 'all_of'], label, known, groups),
    ...connectionProblems(file, rule, path, known),
    ...letterCaseProblems(file, rule.tables, [...path, 'tables'], label),
  ];
  if (rule.decision === 'allow' && rule.effects?.includes('unknown')) {
    const at = file.locate([...path, 'effects', rule.effects.indexOf('unknown')]);
    problems.push(
      problemAt(
        'warning',
        at,
        `${label}: allows statements whose effect cannot be told; masks and other rules cannot see into them`,
      ),
    );
  }
  if (rule.self_approval) {
    problems.push(
      problemAt(
        'warning',
        file.locate([...path, 'self_approval']),
        `${label}: a requester may approve its own statement`,
      ),
    );
  }
  return problems;
}

function maskProblems(
  file: PolicyFile,
  mask: PolicyMask,
  path: FilePath,
  known: Known,
  groups: FileGroups,
): Problem[] {
  const label = `mask "${mask.name}"`;
  const problems = [
    ...principalProblems(file, mask.except, [...path, 'except'], label, known, groups),
    ...letterCaseProblems(file, mask.columns, [...path, 'columns'], label),
  ];
  if (mask.except?.includes('*')) {
    problems.push(
      problemAt(
        'error',
        file.locate([...path, 'except']),
        `${label}: excepts everybody, so it never masks anything`,
      ),
    );
  }
  return problems;
}

/** Groups that nobody defines are errors, names that do not exist yet are warnings. */
function principalProblems(
  file: PolicyFile,
  principals: readonly string[] | undefined,
  path: FilePath,
  label: string,
  known: Known,
  groups: FileGroups,
): Problem[] {
  return (principals ?? []).flatMap((principal, i) => {
    const at = file.locate([...path, i]);
    const group = groupNamed(principal);
    if (group === undefined) {
      const words = nameProblem(principal, known);
      return words === undefined ? [] : [problemAt('warning', at, `${label}: ${words}`)];
    }
    // A group of the file with nobody in it yet is told at the group itself.
    if (groupExists(group, known.identities, groups, groupsOfClaimRules(file))) return [];
    if (issuersBringGroups(file)) {
      return [unbroughtGroup(label, group, at)];
    }
    const defined = [...groups.keys(), ...known.identities.flatMap((identity) => identity.groups)];
    return [
      problemAt(
        'error',
        at,
        `${label}: nobody is in group "${group}"${didYouMean(group, defined)}; define it under groups, or create an identity with it`,
      ),
    ];
  });
}

function connectionProblems(file: PolicyFile, rule: PolicyRule, path: FilePath, known: Known): Problem[] {
  const label = `rule "${rule.name}"`;
  const problems = selectedConnections(file, rule.connections, [...path, 'connections'], label, known);
  if (rule.tables !== undefined && rule.connections !== undefined) {
    const selector = compileConnections(rule.connections);
    const selected = known.connections.filter((c) =>
      selector.selects({ connection: c.name, labels: c.labels }),
    );
    if (selected.length > 0 && selected.every((c) => WITHOUT_TABLES.includes(c.protocol))) {
      const protocols = [...new Set(selected.map((c) => c.protocol))].join(', ');
      problems.push(
        problemAt(
          'error',
          file.locate([...path, 'tables']),
          `${label}: ${protocols} has no tables, so this rule can never match`,
        ),
      );
    }
  }
  return problems;
}

/** Connections that do not exist yet. */
function selectedConnections(
  file: PolicyFile,
  connections: readonly string[] | undefined,
  path: FilePath,
  label: string,
  known: Known,
): Problem[] {
  return (connections ?? []).flatMap((text, i) => {
    const selector = compileConnections([text]);
    if (known.connections.some((c) => selector.selects({ connection: c.name, labels: c.labels }))) return [];
    const names = known.connections.map((connection) => connection.name);
    const words = /[*=]/.test(text)
      ? `no connection matches "${text}" yet`
      : `there is no connection "${text}" yet${didYouMean(text, names)}`;
    return [problemAt('warning', file.locate([...path, i]), `${label}: ${words}`)];
  });
}

/** Whom and where a limit or guard holds. */
function whoProblems(
  file: PolicyFile,
  item: {
    readonly who?: readonly string[] | undefined;
    readonly connections?: readonly string[] | undefined;
  },
  path: FilePath,
  label: string,
  known: Known,
  groups: FileGroups,
): Problem[] {
  return [
    ...principalProblems(file, item.who, [...path, 'who'], label, known, groups),
    ...selectedConnections(file, item.connections, [...path, 'connections'], label, known),
  ];
}

function letterCaseProblems(
  file: PolicyFile,
  names: readonly string[] | undefined,
  path: FilePath,
  label: string,
): Problem[] {
  return (names ?? []).flatMap((name, i) =>
    name === name.toLowerCase()
      ? []
      : [
          problemAt(
            'warning',
            file.locate([...path, i]),
            `${label}: "${name}" matches only names that were created in quotes; PostgreSQL stores others in lower case`,
          ),
        ],
  );
}

import { approverProblems } from './check-approvers.ts';
import { identityProblems } from './check-identity.ts';
import { toldOnce } from './check-names.ts';
import {
  connectionProblems,
  letterCaseProblems,
  principalProblems,
  reachProblems,
} from './check-references.ts';
import type { Checked, Known } from './known.ts';
import { type FilePath, inFileOrder, type PolicyFile, type Problem, problemAt } from './problem.ts';
import type { PolicyLimit, PolicyMask, PolicyRule } from './schema.ts';
import { compileConnections, compileGroups, compilePrincipals, type FileGroups } from './selectors.ts';

/** Protocols whose statements touch no tables. */
const WITHOUT_TABLES: readonly string[] = ['ssh', 'kubernetes'];

/**
 * Checks a parsed policy against what exists. A rule that could never apply is an error; a name that does not
 * exist yet, or a choice that opens more than it seems to, is a warning.
 */
export function checkPolicy(file: PolicyFile, existing: Known): Problem[] {
  const groups = compileGroups(file.groups);
  const checked: Checked = { file, groups, known: withRolesOf(file, existing, groups) };
  const problems = [
    ...wholeFileProblems(file),
    ...identityProblems(checked),
    ...file.rules.flatMap((rule, i) => ruleProblems(checked, rule, ['rules', i])),
    ...file.limits.flatMap((limit, i) => limitProblems(checked, limit, ['limits', i])),
    ...file.guards.flatMap((guard, i) =>
      reachProblems(checked, guard, ['guards', i], `guard "${guard.name}"`),
    ),
    ...file.functions.flatMap(({ connections, name }, i) =>
      connectionProblems(checked, connections, ['functions', i, 'connections'], `function "${name}"`),
    ),
    ...file.masks.flatMap((mask, i) => maskProblems(checked, mask, ['masks', i])),
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
    const what = file.default === 'allow' ? 'is allowed' : 'waits for any approver';
    const words = `what no rule matches ${what}; the safe default is block`;
    return [problemAt('warning', file.locate(['default']), words)];
  }
  if (file.rules.some((rule) => rule.decision !== 'block')) return [];
  return [
    problemAt('warning', file.locate(['rules']), 'no rule allows anything, so every statement is blocked'),
  ];
}

function ruleProblems(checked: Checked, rule: PolicyRule, path: FilePath): Problem[] {
  const { file } = checked;
  const label = `rule "${rule.name}"`;
  const problems = [
    ...reachProblems(checked, rule, path, label),
    ...principalProblems(checked, rule.approvers, [...path, 'approvers'], label),
    ...principalProblems(checked, rule.all_of, [...path, 'all_of'], label),
    ...tableProblems(checked, rule, path, label),
    ...letterCaseProblems(checked, rule.tables, [...path, 'tables'], label),
    ...approverProblems('rule', checked, rule, path),
  ];
  if (rule.decision === 'allow' && rule.effects?.includes('unknown')) {
    const at = file.locate([...path, 'effects', rule.effects.indexOf('unknown')]);
    const words = 'allows statements whose effect cannot be told; masks and other rules cannot see into them';
    problems.push(problemAt('warning', at, `${label}: ${words}`));
  }
  if (rule.self_approval) {
    const at = file.locate([...path, 'self_approval']);
    problems.push(problemAt('warning', at, `${label}: a requester may approve its own statement`));
  }
  return problems;
}

/** A rule about tables where there are none. */
function tableProblems({ file, known }: Checked, rule: PolicyRule, path: FilePath, label: string): Problem[] {
  if (rule.tables === undefined || rule.connections === undefined) return [];
  const selector = compileConnections(rule.connections);
  const selected = known.connections.filter((c) =>
    selector.selects({ connection: c.name, labels: c.labels }),
  );
  if (selected.length === 0 || selected.some((c) => !WITHOUT_TABLES.includes(c.protocol))) return [];
  const protocols = [...new Set(selected.map((c) => c.protocol))].join(', ');
  const words = `${label}: ${protocols} has no tables, so this rule can never match`;
  return [problemAt('error', file.locate([...path, 'tables']), words)];
}

function limitProblems(checked: Checked, limit: PolicyLimit, path: FilePath): Problem[] {
  const label = `limit "${limit.name}"`;
  return [
    ...reachProblems(checked, limit, path, label),
    ...principalProblems(checked, limit.approvers, [...path, 'approvers'], label),
    ...approverProblems('limit', checked, limit, path),
  ];
}

function maskProblems(checked: Checked, mask: PolicyMask, path: FilePath): Problem[] {
  const label = `mask "${mask.name}"`;
  const problems = [
    ...principalProblems(checked, mask.except, [...path, 'except'], label),
    ...letterCaseProblems(checked, mask.columns, [...path, 'columns'], label),
  ];
  if (mask.except?.includes('*')) {
    const at = checked.file.locate([...path, 'except']);
    problems.push(problemAt('error', at, `${label}: excepts everybody, so it never masks anything`));
  }
  return problems;
}

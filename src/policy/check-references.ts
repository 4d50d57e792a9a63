import { didYouMean } from '../base/nearest.ts';
import { nameProblem, unbroughtGroup } from './check-names.ts';
import { groupsOfClaimRules, issuersBringGroups } from './issuers-of.ts';
import type { Checked } from './known.ts';
import { type FilePath, type Problem, problemAt } from './problem.ts';
import { compileConnections, groupExists, groupNamed } from './selectors.ts';

/** Lists of whom and where: names in them that mean nobody and nothing. `label` says whose list it is. */

/** Groups that nobody defines are errors, names that do not exist yet are warnings. */
export function principalProblems(
  { file, groups, known }: Checked,
  principals: readonly string[] | undefined,
  path: FilePath,
  label: string,
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
    if (issuersBringGroups(file)) return [unbroughtGroup(label, group, at)];
    const defined = [...groups.keys(), ...known.identities.flatMap((identity) => identity.groups)];
    const words = `nobody is in group "${group}"${didYouMean(group, defined)}; define it under groups, or create an identity with it`;
    return [problemAt('error', at, `${label}: ${words}`)];
  });
}

/** Connections that do not exist yet. */
export function connectionProblems(
  { file, known }: Checked,
  connections: readonly string[] | undefined,
  path: FilePath,
  label: string,
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
export function reachProblems(
  checked: Checked,
  item: {
    readonly who?: readonly string[] | undefined;
    readonly connections?: readonly string[] | undefined;
  },
  path: FilePath,
  label: string,
): Problem[] {
  return [
    ...principalProblems(checked, item.who, [...path, 'who'], label),
    ...connectionProblems(checked, item.connections, [...path, 'connections'], label),
  ];
}

/** Names of tables and columns that only quotes could have made. */
export function letterCaseProblems(
  { file }: Checked,
  names: readonly string[] | undefined,
  path: FilePath,
  label: string,
): Problem[] {
  return (names ?? []).flatMap((name, i) => {
    if (name === name.toLowerCase()) return [];
    const words = `"${name}" matches only names that were created in quotes; PostgreSQL stores others in lower case`;
    return [problemAt('warning', file.locate([...path, i]), `${label}: ${words}`)];
  });
}

import type { PolicyTarget, Requester } from './decision.ts';
import { anyMatches, compileGlob } from './glob.ts';
import { compileNameGlob, type NameGlob } from './name-glob.ts';

/** Whom and what a rule applies to. */

const GROUP = 'group:';

/** What selection looks at. */
export type Principal = Pick<Requester, 'name' | 'groups'>;

/** Groups of the file: which names belong to them. */
export type FileGroups = ReadonlyMap<string, readonly NameGlob[]>;

export interface PrincipalSelector {
  admits(identity: Principal): boolean;
}

/** `group:dba` -> `dba`; undefined for an identity or a glob. */
export function groupNamed(principal: string): string | undefined {
  return principal.startsWith(GROUP) ? principal.slice(GROUP.length) : undefined;
}

/** The groups of the file, by name. */
export function compileGroups(groups: Readonly<Record<string, readonly string[]>>): FileGroups {
  return new Map(
    Object.entries(groups).map(([name, members]) => [name, members.map((member) => compileNameGlob(member))]),
  );
}

/** A member by the identity's own groups or by the file's. */
function isMember(identity: Principal, group: string, groups: FileGroups): boolean {
  return identity.groups.includes(group) || anyMatches(groups.get(group) ?? [], identity.name);
}

/** Defined in the file, brought by some identity, or given by a claim rule. */
export function groupExists(
  group: string,
  identities: readonly Principal[],
  groups: FileGroups,
  comingGroups: ReadonlySet<string>,
): boolean {
  if (groups.has(group) || comingGroups.has(group)) return true;
  return identities.some((identity) => identity.groups.includes(group));
}

/** Compiles identities, globs and `group:NAME`. */
export function compilePrincipals(principals: readonly string[], groups: FileGroups): PrincipalSelector {
  const named = principals.map(groupNamed).filter((group) => group !== undefined);
  const globs = principals.filter((p) => groupNamed(p) === undefined).map((p) => compileNameGlob(p));
  return {
    admits: (identity) =>
      anyMatches(globs, identity.name) || named.some((group) => isMember(identity, group, groups)),
  };
}

/** The requester itself, or the person for whom it acts. */
export function admitsEither(who: PrincipalSelector, requester: Requester): boolean {
  return who.admits(requester) || (requester.endUser !== undefined && who.admits(requester.endUser));
}

/** The requester itself, and the person for whom it acts as well. */
export function admitsBoth(who: PrincipalSelector, requester: Requester): boolean {
  return who.admits(requester) && (requester.endUser === undefined || who.admits(requester.endUser));
}

export interface ConnectionSelector {
  selects(target: Pick<PolicyTarget, 'connection' | 'labels'>): boolean;
}

/** Compiles names, globs and labels (`env=prod`, `env=prod-*`). */
export function compileConnections(connections: readonly string[]): ConnectionSelector {
  const globs = connections.filter((text) => !text.includes('=')).map((text) => compileGlob(text));
  const labels = connections
    .filter((text) => text.includes('='))
    .map((text) => {
      const at = text.indexOf('=');
      return { key: compileGlob(text.slice(0, at)), value: compileGlob(text.slice(at + 1)) };
    });
  return {
    selects: (target) =>
      anyMatches(globs, target.connection) ||
      Object.entries(target.labels).some(([key, value]) =>
        labels.some((label) => label.key.matches(key) && label.value.matches(value)),
      ),
  };
}

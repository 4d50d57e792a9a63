import type { Known } from './check.ts';
import { compileNameGlob, fallsShortOf } from './name-glob.ts';
import { didYouMean } from './nearest.ts';
import { type PolicyFile, type Problem, problemAt } from './problem.ts';

/** Whom a name or glob means, and whom it does not although it looks so; undefined when all is well. */
export function nameProblem(name: string, known: Known): string | undefined {
  const missed = known.identities.find((identity) => fallsShortOf(name, identity.name));
  if (missed !== undefined) {
    const [, domain = ''] = missed.name.split('@');
    return `"${name}" means identities that were created here, not ${missed.name}: for those write "${name}@${domain}"`;
  }
  const glob = compileNameGlob(name);
  return known.identities.some((identity) => glob.matches(identity.name))
    ? undefined
    : nobodyYet(name, known);
}

function nobodyYet(name: string, known: Known): string {
  if (name.includes('*')) return `no identity matches "${name}" yet`;
  const names = known.identities.map((identity) => identity.name);
  return `there is no identity "${name}" yet${didYouMean(name, names)}`;
}

/** Groups have one name wherever they come from: what one issuer calls `dba` is what another calls so. */
export function sharedGroupProblems({ identity, locate }: PolicyFile): Problem[] {
  const bringing = (['issuers', 'saml'] as const).flatMap((key) =>
    identity[key].flatMap((source, i) =>
      source.groups_claim === undefined ? [] : [{ source, path: ['identity', key, i, 'groups_claim'] }],
    ),
  );
  if (bringing.length < 2) return [];
  const all = bringing.map(({ source }) => `"${source.name}"`).join(' and ');
  return bringing.flatMap(({ path, source }) => {
    if (source.groups_taken !== undefined) return [];
    const words = `${all} bring groups, and a group of one is that of the other: list those of "${source.name}" that count under groups_taken`;
    return [problemAt('warning', locate(path), words)];
  });
}

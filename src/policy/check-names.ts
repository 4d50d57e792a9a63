import type { Known } from './check.ts';
import { compileNameGlob, fallsShortOf } from './name-glob.ts';
import { didYouMean } from './nearest.ts';

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

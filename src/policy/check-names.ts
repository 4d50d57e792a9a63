import { didYouMean } from '../base/nearest.ts';
import type { Known } from './known.ts';
import { compileNameGlob, fallsShortOf } from './name-glob.ts';
import { type PolicyFile, type Position, type Problem, problemAt } from './problem.ts';

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

/** A group whose name only an issuer may know; it is told of once, however many lists name it. */
interface UnbroughtGroup extends Problem {
  readonly unbrought: string;
}

/** A group that is named, and that nobody has brought so far. */
export function unbroughtGroup(label: string, group: string, at: Position | undefined): UnbroughtGroup {
  const words = `${label}: nobody who signed in so far brought the group "${group}"`;
  return { ...problemAt('warning', at, words), unbrought: group };
}

/** The first place of each such group, with how many more name it. `problems` are in the order of the file. */
export function toldOnce(problems: readonly (Problem | UnbroughtGroup)[]): Problem[] {
  const places = new Map<string, number>();
  for (const problem of problems) {
    if ('unbrought' in problem) places.set(problem.unbrought, (places.get(problem.unbrought) ?? 0) + 1);
  }
  return problems.flatMap((problem) => {
    if (!('unbrought' in problem)) return [problem];
    const { unbrought, ...told } = problem;
    const count = places.get(unbrought);
    if (count === undefined) return [];
    places.delete(unbrought);
    const more =
      count === 1 ? '' : `, which ${count - 1} more ${count === 2 ? 'place names' : 'places name'}`;
    return [{ ...told, message: `${told.message}${more}` }];
  });
}

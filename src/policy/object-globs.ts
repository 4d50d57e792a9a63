import type { Action } from '../sql/facts.ts';
import { compileGlob, type Glob } from './glob.ts';
import type { Coverage } from './objects.ts';

export interface ObjectSelector {
  /** `grants` is true for an allow rule, which covers only what certainly is meant. */
  covers(action: Action, grants: boolean): Coverage;
}

/** Stands for "anything" in a name: no pattern can write it, so only a `*` of the pattern can match it. */
const ANYTHING = '\uffff';

/**
 * Compiles the `objects` of a rule: globs over the names of whatever a protocol touches, such as
 * `shop/deployments/web`. A `*` in an object's own name means that all such objects are touched: what lets
 * something through must then match all of them, what makes the decision stricter only one.
 */
export function compileObjects(patterns: readonly string[]): ObjectSelector {
  const globs = patterns.map((pattern) => compileGlob(pattern));
  const everything = patterns.includes('*');

  function covers(action: Action, grants: boolean): Coverage {
    const name = action.object?.name;
    if (name === undefined) return coversNothingNamed(action, grants);
    if (matchesAll(globs, name)) return 'sure';
    if (grants) return 'none';
    return name.includes('*') && patterns.some((pattern) => overlap(pattern, name)) ? 'possible' : 'none';
  }

  function coversNothingNamed(action: Action, grants: boolean): Coverage {
    // Nothing named is touched, so no name can stand against it.
    if (action.effect === 'read' || action.effect === 'session') return grants ? 'sure' : 'none';
    if (grants) return everything ? 'sure' : 'none';
    return 'possible';
  }

  return { covers };
}

function matchesAll(globs: readonly Glob[], name: string): boolean {
  const named = name.replaceAll('*', ANYTHING);
  return globs.some((glob) => glob.matches(named));
}

/** True when some text matches both patterns; in both, `*` is any run of characters. */
export function overlap(a: string, b: string): boolean {
  // reachable[j]: what is read of `a` so far can meet the first j characters of `b`.
  let reachable = new Array<boolean>(b.length + 1).fill(false);
  reachable[0] = true;
  spread(reachable, b, false);
  for (const character of a) {
    const next = new Array<boolean>(b.length + 1).fill(false);
    for (let j = 0; j <= b.length; j++) {
      if (!reachable[j]) continue;
      if (character === '*' || b[j] === '*') next[j] = true;
      if (j < b.length && b[j] !== '*' && b[j] === character) next[j + 1] = true;
    }
    spread(next, b, character === '*');
    reachable = next;
  }
  return reachable[b.length] ?? false;
}

/** A `*` of `b` may stand for nothing; a `*` of `a` takes in any of `b`. */
function spread(reachable: boolean[], b: string, takesAny: boolean): void {
  for (let j = 0; j < b.length; j++) {
    if (reachable[j] && (takesAny || b[j] === '*')) reachable[j + 1] = true;
  }
}

import type { FunctionEffects } from '../sql/catalog.ts';
import type { PolicyTarget } from './decision.ts';
import { compileGlob } from './glob.ts';
import type { PolicyFunction } from './schema.ts';
import { compileConnections } from './selectors.ts';

/**
 * What an owner says functions do, for the connections it is said of: the first entry that matches. The same
 * function for the same target, however often asked, since what was analysed with it is remembered by it.
 */
export function compileFunctions(
  functions: readonly PolicyFunction[],
): (target: PolicyTarget) => FunctionEffects | undefined {
  const compiled = functions.map(({ name, effect, connections }) => ({
    glob: compileGlob(name),
    effect,
    connections: connections && compileConnections(connections),
  }));
  const known = new Map<string, FunctionEffects | undefined>();
  return (target) => {
    const key = JSON.stringify([target.connection, target.labels]);
    if (known.has(key)) return known.get(key);
    const here = compiled.filter(({ connections }) => connections?.selects(target) ?? true);
    const effects: FunctionEffects | undefined =
      here.length === 0 ? undefined : (name) => here.find(({ glob }) => glob.matches(name))?.effect;
    known.set(key, effects);
    return effects;
  };
}

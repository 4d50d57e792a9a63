import type { FunctionClass, PolicyTarget } from './decision.ts';
import type { PolicyFunction } from './schema.ts';
import { compileConnections } from './selectors.ts';

/** What an owner says functions do, for the connections it is said of. One list for one target, however often asked. */
export function compileFunctions(
  functions: readonly PolicyFunction[],
): (target: PolicyTarget) => readonly FunctionClass[] {
  const compiled = functions.map(({ name, effect, connections }) => ({
    said: { name, effect },
    connections: connections && compileConnections(connections),
  }));
  const known = new Map<string, readonly FunctionClass[]>();
  return (target) => {
    const key = `${target.connection} ${JSON.stringify(target.labels)}`;
    let list = known.get(key);
    if (list === undefined) {
      list = compiled.flatMap(({ said, connections }) =>
        connections?.selects(target) === false ? [] : [said],
      );
      known.set(key, list);
    }
    return list;
  };
}

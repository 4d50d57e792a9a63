import { type Route, type RouteName, routes } from '../api/routes.ts';

export interface RouteMatch {
  readonly name: RouteName;
  readonly route: Route;
  readonly params: ReadonlyMap<string, string>;
}

interface Entry {
  readonly name: RouteName;
  readonly route: Route;
  readonly segments: readonly string[];
}

/** Fixed words before parameters, so that `/approvals/watch` is not an approval called `watch`. */
const table: readonly Entry[] = (Object.keys(routes) as RouteName[])
  .map((name) => ({ name, route: routes[name] as Route, segments: routes[name].path.split('/') }))
  .sort((a, b) => parameters(a) - parameters(b));

function parameters(entry: Entry): number {
  return entry.segments.filter((segment) => segment.startsWith(':')).length;
}

/** The route of a method and a path (no query), or undefined. */
export function matchRoute(method: string, path: string): RouteMatch | undefined {
  const segments = path.split('/');
  for (const { name, route, segments: wanted } of table) {
    if (route.method !== method || wanted.length !== segments.length) continue;
    const params = matchSegments(wanted, segments);
    if (params) return { name, route, params };
  }
  return undefined;
}

function matchSegments(wanted: readonly string[], given: readonly string[]): Map<string, string> | undefined {
  const params = new Map<string, string>();
  for (const [i, segment] of wanted.entries()) {
    const text = given[i] ?? '';
    if (!segment.startsWith(':')) {
      if (segment !== text) return undefined;
      continue;
    }
    try {
      const value = decodeURIComponent(text);
      if (value === '') return undefined;
      params.set(segment.slice(1), value);
    } catch {
      return undefined;
    }
  }
  return params;
}

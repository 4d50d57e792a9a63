import type { Route, RouteName } from '../api/routes.ts';
import { NotPermitted } from '../base/errors.ts';
import type { IdentityRow } from '../store/store.ts';
import type { RouteMatch } from './route-match.ts';

/** Who a token belongs to: an identity, or whoever holds the one-time token of a new state directory. */
export type TokenHolder =
  | { readonly kind: 'identity'; readonly identity: IdentityRow }
  | { readonly kind: 'bootstrap' };

/** Whoever calls: nobody in particular on a public route. */
export type Caller = TokenHolder | { readonly kind: 'anyone' };

/** What the holder of the bootstrap token may do besides `init`: look, and stop what was started. */
const BOOTSTRAP_ROUTES: ReadonlySet<RouteName> = new Set<RouteName>(['init', 'status', 'stop']);

/** Throws NotPermitted `role_missing`, `not_initialized`, `already_initialized`. */
export function authorize({ name, route }: RouteMatch, holder: Caller): void {
  if (route.allow === 'public') return;
  if (holder.kind === 'anyone') throw new NotPermitted('role_missing', 'only an identity may do this');
  if (holder.kind === 'bootstrap') {
    if (BOOTSTRAP_ROUTES.has(name)) return;
    throw new NotPermitted('not_initialized', 'this state directory has no owner yet', {
      next: 'hoopctl init',
    });
  }
  if (route.allow === 'bootstrap') {
    throw new NotPermitted(
      'already_initialized',
      'only the one-time token of a new state directory may do this',
    );
  }
  requireRole(route, holder.identity);
}

/** Throws NotPermitted `role_missing`. */
export function requireRole({ allow }: Pick<Route, 'allow'>, { name, roles }: IdentityRow): void {
  if (typeof allow === 'string' || roles.some((role) => allow.includes(role))) return;
  throw new NotPermitted('role_missing', `${name} may not do this`, {
    why: `it needs the role ${allow.join(' or ')}; ${name} has ${roles.join(', ')}`,
    next: 'hoopctl whoami',
  });
}

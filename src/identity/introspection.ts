import { NotPermitted } from '../base/errors.ts';
import { type AskIssuer, formPost } from './bounded-get.ts';
import type { Issuer } from './issuer-schema.ts';

/** Token introspection (RFC 7662): asking an issuer, as a client of it, whether a token still counts. */

export interface IntrospectionDeps {
  readonly ask: AskIssuer;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Where the secret of the client stands that asks `issuer`: never in the policy, which everybody may read. */
function secretVariable(issuer: string): string {
  return `HOOPCTL_INTROSPECTION_SECRET_${issuer.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}

/**
 * Asks about a token. Answers whether it counts; undefined for anything but a clear answer, such as one to a client
 * that the issuer does not take. Throws NotReachable, NotPermitted `no_introspection_secret`.
 */
export async function introspect(
  { ask, environment }: IntrospectionDeps,
  issuer: Pick<Issuer, 'name' | 'introspection'>,
  url: string,
  token: string,
  subject: string,
): Promise<'alive' | 'gone' | undefined> {
  const secret = environment[secretVariable(issuer.name)];
  if (issuer.introspection === undefined || !secret) {
    throw new NotPermitted('no_introspection_secret', `the issuer ${issuer.name} cannot be asked`, {
      why: `${secretVariable(issuer.name)} is not set for the gateway`,
    });
  }
  const form = new URLSearchParams({ token, token_type_hint: 'access_token' });
  const { body, status } = await ask(url, formPost(form, issuer.introspection.client_id, secret));
  if (status !== 200 || typeof body !== 'object' || body === null || !('active' in body)) return undefined;
  if (body.active === false) return 'gone';
  if (body.active !== true) return undefined;
  // Section 2.2: `sub` is optional; one that is there must be the one that signed in.
  return !('sub' in body) || body.sub === subject ? 'alive' : 'gone';
}

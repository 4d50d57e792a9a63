import { HoopError } from '../../base/errors.ts';
import type { SignedIn } from '../../identity/sign-ins.ts';
import type { Parts } from '../parts.ts';
import { identityView } from '../views.ts';
import type { Handlers } from './handler.ts';

type Routes = Pick<
  Handlers,
  | 'signInMethods'
  | 'tokenExchange'
  | 'samlBegin'
  | 'samlAnswer'
  | 'samlCollect'
  | 'tokenRenew'
  | 'signOut'
  | 'issuerLogout'
>;

/** Signing in through an issuer that the policy trusts. */
export function signInRoutes(parts: Parts): Routes {
  const { clock, endpoints, issuers, live, loginFailures, logouts, policy, saml, signIns } = parts;

  function failed(error: unknown, address: string): void {
    loginFailures.add({ code: error instanceof HoopError ? error.code : 'unexpected', address });
  }

  async function audited(signingIn: Promise<SignedIn>, address: string) {
    try {
      const { entry, identity, token } = await signingIn;
      return {
        token: token ?? null,
        expiresAt: identity.expiresAt ?? '',
        identity: identityView(identity, clock.now()),
        endUser: identity.signIn?.endUser?.name ?? null,
        auditId: String(entry.seq),
      };
    } catch (error) {
      failed(error, address);
      throw error;
    }
  }

  return {
    async signInMethods() {
      return {
        issuers: issuers.list().map((issuer) => ({
          name: issuer.name,
          issuer: issuer.issuer,
          clientId: issuer.client_id ?? null,
          audience: issuer.audiences[0] ?? null,
          scopes: issuer.scopes ?? ['openid'],
          allowHttpLoopback: issuer.allow_http_loopback ?? false,
          accessToken: issuer.liveness.check !== 'none',
        })),
        saml: (policy.get()?.saml ?? []).map(({ name }) => ({ name })),
      };
    },

    async tokenExchange({ address, body }) {
      return audited(signIns.exchange(body), address);
    },

    async samlBegin({ param, body }) {
      return saml.begin(param('name'), body.challenge);
    },

    async samlAnswer({ address, param, body }) {
      try {
        const code = await saml.answer(param('name'), body.SAMLResponse);
        const text =
          'Type this code into the terminal where you began. Did you not begin? Then close this page.';
        return { title: 'hoopctl: one step left', text, code };
      } catch (error) {
        failed(error, address);
        const known = error instanceof HoopError && error.kind !== 'internal';
        const why = known ? [error.message, error.why].filter(Boolean).join(': ') : 'something went wrong';
        return { title: 'hoopctl: not signed in', text: why };
      }
    },

    async samlCollect({ address, body }) {
      return audited(saml.collect(body.id, body.secret, body.code), address);
    },

    async issuerLogout({ address, body }) {
      try {
        return { ended: await logouts.logout(body.logout_token) };
      } catch (error) {
        failed(error, address);
        throw error;
      }
    },

    async tokenRenew({ address, caller, body }) {
      const renewed = await audited(signIns.renew(caller, body), address);
      await parts.recheckSessions();
      return renewed;
    },

    async signOut({ caller }) {
      const entry = await signIns.end(caller);
      const id = caller.signIn?.id;
      const mine = (identity: { readonly signIn?: { readonly id: string } | undefined }) =>
        id !== undefined && identity.signIn?.id === id;
      const reason = `${caller.name} signed out`;
      const cutSessions = live.cut((session) => mine(session.identity), reason);
      endpoints.close((endpoint) => mine(endpoint.identity), reason);
      if (id !== undefined) parts.streams.end(id, reason);
      return { auditId: String(entry.seq), cutSessions };
    },
  };
}

import { z } from 'zod';
import type { Route } from './routes.ts';
import * as signIn from './sign-in-schemas.ts';

/** The calls by which somebody becomes an identity, and stops being it. */
export const signInRoutes = {
  /** How one may sign in here. */
  signInMethods: {
    method: 'GET',
    path: '/v1/sign-in',
    allow: 'public',
    response: signIn.signInMethodsSchema,
  },
  /** A token of a trusted issuer for a session token. */
  tokenExchange: {
    method: 'POST',
    path: '/v1/token-exchange',
    allow: 'public',
    body: signIn.tokenExchangeSchema,
    response: signIn.signedInSchema,
  },
  /** Signing in through a SAML provider: what a terminal begins, a browser answers, and the terminal collects. */
  samlBegin: {
    method: 'POST',
    path: '/v1/saml/:name/begin',
    allow: 'public',
    body: signIn.samlBeginSchema,
    response: signIn.samlBegunSchema,
  },
  samlAnswer: {
    method: 'POST',
    path: '/v1/saml/:name/acs',
    allow: 'public',
    body: signIn.samlAnswerSchema,
    response: signIn.pageSchema,
    form: true,
    page: true,
  },
  samlCollect: {
    method: 'POST',
    path: '/v1/saml/collect',
    allow: 'public',
    body: signIn.samlCollectSchema,
    response: signIn.signedInSchema,
  },
  /** An issuer tells that somebody has signed out there, or is no more. */
  issuerLogout: {
    method: 'POST',
    path: '/v1/back-channel-logout',
    allow: 'public',
    body: signIn.issuerLogoutSchema,
    response: z.object({ ended: z.number() }),
    form: true,
  },
  /** More life for the session token of the call, by a fresh token of the same identity. */
  tokenRenew: {
    method: 'POST',
    path: '/v1/token-exchange/renew',
    allow: 'any',
    body: signIn.tokenRenewSchema,
    response: signIn.signedInSchema,
  },
  /** Ends the session token of the call, and its sessions. */
  signOut: {
    method: 'POST',
    path: '/v1/sign-out',
    allow: 'any',
    response: z.object({ auditId: z.string(), cutSessions: z.number() }),
  },
} as const satisfies Record<string, Route>;

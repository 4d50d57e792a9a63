import { z } from 'zod';
import { identitySchema } from './schemas.ts';

/** Shapes of signing in through a trusted issuer. */

/** What a client needs to know before it signs in. */
export const signInMethodsSchema = z.object({
  issuers: z.array(
    z.object({
      name: z.string(),
      issuer: z.string(),
      /** Null where only tokens from elsewhere are taken, such as those of CI jobs. */
      clientId: z.string().nullable(),
      audience: z.string().nullable(),
      scopes: z.array(z.string()),
      allowHttpLoopback: z.boolean(),
      /** It is asked with the access token whether the person still is there. */
      accessToken: z.boolean().default(false),
    }),
  ),
  /** SAML providers, by name. */
  saml: z.array(z.object({ name: z.string() })),
});

/** By which the issuer can be asked whether the person still is there, and for how many seconds it counts. */
const accessToken = {
  accessToken: z.string().min(1).max(8192).optional(),
  accessTokenExpiresIn: z.number().int().min(1).max(31_536_000).optional(),
};

export const tokenExchangeSchema = z.object({
  /** A token of a trusted issuer; or a local machine's own token together with `onBehalfOf`. */
  token: z.string().min(1).max(16_384),
  nonce: z.string().min(1).max(1024).optional(),
  onBehalfOf: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._@+/-]{0,127}$/,
      'a name has letters, digits and . _ @ + / - only, 128 at most',
    )
    .optional(),
  ...accessToken,
});

export const tokenRenewSchema = z.object({ token: z.string().min(1).max(16_384), ...accessToken });

export const signedInSchema = z.object({
  /** The session token to call with; null when one was renewed and stays what it is. */
  token: z.string().nullable(),
  expiresAt: z.string(),
  identity: identitySchema,
  endUser: z.string().nullable(),
  auditId: z.string(),
});

const base64url = z.string().regex(/^[A-Za-z0-9_-]{43}$/, '32 bytes as base64url');

/** `challenge`: SHA-256 (base64url) of the secret with which the sign-in is collected. */
export const samlBeginSchema = z.object({ challenge: base64url });
export const samlBegunSchema = z.object({ id: z.string(), url: z.string(), expiresAt: z.string() });

/** What an issuer posts when somebody has signed out there (OpenID Connect Back-Channel Logout 1.0, section 2.5). */
export const issuerLogoutSchema = z.object({ logout_token: z.string().min(1).max(16_384) });

/** What a provider lets a browser post (SAML bindings 3.5). */
export const samlAnswerSchema = z.object({
  SAMLResponse: z.string().min(1).max(262_144),
  RelayState: z.string().max(1024).optional(),
});

export const samlCollectSchema = z.object({
  id: z.string().min(1).max(256),
  secret: z.string().min(32).max(128),
  /** What the browser shows. */
  code: z.string().min(1).max(64),
});

/** What a browser shows; plain text. */
export const pageSchema = z.object({ title: z.string(), text: z.string(), code: z.string().optional() });
export type Page = z.infer<typeof pageSchema>;

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
    }),
  ),
});

export const tokenExchangeSchema = z.object({
  /** A token of a trusted issuer; or a local machine's own token together with `onBehalfOf`. */
  token: z.string().min(1).max(16_384),
  nonce: z.string().min(1).max(1024).optional(),
  onBehalfOf: z.string().min(1).max(128).optional(),
});

export const tokenRenewSchema = z.object({ token: z.string().min(1).max(16_384) });

export const signedInSchema = z.object({
  /** The session token to call with; null when one was renewed and stays what it is. */
  token: z.string().nullable(),
  expiresAt: z.string(),
  identity: identitySchema,
  endUser: z.string().nullable(),
  auditId: z.string(),
});

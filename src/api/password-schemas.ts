import { z } from 'zod';
import { addressFields } from './address-schema.ts';
import { clientKeySchema } from './endpoint-schemas.ts';

/** Short-lived passwords for clients that come to a gateway without hoopctl. */

export const passwordCreateSchema = z.object({
  connection: z.string().max(128),
  /** Milliseconds; the gateway has a longest one. */
  ttl: z.number().int().positive().optional(),
  /** A public key that may stand for the password, one line in OpenSSH's form, where the protocol has such. */
  clientKey: clientKeySchema.optional(),
});

export const passwordSchema = z.object({
  /** Also the user name that it is given with. */
  id: z.string(),
  identity: z.string(),
  connection: z.string(),
  createdAt: z.string(),
  expiresAt: z.string(),
  status: z.enum(['active', 'expired', 'revoked']),
});

export const passwordCreatedSchema = z.object({
  id: z.string(),
  connection: z.string(),
  protocol: z.string(),
  ...addressFields,
  /** What the gateway's listener proves itself with, as a line of known_hosts, where that is no certificate. */
  knownHost: z.string().optional(),
  expiresAt: z.string(),
  auditId: z.string(),
});

import { z } from 'zod';
import { addressFields } from './address-schema.ts';
import { statedSchema } from './approval-schemas.ts';

/** A public key, one line in OpenSSH's form. */
export const clientKeySchema = z
  .string()
  .max(2048)
  .regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\r\n]*)?$/);

export const endpointOpenSchema = statedSchema.extend({
  connection: z.string(),
  /** An approved request made ahead: the endpoint's one session runs it, and nothing else. */
  run: z.string().max(64).optional(),
  listen: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('tcp'), port: z.number().int().min(0).max(65_535).default(0) }),
    z.object({ kind: z.literal('unix') }),
    /**
     * Through a gateway: clients come as WebSockets (`relayPath`), each one that connected to a place on the
     * caller's machine. `host` is 127.0.0.1, or the directory of a Unix socket.
     */
    z.object({
      kind: z.literal('relay'),
      host: z.string().regex(/^(127\.0\.0\.1|\/[^\p{C}]{0,255})$/u),
      port: z.number().int().min(0).max(65_535),
    }),
  ]),
  /** Accept one session, then stop listening (cancel requests still pass). */
  /** A public key that clients may prove themselves with instead of the password, where the protocol has such. */
  clientKey: clientKeySchema.optional(),
  single: z.boolean().default(false),
});

/** An endpoint that lives without a stream, for clients that are told of it by a file of their own. */
export const standingEndpointOpenSchema = z.object({
  connection: z.string(),
  /** 0 for an unused one. */
  port: z.number().int().min(0).max(65_535).default(0),
});
export const standingEndpointSchema = z.object({
  url: z.string(),
  port: z.number(),
  /** PEM. */
  certificate: z.string(),
  database: z.string(),
  token: z.string(),
  /** When to ask again. */
  expiresAt: z.string(),
});
export type StandingEndpoint = z.infer<typeof standingEndpointSchema>;

/** The first line of an endpoint's stream is `ready`; the endpoint lives as long as the stream. */
export const endpointEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ready'),
    endpoint: z.string(),
    protocol: z.string(),
    ...addressFields,
    target: z.string(),
    serverVersion: z.string(),
    policy: z.string(),
    /** The endpoint's certificate in PEM, where a client must be told which to trust. */
    certificate: z.string().optional(),
    /** What an SSH client is to know the endpoint by, as a line of `known_hosts` without the host. */
    hostKey: z.string().optional(),
    /** The name of the Unix socket in `host`, where that is a directory on the caller's machine. */
    socketName: z.string().optional(),
  }),
  z.object({ type: z.literal('session-opened'), session: z.string(), client: z.string() }),
  z.object({ type: z.literal('session-closed'), session: z.string(), reason: z.string() }),
  z.object({
    type: z.literal('approval'),
    session: z.string(),
    approval: z.string(),
    status: z.string(),
    rule: z.string(),
    approvers: z.array(z.string()),
    expiresAt: z.string(),
    by: z.string().nullable(),
    reason: z.string().nullable(),
    /** What approvers have said so far without deciding. */
    comments: z.array(z.object({ by: z.string(), text: z.string() })).optional(),
  }),
  /** The gateway takes no new sessions; what is open then is cut at `deadline`. */
  z.object({ type: z.literal('draining'), deadline: z.string() }),
  z.object({ type: z.literal('closing'), reason: z.string() }),
]);
export type EndpointEvent = z.infer<typeof endpointEventSchema>;

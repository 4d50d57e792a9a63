import { z } from 'zod';

/** How a client reaches a connection: the fields that every answer with an address in it has. */
export const addressFields = {
  /** With the password in it. */
  url: z.string(),
  host: z.string(),
  port: z.number(),
  user: z.string(),
  password: z.string(),
  /** What the client names as its database. */
  database: z.string(),
};

import { z } from 'zod';
import { compileTicketPattern } from './ticket-pattern.ts';

const error =
  'write reason, ticket, or {reason: true, ticket: "^[A-Z]+-[0-9]+$"}; a ticket pattern has characters, classes and repetitions, no groups or alternatives';

const ticketPattern = z.string().refine((text) => compileTicketPattern(text) !== undefined, { error });

/** What a requester must say before it may. */
export const requireSchema = z.union(
  [
    z.enum(['reason', 'ticket']),
    z
      .strictObject({
        reason: z.literal(true).optional(),
        ticket: z
          .union([z.literal(true), ticketPattern], { error })
          .optional()
          .describe('Its form, such as "^[A-Z]+-[0-9]+$"; true for any.'),
      })
      .refine(({ reason, ticket }) => reason !== undefined || ticket !== undefined, { error }),
  ],
  { error },
);

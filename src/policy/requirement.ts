import type { Stated } from './decision.ts';
import type { PolicyRule } from './schema.ts';
import { compileTicketPattern, type TicketPattern } from './ticket-pattern.ts';

/** Longest reason and ticket that count, in UTF-16 code units. */
export const LONGEST_REASON = 1000;
export const LONGEST_TICKET = 128;

/** Settings by which a client of PostgreSQL says them inside its session: `SET hoopctl.reason = '…'`. */
export const STATED_SETTINGS: Readonly<Record<string, keyof Stated>> = {
  'hoopctl.reason': 'reason',
  'hoopctl.ticket': 'ticket',
};

/** What a rule wants to be told before anything it covers may run. */
export interface Requirement {
  readonly reason: boolean;
  /** `any`: whatever is not blank. */
  readonly ticket: TicketPattern | 'any' | undefined;
}

/** What a rule wants to be told; undefined where it wants nothing. */
export function compileRequirement(require: PolicyRule['require']): Requirement | undefined {
  if (require === undefined) return undefined;
  if (require === 'reason') return { reason: true, ticket: undefined };
  if (require === 'ticket') return { reason: false, ticket: 'any' };
  const { reason = false, ticket } = require;
  return { reason, ticket: typeof ticket === 'string' ? compileTicketPattern(ticket) : ticket && 'any' };
}

/** What is missing, in words: `a reason`, `a ticket number of the form ^OPS-\d+$`. */
export function missingFrom(stated: Stated | undefined, { reason, ticket }: Requirement): readonly string[] {
  const missing: string[] = [];
  if (reason && !isGiven(stated?.reason, LONGEST_REASON)) missing.push('a reason');
  if (ticket === undefined) return missing;
  const given = isGiven(stated?.ticket, LONGEST_TICKET) ? stated?.ticket.trim() : undefined;
  const fits = given !== undefined && (ticket === 'any' || ticket.matches(given));
  if (!fits)
    missing.push(ticket === 'any' ? 'a ticket number' : `a ticket number of the form ${ticket.source}`);
  return missing;
}

function isGiven(text: string | undefined, longest: number): text is string {
  return text !== undefined && text.trim() !== '' && text.length <= longest;
}

import {
  ApprovalDenied,
  ApprovalPending,
  type ErrorDetails,
  type ErrorFacts,
  HoopError,
  Internal,
  NotReachable,
  PolicyBlocked,
  StatementFailed,
} from '../../base/errors.ts';
import type { FailedPlace } from './script.ts';

/** The fields of an ErrorResponse that matter here (PostgreSQL docs 55.8). */
interface ServerError extends Error {
  readonly code?: string;
  readonly detail?: string;
  readonly hint?: string;
  /** The gateway says here which of its own refusals it is. */
  readonly routine?: string;
}

/** Which of the texts that were given failed. */
export interface FailedText {
  /** From 1. */
  readonly nth: number;
  readonly of: number;
}

/** Routines of what was decided about a statement: their SQLSTATE tells nothing. */
const DECIDED = /^hoopctl_(blocked|denied|expired|stale|withdrawn)$/;

/** A failed statement as one of our errors, whose kind gives the exit code. `text` is left out for the only one. */
export function failureOf(error: unknown, place?: FailedPlace, text?: FailedText): HoopError {
  if (error instanceof HoopError) return error;
  if (!(error instanceof Error)) return new Internal('defect', String(error));
  const { code, detail, hint, routine, message } = error as ServerError;
  const facts: ErrorFacts = {
    ...withText('why', [
      placeWords(place, text),
      detail,
      code === undefined || DECIDED.test(routine ?? '') ? undefined : `SQLSTATE ${code}`,
    ]),
    details: detailsOf(code, place, text),
    ...withText('next', [hint]),
    ...ruleOf(message, detail),
    cause: error,
  };
  switch (routine) {
    case 'hoopctl_blocked':
      return new PolicyBlocked('policy_blocked', message, facts);
    case 'hoopctl_denied':
      return new ApprovalDenied('approval_denied', message, facts);
    case 'hoopctl_expired':
      return new ApprovalPending('approval_expired', message, facts);
    case 'hoopctl_stale':
      return new ApprovalPending('approval_stale', message, facts);
    case 'hoopctl_withdrawn':
      return new ApprovalPending('approval_withdrawn', message, facts);
  }
  // node-postgres gives a connection that ended no code; classes 08 and 57P0x are connections that ended.
  const lost = code === undefined || /^(08|57P0[123]|E[A-Z]+$)/.test(code);
  if (lost) return connectionLost(message, code, facts);
  return new StatementFailed('sql_error', message, facts);
}

/** Codes of a connection that did not come about (PostgreSQL docs, appendix A; errno names). */
const NOT_BEGUN = /^(57P03|08001|08004|ECONNREFUSED|ENOENT|EACCES|ENOTFOUND|EHOSTUNREACH|ENETUNREACH)$/;

/** Where no connection came about nothing ran; one that ended does not tell what became of what was on its way. */
function connectionLost(message: string, code: string | undefined, facts: ErrorFacts): NotReachable {
  if (NOT_BEGUN.test(code ?? '')) {
    const next = 'hoopctl daemon status';
    return new NotReachable('connection_lost', message, { next, ...facts, retryable: true });
  }
  return new NotReachable('connection_lost', message, {
    ...facts,
    why: [facts.why, 'whether what was on its way has run is not known'].filter(Boolean).join('\n'),
    next: facts.next ?? 'look before running it again: hoopctl session list, hoopctl replay ID',
  });
}

/** `-c 2 of 3, statement 3 of 5, line 12: UPDATE customers …` */
function placeWords(place: FailedPlace | undefined, text: FailedText | undefined): string | undefined {
  const parts: string[] = [];
  if (text !== undefined) parts.push(`-c ${text.nth} of ${text.of}`);
  if (place === undefined) return parts[0];
  const { statement, statements, line, begins } = place;
  if (statement !== undefined && statements > 1) parts.push(`statement ${statement} of ${statements}`);
  parts.push(`line ${line}`);
  return `${parts.join(', ')}${begins === undefined ? '' : `: ${begins}`}`;
}

function detailsOf(
  code: string | undefined,
  place: FailedPlace | undefined,
  text: FailedText | undefined,
): ErrorDetails {
  return {
    ...(code === undefined || !/^[0-9A-Z]{5}$/.test(code) ? {} : { sqlstate: code }),
    ...(text === undefined ? {} : { command: text.nth }),
    ...(place?.statement === undefined ? {} : { statement: place.statement }),
    ...(place === undefined ? {} : { line: place.line }),
  };
}

function withText<K extends 'why' | 'next'>(
  name: K,
  texts: readonly (string | undefined)[],
): Partial<Record<K, string>> {
  const text = texts.filter((part) => part !== undefined && part !== '').join('\n');
  return text === '' ? {} : ({ [name]: text } as Partial<Record<K, string>>);
}

function ruleOf(message: string, detail: string | undefined): { readonly rule?: string } {
  const rule = /\brule "([^"]+)"/.exec(`${message}\n${detail ?? ''}`)?.[1];
  return rule === undefined ? {} : { rule };
}

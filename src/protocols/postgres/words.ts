import { formatDuration } from '../../base/quantities.ts';
import type { Decision } from '../../policy/decision.ts';
import { askedWords } from '../../session/approver-words.ts';
import type { AheadSession, Hold, HoldOutcome } from '../../session/desk.ts';
import type { PassedLimit } from '../../session/session-meter.ts';
import type { AbsentObject, SyntaxRefusal } from '../../sql/facts.ts';
import { errorResponse, noticeResponse } from './codec/backend-builders.ts';

/**
 * What the gateway says to a client in PostgreSQL's own form. `routine` tells programs which kind of refusal it
 * is (`hoopctl_blocked`, `hoopctl_denied`, `hoopctl_expired`, `hoopctl_withdrawn`, `hoopctl_refused`), since
 * SQLSTATE 42501 covers most of them.
 */

const STATE_IT =
  "say it when you connect (--reason TEXT, --ticket NUMBER), or here: SET hoopctl.reason = '…'; SET hoopctl.ticket = '…'";

export function blockedError(
  decision: Extract<Decision, { outcome: 'block' }>,
  reasons: readonly string[],
  connection: string,
  /** Of the statement that is blocked, in a text of several. */
  position?: number,
): Buffer {
  const by =
    decision.rule === undefined ? 'no rule of the policy allows it' : `blocked by rule "${decision.rule}"`;
  const why = [decision.message, ...reasons].filter((one) => one !== undefined && one !== '');
  return errorResponse({
    severity: 'ERROR',
    sqlstate: '42501',
    message: `hoopctl: ${by}: ${decision.command}`,
    ...(why.length > 0 ? { detail: [...new Set(why)].join('\n') } : {}),
    hint:
      decision.requires === undefined
        ? `see which rules matched and why: hoopctl policy explain --connection ${connection} '<statement>'`
        : STATE_IT,
    position,
    routine: 'hoopctl_blocked',
  });
}

/** An ERROR of the gateway, after which the session lives on. */
export function refusedError(sqlstate: string, message: string, hint?: string): Buffer {
  return errorResponse({
    severity: 'ERROR',
    sqlstate,
    message: `hoopctl: ${message}`,
    ...(hint === undefined ? {} : { hint }),
    routine: 'hoopctl_refused',
  });
}

/** Not forwarded, since it would mean something if it were made a moment later: told as the server would. */
export function absentError({ kind, name }: AbsentObject): Buffer {
  switch (kind) {
    case 'relation':
      return refusedError('42P01', `relation "${name}" does not exist`);
    case 'function':
      return refusedError('42883', `function ${name} does not exist`);
    case 'column':
      return refusedError('42703', `column "${name}" does not exist`);
  }
}

/** A text that PostgreSQL's grammar does not take. */
export function unparseableError({ message, position }: SyntaxRefusal): Buffer {
  return errorResponse({
    severity: 'ERROR',
    sqlstate: '42601',
    message: `hoopctl: ${message}`,
    position: position > 0 ? position : undefined,
    routine: 'hoopctl_refused',
  });
}

/** What the server itself answers to everything but the end of a failed transaction. */
export function abortedError(): Buffer {
  return errorResponse({
    severity: 'ERROR',
    sqlstate: '25P02',
    message: 'current transaction is aborted, commands ignored until end of transaction block',
    routine: 'hoopctl_refused',
  });
}

/** A setting that a guard keeps where it is. */
export function clampedNotice(words: string): Buffer {
  return noticeResponse({
    severity: 'NOTICE',
    sqlstate: '01000',
    message: `hoopctl: ${words}`,
    hint: 'SHOW tells what holds',
    routine: 'hoopctl_clamped',
  });
}

/** The last words of a session. */
export function fatalError(sqlstate: string, message: string): Buffer {
  return errorResponse({
    severity: 'FATAL',
    sqlstate,
    message: `hoopctl: ${message}`,
    routine: 'hoopctl_closed',
  });
}

export function simpleQueriesOnly(): Buffer {
  return refusedError('0A000', 'a session that runs a request takes simple queries only');
}

/** `hoopctl: this write needs approval: ap-7kq2m (expires in 15m)`. */
export function holdNotice(hold: Hold, effect: string): Buffer {
  return noticeResponse({
    severity: 'NOTICE',
    sqlstate: '00000',
    message: `hoopctl: this ${effect} needs approval: ${hold.id} (expires in ${formatDuration(hold.expiresIn)})`,
    detail: `rule "${hold.rule}" · asked of ${askedWords(hold.approvers)}`,
    hint: `an approver runs: hoopctl approve ${hold.id}`,
    routine: 'hoopctl_pending',
  });
}

type Approval = Extract<HoldOutcome, { outcome: 'approved' }>;

/** What an approver says of a statement that goes on waiting. */
export function commentNotice(id: string, by: string, text: string): Buffer {
  return noticeResponse({
    severity: 'NOTICE',
    sqlstate: '00000',
    message: `hoopctl: ${by} says about ${id}: ${text}`,
    routine: 'hoopctl_comment',
  });
}

export function approvedNotice({ by, comment }: Approval): Buffer {
  return noticeResponse({
    severity: 'NOTICE',
    sqlstate: '00000',
    message: `hoopctl: approved by ${by}`,
    ...(comment === undefined ? {} : { detail: comment }),
    routine: 'hoopctl_approved',
  });
}

/** How a held statement that does not run is told to its client. */
export function notApprovedError(hold: Hold, outcome: Exclude<HoldOutcome, { outcome: 'approved' }>): Buffer {
  switch (outcome.outcome) {
    case 'denied':
      return errorResponse({
        severity: 'ERROR',
        sqlstate: '42501',
        message: `hoopctl: ${hold.id} was denied by ${outcome.by}`,
        detail: outcome.reason,
        hint: 'nothing was executed; change the statement or talk to the approver',
        routine: 'hoopctl_denied',
      });
    case 'expired':
      return errorResponse({
        severity: 'ERROR',
        sqlstate: '42501',
        message: `hoopctl: ${hold.id} expired before it was decided`,
        detail: `rule "${hold.rule}" · asked of ${askedWords(hold.approvers)}`,
        hint: 'nothing was executed; send the statement again to ask again',
        routine: 'hoopctl_expired',
      });
    case 'withdrawn':
      return errorResponse({
        severity: 'ERROR',
        sqlstate: '57014',
        message: `hoopctl: ${hold.id} was withdrawn: ${outcome.reason}`,
        hint: 'nothing was executed',
        routine: 'hoopctl_withdrawn',
      });
    case 'refused':
      return errorResponse({
        severity: 'ERROR',
        sqlstate: '42501',
        message: `hoopctl: ${hold.id} was approved but may no longer run`,
        detail: outcome.reason,
        hint: 'nothing was executed; send the statement again to ask again',
        routine: 'hoopctl_refused',
      });
  }
}

/** A request that was approved ahead does not run, or not now. */
export function notRunError(
  { id, rule }: AheadSession,
  outcome: Exclude<HoldOutcome, { outcome: 'approved' }>,
): Buffer {
  return errorResponse({
    severity: 'ERROR',
    sqlstate: '42501',
    message: `hoopctl: ${id} was approved and does not run`,
    detail: `${'reason' in outcome ? outcome.reason : outcome.outcome} · rule "${rule}"`,
    hint: `nothing was executed; see what it is now: hoopctl approvals ${id}`,
    routine: 'hoopctl_stale',
  });
}

/** A result ends here: configuration_limit_exceeded. */
export function limitError({ limit, words }: PassedLimit): Buffer {
  return errorResponse({
    severity: 'ERROR',
    sqlstate: '53400',
    message: `hoopctl: limit "${limit.name}" is passed: ${words}`,
    detail: limit.message ?? 'the rest of the result is not shown; the statement was cancelled or has run',
    hint: 'ask for less, or connect again for a new budget',
    routine: 'hoopctl_limit',
  });
}

/** `160004` -> `16.4`. */
export function serverVersionText(version: number): string {
  return version >= 100_000 ? `${Math.floor(version / 10_000)}.${version % 10_000}` : String(version);
}

/** A result that is not shown, since another session changed meanwhile what it is of. */
export function changedMeanwhileError(): Buffer {
  return refusedError(
    '42501',
    'another session changed the catalog while this statement ran, and what it returns is not what was judged',
    'look at what it has done before you run it again',
  );
}

import { hash } from 'node:crypto';
import { fingerprint } from '../approval/fingerprint.ts';
import type { ApprovalRequest } from '../approval/request.ts';
import type { ApprovalDraft } from '../approval/state.ts';
import {
  ApprovalDenied,
  ApprovalPending,
  Conflict,
  type HoopError,
  NotPermitted,
  PolicyBlocked,
  UsageError,
} from '../base/errors.ts';
import type { Decision, Stated } from '../policy/decision.ts';
import type { Foreseen } from '../protocols/foresight.ts';
import type { ApprovalBoard } from '../session/approval-board.ts';
import { policyTarget } from '../session/open-desk.ts';
import { endUserOf, requesterOf } from '../session/requester.ts';
import type { ConnectionRow, IdentityRow, Store } from '../store/store.ts';
import type { Parts } from './parts.ts';

/** The longest text of a request, in bytes of UTF-8: an approver has to read all of it. */
const LONGEST_REQUEST = 1024 * 1024;

/** What is asked for ahead of any session. */
export interface AskedAhead {
  readonly caller: IdentityRow;
  readonly connection: ConnectionRow;
  readonly text: string;
  readonly stated: Stated;
  readonly address: string;
}

/** Requests that are made ahead of any session: made here, and looked at once more before they run. */
export class Requests {
  readonly #parts: Pick<Parts, 'audit' | 'board' | 'policy' | 'store' | 'targets'>;

  constructor(parts: Pick<Parts, 'audit' | 'board' | 'policy' | 'store' | 'targets'>) {
    this.#parts = parts;
  }

  /**
   * Judges a text as a session of its requester would, and asks approvers where the policy wants them; undefined
   * where no approval is needed. Throws UsageError for what is no text, PolicyBlocked, what the board throws.
   */
  async ask(asked: AskedAhead): Promise<{ readonly decision: Decision; readonly request?: ApprovalRequest }> {
    requireText(asked.text);
    const { caller, connection, stated, text } = asked;
    const { board, policy, targets } = this.#parts;
    const requester = { ...requesterOf(caller), stated };
    const protocol = targets.protocolOf(connection);
    const applied = policy.current();
    const of = { policy: applied, requester, target: policyTarget(connection), text };
    const seen = await targets.with(connection, async (target) => target.foresee?.(of));
    if (seen === undefined) {
      throw new UsageError('not_requestable', `nothing can be requested ahead on ${connection.name}`, {
        next: `hoopctl connect ${connection.name}`,
      });
    }
    const { decision } = seen;
    const refusal = refusalOf(seen, connection.name);
    if (refusal !== undefined) throw this.#refused(asked, refusal);
    if (decision.outcome !== 'approve') return { decision };
    const draft = draftOf(asked, seen, decision, protocol.describe(connection.settings));
    const { request } = await board.request(draft, () => {});
    return { decision, request };
  }

  /**
   * The request, when this caller may run it on that connection now. Throws NotPermitted `not_your_request`,
   * UsageError `not_ahead`, ApprovalPending, ApprovalDenied, Conflict `approval_used`.
   */
  async toRun(id: string, caller: IdentityRow, connection: ConnectionRow): Promise<ApprovalRequest> {
    const { board } = this.#parts;
    const request = await board.find(id);
    if (request.requesterId !== caller.id || request.endUserId !== endUserOf(caller)?.id) {
      throw new NotPermitted('not_your_request', `${id} is not a request of yours`, {
        why: 'who asked runs it, and for the same person',
        next: 'hoopctl request CONNECTION -f FILE',
      });
    }
    if (request.ahead === undefined) {
      throw new UsageError('not_ahead', `${id} waits inside a session and runs there`);
    }
    requireApproved(request);
    if (request.connectionId !== connection.id || request.ahead.settings !== settingsHash(connection)) {
      const reason = `the connection ${request.connection} is another than it was`;
      await board.withdraw(id, reason);
      throw new ApprovalPending('approval_stale', `${id} may no longer run`, { why: reason, next: AGAIN });
    }
    return request;
  }

  /** For who asked. Throws NotPermitted `not_your_request`, Conflict `approval_not_pending`. */
  async withdraw(id: string, caller: IdentityRow): Promise<ApprovalRequest> {
    const { board } = this.#parts;
    const { endUserId, requesterId } = await board.find(id);
    if (caller.id !== requesterId && caller.id !== endUserId) {
      throw new NotPermitted('not_your_request', `${id} is not a request of yours`, {
        why: 'who asked withdraws it',
        next: `an approver denies it: hoopctl deny ${id} --reason TEXT`,
      });
    }
    const reason = `withdrawn by ${caller.name}`;
    await board.withdraw(id, reason);
    const request = await board.find(id);
    if (request.status === 'withdrawn' && request.endReason === reason) return request;
    throw new Conflict('approval_not_pending', `${id} is already ${request.status}`);
  }

  /** Somebody who is stopped here is stopped on the record, as in a session. */
  #refused({ caller, connection, text }: AskedAhead, refusal: HoopError): HoopError {
    if (refusal.kind !== 'policy-blocked') return refusal;
    this.#parts.audit.append({
      kind: 'approval.refused',
      actor: caller.name,
      facts: {
        code: refusal.code,
        ahead: true,
        connection: connection.name,
        rule: refusal.rule ?? null,
        statement: hash('sha256', text, 'hex'),
      },
    });
    return refusal;
  }
}

/** Takes up what the last daemon left: requests that were made ahead and are neither used nor ended. */
export async function restoreRequests(board: ApprovalBoard, rows: Store['approvals']): Promise<void> {
  for (const status of ['pending', 'approved'] as const) {
    for (const request of await rows.list(status)) board.restore(request);
  }
}

const AGAIN = 'ask again: hoopctl request CONNECTION -f FILE';

function requireText(text: string): void {
  const refuse = (code: string, message: string) => {
    throw new UsageError(code, message, { next: 'hoopctl request CONNECTION -f FILE' });
  };
  if (text.trim() === '') refuse('no_statement', 'there is no statement to request');
  if (Buffer.byteLength(text) > LONGEST_REQUEST) {
    refuse('request_too_long', 'a request has at most 1 MiB of text');
  }
  // What the card shows must be what runs, byte for byte.
  if (!text.isWellFormed() || text.includes('\0')) {
    refuse('not_text', 'the text has characters that cannot be sent');
  }
}

function refusalOf({ decision, inadmissible, reasons }: Seen, connection: string): HoopError | undefined {
  if (inadmissible?.kind === 'usage') return inadmissible;
  if (decision.outcome !== 'block') return inadmissible;
  const { command, message, requires, rule } = decision;
  const by = rule === undefined ? 'no rule of the policy allows it' : `blocked by rule "${rule}"`;
  const why = [message, ...reasons].filter((one) => one !== undefined && one !== '');
  return new PolicyBlocked(requires ? 'statement_untold' : 'policy_blocked', `${by}: ${command}`, {
    ...(why.length === 0 ? {} : { why: [...new Set(why)].join('\n') }),
    ...(rule === undefined ? {} : { rule }),
    next: requires
      ? 'give them: --reason TEXT, --ticket NUMBER'
      : `hoopctl policy explain --connection ${connection} '<statement>'`,
  });
}
type Seen = Pick<Foreseen, 'decision' | 'inadmissible' | 'reasons'>;

function draftOf(
  { address, caller, connection, stated, text }: AskedAhead,
  seen: Foreseen,
  decision: Extract<Decision, { outcome: 'approve' }>,
  target: string,
): Omit<ApprovalDraft, 'id'> {
  const { policy, rule = 'default' } = decision;
  const { at: _, ...terms } = decision.terms;
  const endUser = endUserOf(caller);
  const settings = settingsHash(connection);
  const parts = [connection.id, settings, caller.id, endUser?.id ?? null, null, policy, text, seen.meaning];
  return {
    session: undefined,
    ahead: { settings, meaning: seen.meaning, pieces: seen.pieces },
    connection: connection.name,
    connectionId: connection.id,
    requesterId: caller.id,
    endUserId: endUser?.id,
    rule,
    policy,
    terms,
    fingerprint: fingerprint(parts),
    card: {
      requester: caller.name,
      requesterKind: caller.kind,
      requesterGroups: caller.groups,
      ...(endUser === undefined ? {} : { endUser: endUser.name }),
      clientAddress: address,
      target,
      transaction: 'none',
      statement: text,
      parameters: [],
      effects: seen.effects,
      estimate: seen.estimate,
      ...stated,
      ...(seen.rehearsal === undefined ? {} : { rehearsal: seen.rehearsal }),
    },
  };
}

function settingsHash({ protocol, settings }: ConnectionRow): string {
  return fingerprint([protocol, settings]);
}

/** Throws why an approval is not there to be used. */
function requireApproved(request: ApprovalRequest): void {
  const { decisions, endReason, id, status } = request;
  const why = endReason === undefined ? {} : { why: endReason };
  switch (status) {
    case 'approved':
      return;
    case 'pending':
      throw new ApprovalPending('approval_pending', `${id} still waits for a decision`, {
        next: `hoopctl run ${id} --wait 10m`,
        retryable: true,
      });
    case 'denied':
      throw new ApprovalDenied('approval_denied', `${id} was denied by ${decisions.at(-1)?.byName}`, why);
    case 'used':
      throw new Conflict('approval_used', `${id} has run, and an approval is good for once`, {
        ...why,
        next: AGAIN,
      });
    case 'expired':
    case 'withdrawn':
      throw new ApprovalPending(`approval_${status}`, `${id} is ${status}`, { ...why, next: AGAIN });
    default:
      return status satisfies never;
  }
}

import type { ApprovalView } from '../../api/approval-schemas.ts';
import type { Client } from '../../api/client.ts';
import { ApprovalDenied, ApprovalPending, Conflict } from '../../base/errors.ts';
import { daemonGone } from '../daemon-gone.ts';
import { ApprovalWait } from '../exec/approval-wait.ts';
import { exitCodeOfSignal, Interrupted } from '../interrupted.ts';
import type { Io } from '../io.ts';

/**
 * Waits for the decision on a request and tells of it; answers it approved. Throws ApprovalDenied, ApprovalPending
 * when it ended without one or `limit` (milliseconds) is over, in which case it still stands; Interrupted after
 * Ctrl-C, which withdraws it; NotReachable when the daemon goes.
 */
export async function followToApproval(
  id: string,
  limit: number | undefined,
  io: Io,
  client: Client,
): Promise<ApprovalView> {
  const cut = new AbortController();
  let why: Error | undefined;
  const stop = (error: Error) => {
    why ??= error;
    cut.abort();
  };
  const wait = new ApprovalWait(io, limit, () => stop(stillWaits(id)));
  let interrupted = false;
  const release = io.onSignal((signal) => {
    interrupted = true;
    stop(new Interrupted(exitCodeOfSignal(signal)));
  });
  try {
    for await (const { approval } of client.stream('approvalFollow', {
      params: { id },
      signal: cut.signal,
    })) {
      wait.tell(newsOf(approval));
      if (approval.status !== 'pending') return settled(approval);
    }
    throw why ?? daemonGone('the wait; the request stands');
  } catch (error) {
    if (interrupted) await client.call('approvalWithdraw', { params: { id } }).catch(() => {});
    throw why ?? error;
  } finally {
    release();
    wait.close();
    cut.abort();
  }
}

function stillWaits(id: string): ApprovalPending {
  return new ApprovalPending('approval_timed_out', `nobody decided ${id} in time; it still waits`, {
    next: `hoopctl run ${id} --wait 10m, or hoopctl withdraw ${id}`,
    retryable: true,
  });
}

/** The approval, when it is there to be used. Throws why it is not. */
export function settled(approval: ApprovalView): ApprovalView {
  const { connection, decisions, endReason, id, rule, status } = approval;
  const last = decisions.at(-1);
  const again = `hoopctl request ${connection} -f FILE`;
  switch (status) {
    case 'approved':
      return approval;
    case 'pending':
      throw new ApprovalPending('approval_pending', `${id} still waits for a decision`, {
        next: `hoopctl run ${id} --wait 10m`,
        retryable: true,
      });
    case 'denied':
      throw new ApprovalDenied('approval_denied', `${id} was denied by ${last?.by ?? 'an approver'}`, {
        rule,
        ...(endReason === null ? {} : { why: endReason }),
        next: 'change the statement or talk to the approver',
      });
    case 'used':
      throw new Conflict('approval_used', `${id} has run, and an approval is good for once`, {
        ...(endReason === null ? {} : { why: endReason }),
        next: again,
      });
    case 'expired':
    case 'withdrawn':
      throw new ApprovalPending(`approval_${status}`, `${id} is ${status}`, {
        rule,
        ...(endReason === null ? {} : { why: endReason }),
        next: again,
      });
    default:
      return status satisfies never;
  }
}

function newsOf(approval: ApprovalView) {
  const last = approval.decisions.at(-1);
  return {
    type: 'approval' as const,
    approval: approval.id,
    session: approval.session,
    status: approval.status,
    rule: approval.rule,
    approvers: approval.approvers,
    expiresAt: approval.expiresAt,
    by: last?.by ?? null,
    reason: approval.endReason ?? last?.reason ?? null,
    comments: (approval.comments ?? []).map(({ by, text }) => ({ by, text })),
  };
}

import type { ApprovalView } from '../api/approval-schemas.ts';
import type { Client } from '../api/client.ts';
import { ApprovalPending, Conflict, HoopError, NotPermitted, UsageError } from '../base/errors.ts';
import { approvalCard } from './approval-card.ts';
import type { Io } from './io.ts';
import { printDocument, say, tell } from './output.ts';
import { showLines } from './paging.ts';
import { askWith, secretFromStdin } from './questions.ts';
import type { StepUp } from './step-up.ts';
import { visible } from './visible-text.ts';

/** Wrong passphrases that one command asks again for; the daemon locks approving after five. */
const TRIES = 3;

/** Shows the card that a decision is about. Throws when there is nothing to decide, or not for this identity. */
export async function showForDecision(io: Io, approval: ApprovalView): Promise<void> {
  if (!(await showLines(io, approvalCard(approval, io.err, io.now())))) throw undecided(approval);
  if (approval.status !== 'pending') {
    throw new Conflict('approval_settled', `${approval.id} is ${approval.status} already`, {
      ...(approval.endReason === null ? {} : { why: approval.endReason }),
      next: 'hoopctl approvals',
    });
  }
  if (!approval.mayDecide) {
    throw new NotPermitted('may_not_decide', `you may not decide ${approval.id}`, {
      ...(approval.mayNotReason === null ? {} : { why: approval.mayNotReason }),
      rule: approval.rule,
      next: 'hoopctl whoami',
    });
  }
}

/** Somebody looked and left it undecided. */
export function undecided(approval: ApprovalView): ApprovalPending {
  return new ApprovalPending('not_decided', `${approval.id} still waits; nothing was decided`, {
    next: `hoopctl approve ${approval.id}`,
  });
}

export interface Decision {
  readonly decision: 'approve' | 'deny';
  readonly reason?: string;
}

/** How a person shows that it is there. */
export interface Presence {
  readonly passphraseStdin: boolean;
  /** Takes the question for the passphrase back. */
  readonly signal?: AbortSignal;
  /** Where somebody may sign in anew at once. */
  readonly stepUp: StepUp | undefined;
}

/** Gets the passphrase, or a fresh sign-in, and sends the decision about exactly the card that was shown. */
export async function sendDecision(
  io: Io,
  client: Client,
  approval: ApprovalView,
  decision: Decision,
  { passphraseStdin, signal, stepUp }: Presence,
): Promise<{ readonly approval: ApprovalView; readonly auditId: string }> {
  const send = (passphrase?: string) =>
    client.call('approvalDecide', {
      params: { id: approval.id },
      body: { ...decision, ...(passphrase === undefined ? {} : { passphrase }), version: approval.version },
    });
  // Who signed in through an issuer shows that it is there by a fresh sign-in.
  if (approval.presence === 'sign-in') {
    return send().catch(async (error: unknown) => {
      if (stepUp === undefined || !(error instanceof HoopError && error.code === 'step_up_needed'))
        throw error;
      tell(io, visible(`${error.message}: ${error.why ?? 'the last one was too long ago'}`));
      await stepUp();
      return send();
    });
  }
  if (passphraseStdin) return send(await secretFromStdin(io, '--passphrase-stdin'));
  const prompts = askForPassphrase(io);
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(await prompts.secret('Approver passphrase:', signal));
    } catch (error) {
      const wrong = error instanceof HoopError && error.code === 'wrong_passphrase';
      if (!wrong || attempt === TRIES) throw error;
      io.err.write('that is not the approver passphrase\n');
    }
  }
}

/** Throws UsageError at once where a passphrase is needed and nobody can type one; who may not decide is told that instead. */
export function requirePresence(io: Io, approval: ApprovalView, passphraseStdin: boolean): void {
  const asks = approval.mayDecide && approval.status === 'pending';
  if (asks && !passphraseStdin && approval.presence !== 'sign-in') askForPassphrase(io);
}

function askForPassphrase(io: Io) {
  return askWith(io, 'the approver passphrase is needed', '--passphrase-stdin');
}

export function printDecision(
  io: Io,
  json: boolean,
  decided: { readonly approval: ApprovalView; readonly auditId: string },
): void {
  if (json) return printDocument(io, decided);
  const { approval, auditId } = decided;
  const approvals = approval.decisions.filter(({ decision }) => decision === 'approve').length;
  const state =
    approval.status === 'pending'
      ? `approved by you; ${approvals} of ${approval.approvalsNeeded} approvals`
      : approval.status === 'used'
        ? 'approved'
        : approval.status;
  say(io, `${io.out.paint.green('✔')} ${approval.id} ${state} ${io.out.paint.dim(`(audit ${auditId})`)}`);
}

/** Bounds what the requester is told. */
export function checkReason(reason: string): string {
  const text = reason.trim();
  if (text !== '' && text.length <= 4096) return text;
  throw new UsageError('bad_reason', 'the reason must have 1 to 4096 characters', { next: '--reason TEXT' });
}

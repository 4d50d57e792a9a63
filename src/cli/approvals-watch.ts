import type { ApprovalView } from '../api/approval-schemas.ts';
import type { Client } from '../api/client.ts';
import { ApprovalPending, Conflict, HoopError } from '../base/errors.ts';
import { approvalCard } from './approval-card.ts';
import { ApprovalQueue } from './approval-queue.ts';
import { daemonGone } from './daemon-gone.ts';
import { checkReason, printDecision, sendDecision } from './decide.ts';
import { errorText } from './error-report.ts';
import { exitCodeOfSignal } from './interrupted.ts';
import type { Io } from './io.ts';
import { lastingWatch } from './lasting-watch.ts';
import { printLine, tell } from './output.ts';
import { showLines } from './paging.ts';
import type { Prompts } from './prompts.ts';
import type { StepUp } from './step-up.ts';
import { visible } from './visible-text.ts';

const KEYS = 'adsnq';
const QUESTION = 'a approve · d deny · s show again · n next · q quit:';

export interface WatchOptions {
  readonly json: boolean;
  readonly lasting: boolean;
  readonly stepUp: StepUp | undefined;
}

/**
 * Shows requests as they come; asks about each where somebody is there, else prints one JSON line per change.
 * Somebody who watches a gateway goes on watching when it was restarted or the network was gone.
 */
export async function watchApprovals(
  { json, lasting, stepUp }: WatchOptions,
  io: Io,
  client: Client,
): Promise<number> {
  const cut = new AbortController();
  let exitCode = 0;
  const release = io.onSignal((signal) => {
    exitCode = exitCodeOfSignal(signal);
    cut.abort();
  });
  const open = () => client.stream('approvalWatch', { signal: cut.signal });
  try {
    if (json || io.prompts === undefined) {
      for await (const event of open()) printLine(io, event);
      if (!cut.signal.aborted) throw daemonGone('the watch');
    } else {
      const lost = () => tell(io, io.err.paint.dim('the connection is lost; trying to get it back'));
      const events = lasting ? lastingWatch(open, lost, cut.signal) : open();
      await review({ io, prompts: io.prompts, client, stepUp }, new ApprovalQueue(events), cut.signal);
      cut.abort();
    }
  } catch (error) {
    if (!cut.signal.aborted) throw error;
  } finally {
    release();
  }
  return exitCode;
}

/** Who decides, and how. */
interface Reviewer {
  readonly io: Io;
  readonly prompts: Prompts;
  readonly client: Client;
  readonly stepUp: StepUp | undefined;
}

/** Card after card until `q`, a signal or the daemon's end. */
async function review(reviewer: Reviewer, queue: ApprovalQueue, stopped: AbortSignal): Promise<void> {
  const { io } = reviewer;
  let idle = false;
  while (!stopped.aborted) {
    const waiting = queue.take();
    if (waiting === undefined) {
      if (!idle) tell(io, io.err.paint.dim('nothing is waiting for you; Ctrl-C ends'));
      idle = true;
      await queue.changed();
      continue;
    }
    idle = false;
    if ((await decideOne(reviewer, queue, waiting)) === 'quit') return;
  }
}

async function decideOne(
  reviewer: Reviewer,
  queue: ApprovalQueue,
  first: ApprovalView,
): Promise<'next' | 'quit'> {
  const { io, prompts } = reviewer;
  let approval = first;
  // Aborts when this request changes, so that nobody decides what has ended or changed since.
  let ended = queue.endOf(approval);
  io.err.write('\n');
  let show = true;
  for (;;) {
    if (show && !(await showLines(io, approvalCard(approval, io.err, io.now()), ended))) return 'next';
    show = false;
    const key = await prompts.key(QUESTION, KEYS, ended);
    if (key === 'q') return 'quit';
    if (key === 'n') return 'next';
    if (key === undefined) {
      const now = queue.current(approval.id);
      tell(
        io,
        visible(
          `${approval.id} changed: ${now?.status ?? 'gone'}${now?.endReason ? `: ${now.endReason}` : ''}`,
        ),
      );
      if (now?.status !== 'pending' || !now.mayDecide) return 'next';
    }
    if (key === 's' || key === undefined) {
      approval = queue.current(approval.id) ?? approval;
      ended = queue.endOf(approval);
      show = true;
      continue;
    }
    if (await decideBy(key, reviewer, approval, ended)) return 'next';
  }
}

/** False when the decision did not come about and may be tried again. */
async function decideBy(
  key: string,
  { client, io, prompts, stepUp }: Reviewer,
  approval: ApprovalView,
  ended: AbortSignal,
): Promise<boolean> {
  try {
    const decision =
      key === 'a'
        ? ({ decision: 'approve' } as const)
        : ({
            decision: 'deny',
            reason: checkReason(await prompts.line('Reason, for the requester:')),
          } as const);
    const presence = { passphraseStdin: false, signal: ended, stepUp };
    printDecision(io, false, await sendDecision(io, client, approval, decision, presence));
    return true;
  } catch (error) {
    if (ended.aborted && !(error instanceof HoopError)) {
      tell(io, visible(`${approval.id} ended while you were typing; nothing was decided`));
      return true;
    }
    if (!(error instanceof HoopError)) throw error;
    io.err.write(errorText(error, io.err));
    return error instanceof Conflict || error instanceof ApprovalPending;
  }
}

import type { ApprovalView } from '../api/approval-schemas.ts';
import { daemonGone } from './daemon-gone.ts';

/** Follows the daemon's approval events and hands out, oldest first, what the caller may decide. */
export class ApprovalQueue {
  private readonly known = new Map<string, ApprovalView>();
  private readonly waiting: string[] = [];
  private readonly ends = new Map<string, AbortController>();
  private wake = Promise.withResolvers<void>();
  private failure: { readonly error: unknown } | undefined;

  constructor(events: AsyncIterable<{ readonly approval: ApprovalView }>) {
    void this.follow(events);
  }

  /** The next request that nobody has looked at here; undefined when there is none. Throws when the events failed. */
  take(): ApprovalView | undefined {
    for (let id = this.waiting.shift(); id !== undefined; id = this.waiting.shift()) {
      const approval = this.known.get(id);
      if (approval?.status === 'pending' && approval.mayDecide) return approval;
    }
    if (this.failure !== undefined) throw this.failure.error;
    return undefined;
  }

  /** Settles at the next event, or when there will be none. */
  changed(): Promise<void> {
    return this.wake.promise;
  }

  current(id: string): ApprovalView | undefined {
    return this.known.get(id);
  }

  /** Aborts as soon as the request is no longer what `shown` shows. */
  endOf(shown: ApprovalView): AbortSignal {
    const controller = new AbortController();
    this.ends.set(shown.id, controller);
    if (this.known.get(shown.id)?.version !== shown.version || this.failure !== undefined) controller.abort();
    return controller.signal;
  }

  private async follow(events: AsyncIterable<{ readonly approval: ApprovalView }>): Promise<void> {
    try {
      for await (const { approval } of events) this.note(approval);
      this.failure = { error: daemonGone('the watch') };
    } catch (error) {
      this.failure = { error };
    }
    for (const controller of this.ends.values()) controller.abort();
    this.wake.resolve();
  }

  private note(approval: ApprovalView): void {
    const before = this.known.get(approval.id);
    this.known.set(approval.id, approval);
    if (before === undefined) this.waiting.push(approval.id);
    else if (before.version !== approval.version) this.ends.get(approval.id)?.abort();
    const wake = this.wake;
    this.wake = Promise.withResolvers();
    wake.resolve();
  }
}

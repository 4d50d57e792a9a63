import type { EndpointEvent } from '../../api/endpoint-schemas.ts';
import type { Io } from '../io.ts';
import { SCHEMA_VERSION, safeJson } from '../output.ts';
import { RedrawnLine } from '../redrawn-line.ts';
import { clockSpan } from '../times.ts';
import { visible } from '../visible-text.ts';

type ApprovalEvent = Omit<Extract<EndpointEvent, { type: 'approval' }>, 'session'> & {
  readonly session: string | null;
};

/** Tells what a held statement waits for: a redrawn line on a terminal, else a JSON line for each change. */
export class ApprovalWait {
  private readonly io: Io;
  private readonly limit: number | undefined;
  private readonly onLimit: (approval: string) => void;
  private readonly line: RedrawnLine;
  private ticking: NodeJS.Timeout | undefined;
  private limited: NodeJS.Timeout | undefined;
  private waiting: { readonly approval: string; readonly since: number; comments: number } | undefined;

  /** `limit` in milliseconds from the first request on; then `onLimit` is called once. */
  constructor(io: Io, limit: number | undefined, onLimit: (approval: string) => void) {
    this.io = io;
    this.limit = limit;
    this.onLimit = onLimit;
    this.line = new RedrawnLine(io.err);
  }

  tell(event: ApprovalEvent): void {
    this.stopLine();
    const known = this.waiting?.approval === event.approval ? this.waiting : undefined;
    const comments = (event.comments ?? []).slice(known?.comments ?? 0);
    const waiting = known ?? { approval: event.approval, since: this.io.now(), comments: 0 };
    waiting.comments += comments.length;
    this.waiting = waiting;
    if (this.io.lively) {
      for (const { by, text } of comments) this.io.err.write(`${visible(`${by} comments: ${text}`)}\n`);
      if (known === undefined || event.status !== 'pending') this.tellState(event);
    } else {
      const { type, ...facts } = event;
      this.io.err.write(`${safeJson({ schemaVersion: SCHEMA_VERSION, type, ...facts })}\n`);
    }
    if (event.status !== 'pending') return clearTimeout(this.limited);
    if (this.io.lively) {
      this.draw(event, waiting.since);
      this.ticking = setInterval(() => this.draw(event, waiting.since), 1000);
    }
    // Neither a comment nor the first of two approvals makes it wait longer.
    if (known !== undefined || this.limit === undefined) return;
    clearTimeout(this.limited);
    this.limited = setTimeout(() => this.onLimit(event.approval), this.limit);
  }

  private tellState(event: ApprovalEvent): void {
    if (event.status === 'pending') {
      this.io.err.write(visible(`${event.approval} needs approval by rule "${event.rule}"`));
      this.io.err.write(`\n  an approver runs: hoopctl approve ${visible(event.approval)}\n`);
      return;
    }
    const by = event.by === null ? '' : ` by ${event.by}`;
    const reason = event.reason === null ? '' : `: ${event.reason}`;
    this.io.err.write(`${visible(`${event.approval} ${event.status}${by}${reason}`)}\n`);
  }

  close(): void {
    this.stopLine();
    clearTimeout(this.limited);
  }

  private draw(event: ApprovalEvent, since: number): void {
    const now = this.io.now();
    const left = clockSpan(Date.parse(event.expiresAt) - now);
    const who = event.approvers.length === 0 ? 'any approver' : event.approvers.join(', ');
    this.line.draw(
      visible(
        `waiting ${clockSpan(now - since)} · expires in ${left} · ${who} may approve · Ctrl-C withdraws`,
      ),
    );
  }

  private stopLine(): void {
    clearInterval(this.ticking);
    this.line.clear();
  }
}

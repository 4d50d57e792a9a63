import type { EndpointEvent } from '../../api/endpoint-schemas.ts';
import type { Io } from '../io.ts';
import { SCHEMA_VERSION, safeJson } from '../output.ts';
import { RedrawnLine } from '../redrawn-line.ts';
import { clockSpan } from '../times.ts';
import { visible } from '../visible-text.ts';

type ApprovalEvent = Extract<EndpointEvent, { type: 'approval' }>;

/** Tells what a held statement waits for: a redrawn line on a terminal, else a JSON line for each change. */
export class ApprovalWait {
  private readonly io: Io;
  private readonly limit: number | undefined;
  private readonly onLimit: (approval: string) => void;
  private readonly line: RedrawnLine;
  private ticking: NodeJS.Timeout | undefined;
  private limited: NodeJS.Timeout | undefined;

  /** `limit` in milliseconds from the first request on; then `onLimit` is called once. */
  constructor(io: Io, limit: number | undefined, onLimit: (approval: string) => void) {
    this.io = io;
    this.limit = limit;
    this.onLimit = onLimit;
    this.line = new RedrawnLine(io.err);
  }

  tell(event: ApprovalEvent): void {
    this.stopLine();
    if (!this.io.lively) {
      const { type, ...facts } = event;
      this.io.err.write(`${safeJson({ schemaVersion: SCHEMA_VERSION, type, ...facts })}\n`);
    } else if (event.status === 'pending') {
      const since = this.io.now();
      this.io.err.write(visible(`${event.approval} needs approval by rule "${event.rule}"`));
      this.io.err.write(`\n  an approver runs: hoopctl approve ${visible(event.approval)}\n`);
      this.draw(event, since);
      this.ticking = setInterval(() => this.draw(event, since), 1000);
    } else {
      const by = event.by === null ? '' : ` by ${event.by}`;
      const reason = event.reason === null ? '' : `: ${event.reason}`;
      this.io.err.write(`${visible(`${event.approval} ${event.status}${by}${reason}`)}\n`);
    }
    if (event.status === 'pending' && this.limit !== undefined) {
      clearTimeout(this.limited);
      this.limited = setTimeout(() => this.onLimit(event.approval), this.limit);
    } else if (event.status !== 'pending') clearTimeout(this.limited);
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

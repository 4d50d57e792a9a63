import type { AuditLog } from '../audit/entry.ts';
import type { Clock } from '../base/clock.ts';

/** Failed logins that are audited in a minute; the rest are counted, so that a flood does not fill the disk. */
const PER_MINUTE = 20;
const MINUTE = 60_000;

/** Writes failed logins into the audit log, a bounded number of them. */
export class LoginFailures {
  readonly #audit: AuditLog;
  readonly #clock: Clock;
  #began = Number.NEGATIVE_INFINITY;
  #failures = 0;

  constructor(audit: AuditLog, clock: Clock) {
    this.#audit = audit;
    this.#clock = clock;
  }

  /** `facts`: plain JSON without secrets; what a stranger said of itself must be bounded. */
  add(facts: Readonly<Record<string, unknown>>): void {
    const now = this.#clock.monotonic();
    if (now - this.#began >= MINUTE) {
      const more = this.#failures - PER_MINUTE;
      if (more > 0) this.#audit.append({ kind: 'login.failed', actor: 'unknown', facts: { more } });
      this.#began = now;
      this.#failures = 0;
    }
    this.#failures += 1;
    if (this.#failures > PER_MINUTE) return;
    this.#audit.append({ kind: 'login.failed', actor: 'unknown', facts });
  }
}

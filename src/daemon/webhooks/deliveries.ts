import type { ApprovalRequest } from '../../approval/request.ts';
import type { AuditLog } from '../../audit/entry.ts';
import type { Clock } from '../../base/clock.ts';
import { newId } from '../../base/ids.ts';
import type { SecretVault } from '../../secret/reference.ts';
import type { Store, WebhookDeliveryRow, WebhookRow } from '../../store/store.ts';
import { readDestination } from './destination.ts';
import { eventOf, messageBody } from './message.ts';
import { type Posted, post } from './post.ts';

/** Milliseconds before the next try, by how many have failed; after the last it is given up. */
const RETRY_AFTER = [5_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000];
/** Messages that may wait for one webhook. */
const MOST_WAITING = 1000;
/** Messages sent at once. */
const AT_ONCE = 8;

export interface DeliveriesDeps {
  readonly clock: Clock;
  readonly webhooks: Store['webhooks'];
  readonly vault: Pick<SecretVault, 'read'>;
  readonly audit: Pick<AuditLog, 'append'>;
  /** What could not be stored, and has nobody to be told to. */
  readonly failed: (error: unknown) => void;
}

/**
 * Tells webhooks of approvals. A message is stored before it is sent and kept until its receiver took it, so that
 * neither a receiver that is down nor a restart loses one. A receiver can decide nothing, whatever it answers.
 */
export class WebhookDeliveries {
  readonly #deps: DeliveriesDeps;
  #working: Promise<void> | undefined;
  /** Something may have become due since the last look. */
  #again = false;
  #cancelTimer: () => void = () => {};
  #closed = false;

  constructor(deps: DeliveriesDeps) {
    this.#deps = deps;
  }

  /** Stores a message for each webhook and begins to send. Never rejects. */
  async tell(request: ApprovalRequest): Promise<void> {
    const event = eventOf(request);
    if (event === undefined || this.#closed) return;
    const { webhooks } = this.#deps;
    try {
      for (const webhook of await webhooks.list()) {
        const body = messageBody(webhook.format, event, request);
        if (!(await this.#enqueue(webhook, event, body)))
          this.#audit(webhook, event, 'too many messages wait');
      }
    } catch (error) {
      this.#deps.failed(error);
    }
    this.wake();
  }

  /** Sends one message now, past the queue. */
  async test(webhook: WebhookRow): Promise<Posted> {
    const text = 'hoopctl: this webhook works';
    const body = JSON.stringify(
      webhook.format === 'slack' ? { text } : { schemaVersion: 1, event: 'webhook.test' },
    );
    return this.#post(webhook, { id: newId('wd', this.#deps.clock.now()), event: 'webhook.test', body });
  }

  /** Looks for what is due; to be called at the start as well. */
  wake(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#working ??= this.#work()
      .catch(this.#deps.failed)
      .finally(() => {
        this.#working = undefined;
        if (this.#again) this.wake();
      });
  }

  /** What is being sent is waited for; the rest stays for the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#again = false;
    this.#cancelTimer();
    await this.#working;
  }

  async #work(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      this.#cancelTimer();
      const waiting = await this.#deps.webhooks.waiting(AT_ONCE);
      const now = this.#deps.clock.now();
      const due = waiting.filter((delivery) => Date.parse(delivery.nextAt) <= now);
      await Promise.all(due.map((delivery) => this.#deliver(delivery)));
      const next = waiting[due.length];
      if (due.length > 0) this.#again = true;
      else if (next)
        this.#cancelTimer = this.#deps.clock.after(Date.parse(next.nextAt) - now, () => this.wake());
    }
  }

  async #deliver(delivery: WebhookDeliveryRow): Promise<void> {
    const { clock, webhooks } = this.#deps;
    const webhook = await webhooks.find(delivery.webhookId);
    // Removed meanwhile, and its messages with it.
    if (!webhook) return;
    const posted = await this.#post(webhook, delivery);
    if (posted.outcome === 'taken') return webhooks.delivered(delivery.id);
    const wait = posted.forGood ? undefined : RETRY_AFTER[delivery.attempts];
    if (wait === undefined) {
      this.#audit(webhook, delivery.event, posted.why);
      return webhooks.delivered(delivery.id);
    }
    await webhooks.postpone(delivery.id, delivery.attempts + 1, new Date(clock.now() + wait).toISOString());
  }

  async #post(
    webhook: WebhookRow,
    message: { readonly id: string; readonly event: string; readonly body: string },
  ): Promise<Posted> {
    const { clock, vault } = this.#deps;
    try {
      return await post(readDestination(await vault.read(webhook.secretRef)), message, clock.now());
    } catch {
      return { outcome: 'failed', why: 'its URL could not be read from where it is kept', forGood: false };
    }
  }

  #enqueue(webhook: WebhookRow, event: string, body: string): Promise<boolean> {
    const now = this.#deps.clock.now();
    const delivery = {
      id: newId('wd', now),
      webhookId: webhook.id,
      event,
      body,
      attempts: 0,
      nextAt: new Date(now).toISOString(),
    };
    return this.#deps.webhooks.enqueue(delivery, MOST_WAITING);
  }

  #audit(webhook: WebhookRow, event: string, why: string): void {
    const facts = { webhook: webhook.id, name: webhook.name, event, why };
    this.#deps.audit.append({ kind: 'webhook.failed', actor: 'hoopctl', facts });
  }
}

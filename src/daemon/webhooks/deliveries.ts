import type { ApprovalRequest } from '../../approval/request.ts';
import type { AuditLog } from '../../audit/entry.ts';
import type { Clock } from '../../base/clock.ts';
import { newId } from '../../base/ids.ts';
import type { CallHttp } from '../../network/http-call.ts';
import type { SecretVault } from '../../secret/reference.ts';
import type { Store, WebhookDeliveryRow, WebhookRow } from '../../store/store.ts';
import { readDestination } from './destination.ts';
import { eventOf, messageBody } from './message.ts';
import { type Posted, post } from './post.ts';

/** Milliseconds before the next try, by how many have failed; after the last it is given up. */
const RETRY_AFTER = [5_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000];
/** No message waits longer than this, unless the clock was set back since. */
const LONGEST_WAIT = Math.max(...RETRY_AFTER);
/** What may wait for one webhook: a requester writes the statements in it, of up to a MiB each. */
const MOST_WAITING = { messages: 1000, bytes: 64 * 1024 * 1024 };
/** Messages sent to one webhook at once. */
const AT_ONCE = 8;

export interface DeliveriesDeps {
  readonly clock: Clock;
  readonly call: CallHttp;
  readonly webhooks: Store['webhooks'];
  readonly vault: Pick<SecretVault, 'read'>;
  readonly audit: Pick<AuditLog, 'append'>;
  /** What could not be stored, and has nobody to be told to. */
  readonly failed: (error: unknown) => void;
}

/** What is being sent to one webhook. */
interface Lane {
  working: Promise<void> | undefined;
  /** Something may have become due since the last look. */
  again: boolean;
  cancelTimer: () => void;
}

/**
 * Tells webhooks of approvals. A message is stored before it is sent and kept until its receiver took it, so that
 * neither a receiver that is down nor a restart loses one; what happened to one approval is told in its order. A receiver
 * that is slow keeps no other waiting, and can decide nothing, whatever it answers. Mutable: a lane for each webhook that has messages.
 */
export class WebhookDeliveries {
  readonly #deps: DeliveriesDeps;
  readonly #lanes = new Map<string, Lane>();
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
        if (!(await this.#enqueue(webhook, event, request.id, body)))
          this.#audit(webhook, event, 'too many messages wait');
        this.#wake(webhook.id);
      }
    } catch (error) {
      this.#deps.failed(error);
    }
  }

  /** Sends one message now, past the queue. */
  async test(webhook: WebhookRow): Promise<Posted> {
    const text = 'hoopctl: this webhook works';
    const body = JSON.stringify(
      webhook.format === 'slack' ? { text } : { schemaVersion: 1, event: 'webhook.test' },
    );
    return this.#post(webhook, { id: newId('wd', this.#deps.clock.now()), event: 'webhook.test', body });
  }

  /** Looks for what is due; to be called at the start. Never rejects. */
  async wake(): Promise<void> {
    try {
      for (const { id } of await this.#deps.webhooks.list()) this.#wake(id);
    } catch (error) {
      this.#deps.failed(error);
    }
  }

  /** What is being sent is waited for; the rest stays for the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    const lanes = [...this.#lanes.values()];
    for (const { cancelTimer } of lanes) cancelTimer();
    await Promise.all(lanes.map(({ working }) => working));
  }

  #wake(webhook: string): void {
    if (this.#closed) return;
    const lane = this.#lanes.get(webhook) ?? { working: undefined, again: false, cancelTimer: () => {} };
    this.#lanes.set(webhook, lane);
    lane.again = true;
    lane.working ??= this.#work(webhook, lane)
      .catch(this.#deps.failed)
      .finally(() => {
        lane.working = undefined;
        if (lane.again) this.#wake(webhook);
      });
  }

  async #work(webhook: string, lane: Lane): Promise<void> {
    while (lane.again && !this.#closed) {
      lane.again = false;
      lane.cancelTimer();
      const waiting = await this.#deps.webhooks.waiting(webhook, AT_ONCE);
      const now = this.#deps.clock.now();
      const due = waiting.filter((delivery) => isDue(delivery, now));
      await Promise.all(due.map((delivery) => this.#deliver(delivery)));
      const [next] = waiting;
      if (due.length > 0) lane.again = true;
      else if (next !== undefined) lane.cancelTimer = this.#timer(webhook, Date.parse(next.nextAt) - now);
      else if (!lane.again) this.#lanes.delete(webhook);
    }
  }

  #timer(webhook: string, wait: number): () => void {
    return this.#deps.clock.after(wait, () => this.#wake(webhook));
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
    const { call, clock, vault } = this.#deps;
    try {
      const destination = readDestination(await vault.read(webhook.secretRef));
      return await post(call, destination, message, clock.now());
    } catch {
      return { outcome: 'failed', why: 'its URL could not be read from where it is kept', forGood: false };
    }
  }

  #enqueue(webhook: WebhookRow, event: string, about: string, body: string): Promise<boolean> {
    const now = this.#deps.clock.now();
    const delivery = {
      id: newId('wd', now),
      webhookId: webhook.id,
      event,
      about,
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

function isDue({ nextAt }: WebhookDeliveryRow, now: number): boolean {
  const wait = Date.parse(nextAt) - now;
  return wait <= 0 || wait > LONGEST_WAIT;
}

import { Conflict, NotFound } from '../../base/errors.ts';
import { newId, newSecret } from '../../base/ids.ts';
import type { WebhookRow } from '../../store/store.ts';
import type { Parts } from '../parts.ts';
import { destinationText, webhookUrl } from '../webhooks/destination.ts';
import type { Handlers } from './handler.ts';

type Routes = Pick<Handlers, 'webhookList' | 'webhookAdd' | 'webhookTest' | 'webhookRemove'>;

/** Who is told of approvals over HTTP. */
export function webhookRoutes({ audit, clock, deliveries, store, vault }: Parts): Routes {
  async function find(name: string): Promise<WebhookRow> {
    const row = await store.webhooks.find(name);
    if (row) return row;
    throw new NotFound('no_such_webhook', `there is no webhook ${name}`, { next: 'hoopctl webhook list' });
  }

  return {
    async webhookList() {
      return { webhooks: (await store.webhooks.list()).map(view) };
    },

    async webhookAdd({ caller, body }) {
      const url = webhookUrl(body.url);
      if ((await store.webhooks.find(body.name))?.name === body.name) throw nameTaken(body.name);
      const now = clock.now();
      const id = newId('wh', now);
      const key = newSecret();
      const secretRef = await vault.store(id, destinationText({ url: url.href, key }));
      const row: WebhookRow = {
        id,
        name: body.name,
        format: body.format,
        host: url.host,
        secretRef,
        createdAt: new Date(now).toISOString(),
      };
      try {
        const facts = { webhook: id, name: row.name, format: row.format, host: row.host };
        const entry = audit.append({ kind: 'webhook.added', actor: caller.name, facts });
        await store.webhooks.create(row);
        return { webhook: view(row), key, auditId: String(entry.seq) };
      } catch (error) {
        await vault.remove(secretRef);
        throw error;
      }
    },

    async webhookTest({ param }) {
      const posted = await deliveries.test(await find(param('name')));
      return { ok: posted.outcome === 'taken', why: posted.outcome === 'taken' ? null : posted.why };
    },

    async webhookRemove({ caller, param }) {
      const row = await find(param('name'));
      const facts = { webhook: row.id, name: row.name };
      const entry = audit.append({ kind: 'webhook.removed', actor: caller.name, facts });
      await store.webhooks.remove(row.id);
      await vault.remove(row.secretRef);
      return { auditId: String(entry.seq) };
    },
  };
}

function view({ id, name, format, host, createdAt }: WebhookRow) {
  return { id, name, format, host, createdAt };
}

function nameTaken(name: string): Conflict {
  return new Conflict('webhook_name_taken', `there is a webhook ${name} already`, {
    next: `hoopctl webhook remove ${name}, or choose another name`,
  });
}

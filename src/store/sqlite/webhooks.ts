import { z } from 'zod';
import { Conflict } from '../../base/errors.ts';
import { WEBHOOK_FORMATS, type WebhookDeliveryRow, type WebhookRow, type WebhookRows } from '../store.ts';
import { count, time } from './columns.ts';
import type { Database } from './database.ts';

const row: z.ZodType<WebhookRow> = z
  .object({
    id: z.string(),
    name: z.string(),
    format: z.enum(WEBHOOK_FORMATS),
    host: z.string(),
    secret_ref: z.string(),
    created_at: time,
  })
  .transform(({ secret_ref, created_at, ...same }) => ({
    ...same,
    secretRef: secret_ref,
    createdAt: created_at,
  }));

const delivery: z.ZodType<WebhookDeliveryRow> = z
  .object({
    id: z.string(),
    webhook_id: z.string(),
    event: z.string(),
    about: z.string(),
    body: z.string(),
    attempts: count,
    next_at: time,
  })
  .transform(({ webhook_id, next_at, ...same }) => ({ ...same, webhookId: webhook_id, nextAt: next_at }));

export function webhookRows(db: Database): WebhookRows {
  return {
    async create({ id, name, format, host, secretRef, createdAt }) {
      db.run(
        'INSERT INTO webhooks VALUES (:id, :name, :format, :host, :secretRef, :createdAt)',
        { id, name, format, host, secretRef, createdAt },
        (words) =>
          words.includes('webhooks.name')
            ? new Conflict('webhook_name_taken', `there is a webhook ${name} already`)
            : undefined,
      );
    },
    async find(name) {
      return db.get(row, 'SELECT * FROM webhooks WHERE name = :name OR id = :name', { name });
    },
    async list() {
      return db.all(row, 'SELECT * FROM webhooks ORDER BY name');
    },
    async remove(id) {
      return db.run('DELETE FROM webhooks WHERE id = :id', { id }) > 0;
    },
    async enqueue({ id, webhookId, event, about, body, attempts, nextAt }, most) {
      return (
        db.run(
          `INSERT INTO webhook_deliveries (id, webhook_id, event, about, body, attempts, next_at)
           SELECT :id, :webhookId, :event, :about, :body, :attempts, :nextAt
           WHERE (SELECT count(*) < :messages AND coalesce(sum(octet_length(body)), 0) + octet_length(:body) <= :bytes
                  FROM webhook_deliveries WHERE webhook_id = :webhookId)`,
          { id, webhookId, event, about, body, attempts, nextAt, ...most },
        ) > 0
      );
    },
    async waiting(webhookId, limit) {
      return db.all(
        delivery,
        `SELECT * FROM webhook_deliveries AS one WHERE webhook_id = :webhookId AND NOT EXISTS
           (SELECT 1 FROM webhook_deliveries AS earlier
            WHERE earlier.webhook_id = :webhookId AND earlier.about = one.about AND earlier.rowid < one.rowid)
         ORDER BY next_at, id LIMIT :limit`,
        { webhookId, limit },
      );
    },
    async postpone(id, attempts, nextAt) {
      db.run('UPDATE webhook_deliveries SET attempts = :attempts, next_at = :nextAt WHERE id = :id', {
        id,
        attempts,
        nextAt,
      });
    },
    async delivered(id) {
      db.run('DELETE FROM webhook_deliveries WHERE id = :id', { id });
    },
  };
}

import { z } from 'zod';
import { Internal } from '../../base/errors.ts';
import type { PolicyRow, PolicyRows } from '../store.ts';
import { time } from './columns.ts';
import type { Database } from './database.ts';

const row: z.ZodType<PolicyRow> = z
  .object({
    version: z.int().positive(),
    hash: z.string(),
    text: z.string(),
    source: z.string(),
    applied_by: z.string(),
    applied_at: time,
  })
  .transform(({ applied_by, applied_at, ...rest }) => ({
    ...rest,
    appliedBy: applied_by,
    appliedAt: applied_at,
  }));

export function policyRows(db: Database): PolicyRows {
  return {
    async current() {
      return db.get(row, 'SELECT * FROM policies ORDER BY version DESC LIMIT 1');
    },
    async apply({ hash, text, source, appliedBy, appliedAt }) {
      const applied = db.get(
        row,
        `INSERT INTO policies
         SELECT coalesce(max(version), 0) + 1, :hash, :text, :source, :appliedBy, :appliedAt FROM policies
         RETURNING *`,
        { hash, text, source, appliedBy, appliedAt },
      );
      if (!applied) throw new Internal('store_failed', 'the policy was not stored');
      return applied;
    },
    async history() {
      return db.all(row, 'SELECT * FROM policies ORDER BY version');
    },
  };
}

import { z } from 'zod';
import type { SettingRows } from '../store.ts';
import type { Database } from './database.ts';

const row = z.object({ value: z.string() });

export function settingRows(db: Database): SettingRows {
  return {
    async get(name) {
      return db.get(row, 'SELECT value FROM settings WHERE name = :name', { name })?.value;
    },
    async set(name, value) {
      db.run(
        `INSERT INTO settings VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
        { name, value },
      );
    },
    async remove(name) {
      db.run('DELETE FROM settings WHERE name = :name', { name });
    },
  };
}

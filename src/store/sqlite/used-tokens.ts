import type { UsedTokenRows } from '../store.ts';
import type { Database } from './database.ts';

export function usedTokenRows(db: Database): UsedTokenRows {
  return {
    async take(hash, until, now) {
      db.run('DELETE FROM used_tokens WHERE until < :now', { now });
      return db.run('INSERT OR IGNORE INTO used_tokens VALUES (:hash, :until)', { hash, until }) > 0;
    },
  };
}

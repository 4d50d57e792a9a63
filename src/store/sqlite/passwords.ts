import { z } from 'zod';
import type { PasswordRow, PasswordRows } from '../store.ts';
import { optional, orNull, time } from './columns.ts';
import type { Database } from './database.ts';

const row: z.ZodType<PasswordRow> = z
  .object({
    id: z.string(),
    identity_id: z.string(),
    sign_in_id: optional(z.string()),
    connection_id: z.string(),
    secret_hash: z.string(),
    verifier: z.string(),
    created_at: time,
    expires_at: time,
    revoked_at: optional(time),
  })
  .transform((given) => ({
    id: given.id,
    identityId: given.identity_id,
    signInId: given.sign_in_id,
    connectionId: given.connection_id,
    secretHash: given.secret_hash,
    verifier: given.verifier,
    createdAt: given.created_at,
    expiresAt: given.expires_at,
    revokedAt: given.revoked_at,
  }));

export function passwordRows(db: Database): PasswordRows {
  return {
    async create(password) {
      db.run(
        `INSERT INTO passwords VALUES
         (:id, :identityId, :signInId, :connectionId, :secretHash, :verifier, :createdAt, :expiresAt, NULL)`,
        {
          id: password.id,
          identityId: password.identityId,
          signInId: orNull(password.signInId),
          connectionId: password.connectionId,
          secretHash: password.secretHash,
          verifier: password.verifier,
          createdAt: password.createdAt,
          expiresAt: password.expiresAt,
        },
      );
    },
    async find(id) {
      return db.get(row, 'SELECT * FROM passwords WHERE id = :id', { id });
    },
    async bySecretHash(hash) {
      return db.get(row, 'SELECT * FROM passwords WHERE secret_hash = :hash', { hash });
    },
    async list(identityId) {
      return identityId === undefined
        ? db.all(row, 'SELECT * FROM passwords ORDER BY created_at, id')
        : db.all(row, 'SELECT * FROM passwords WHERE identity_id = :identityId ORDER BY created_at, id', {
            identityId,
          });
    },
    async revoke(id, at) {
      return (
        db.run('UPDATE passwords SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL', { id, at }) > 0
      );
    },
    async forget(before) {
      return db.run('DELETE FROM passwords WHERE expires_at < :before', { before });
    },
  };
}

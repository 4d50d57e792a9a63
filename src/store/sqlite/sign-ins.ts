import { z } from 'zod';
import { ROLES } from '../../identity/roles.ts';
import type { EndUser, SignInRow, SignInRows } from '../store.ts';
import { json, optional, orNull, time } from './columns.ts';
import type { Database } from './database.ts';

/** A person behind a machine, as JSON in one column of sign-ins and sessions. */
export const endUserColumn: z.ZodType<EndUser> = z.object({
  id: z.string(),
  name: z.string(),
  groups: z.array(z.string()),
  vouchedBy: z.enum(['token', 'asserted']),
});

const row: z.ZodType<SignInRow> = z
  .object({
    id: z.string(),
    identity_id: z.string(),
    token_hash: z.string(),
    issuer_name: z.string(),
    issuer_hash: z.string(),
    roles: json(z.array(z.enum(ROLES))),
    groups: json(z.array(z.string())),
    end_user: optional(json(endUserColumn)),
    auth_time: optional(time),
    acr: optional(z.string()),
    created_at: time,
    checked_at: time,
    expires_at: time,
    ended_at: optional(time),
    subject: optional(z.string()),
    issuer_session: optional(z.string()),
    liveness: optional(z.string()),
  })
  .transform((given) => ({
    id: given.id,
    identityId: given.identity_id,
    tokenHash: given.token_hash,
    issuerName: given.issuer_name,
    issuerHash: given.issuer_hash,
    roles: given.roles,
    groups: given.groups,
    endUser: given.end_user,
    authTime: given.auth_time,
    acr: given.acr,
    createdAt: given.created_at,
    checkedAt: given.checked_at,
    expiresAt: given.expires_at,
    endedAt: given.ended_at,
    subject: given.subject,
    issuerSession: given.issuer_session,
    liveness: given.liveness,
  }));

export function signInRows(db: Database): SignInRows {
  return {
    async create(signIn) {
      db.run(
        `INSERT INTO sign_ins VALUES (:id, :identityId, :tokenHash, :issuerName, :issuerHash, :roles, :groups,
         :endUser, :authTime, :acr, :createdAt, :checkedAt, :expiresAt, :endedAt, :subject, :issuerSession, :liveness)`,
        {
          id: signIn.id,
          identityId: signIn.identityId,
          tokenHash: signIn.tokenHash,
          issuerName: signIn.issuerName,
          createdAt: signIn.createdAt,
          endedAt: orNull(signIn.endedAt),
          ...checkedValues(signIn),
        },
      );
    },
    async byTokenHash(hash) {
      return db.get(row, 'SELECT * FROM sign_ins WHERE token_hash = :hash', { hash });
    },
    async find(id) {
      return db.get(row, 'SELECT * FROM sign_ins WHERE id = :id', { id });
    },
    async live(issuerName, now) {
      return db.all(
        row,
        `SELECT * FROM sign_ins WHERE issuer_name = :issuerName AND ended_at IS NULL AND expires_at >= :now
         ORDER BY created_at, id`,
        { issuerName, now },
      );
    },
    async check(id, checked) {
      const changed = db.run(
        `UPDATE sign_ins SET issuer_hash = :issuerHash, roles = :roles, groups = :groups, end_user = :endUser,
         auth_time = :authTime, acr = :acr, checked_at = :checkedAt, expires_at = :expiresAt,
         subject = :subject, issuer_session = :issuerSession, liveness = :liveness
         WHERE id = :id AND ended_at IS NULL`,
        { id, ...checkedValues(checked) },
      );
      return changed > 0;
    },
    async end(id, at) {
      return db.run('UPDATE sign_ins SET ended_at = :at WHERE id = :id AND ended_at IS NULL', { id, at }) > 0;
    },
    async forget(before) {
      return db.run('DELETE FROM sign_ins WHERE expires_at < :before OR ended_at < :before', { before });
    },
  };
}

function checkedValues(checked: Parameters<SignInRows['check']>[1]) {
  return {
    issuerHash: checked.issuerHash,
    roles: JSON.stringify(checked.roles),
    groups: JSON.stringify(checked.groups),
    endUser: checked.endUser === undefined ? null : JSON.stringify(checked.endUser),
    authTime: orNull(checked.authTime),
    acr: orNull(checked.acr),
    checkedAt: checked.checkedAt,
    expiresAt: checked.expiresAt,
    subject: orNull(checked.subject),
    issuerSession: orNull(checked.issuerSession),
    liveness: orNull(checked.liveness),
  };
}

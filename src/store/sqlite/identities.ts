import { z } from 'zod';
import { Conflict } from '../../base/errors.ts';
import { ROLES } from '../../identity/roles.ts';
import type { IdentityRow, IdentityRows } from '../store.ts';
import { json, optional, orNull, time } from './columns.ts';
import type { Database } from './database.ts';

const row: z.ZodType<IdentityRow> = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(['person', 'machine']),
    roles: json(z.array(z.enum(ROLES))),
    groups: json(z.array(z.string())),
    token_hash: z.string(),
    created_at: time,
    expires_at: optional(time),
    revoked_at: optional(time),
    issuer: optional(z.string()),
    subject: optional(z.string()),
  })
  .transform(({ token_hash, created_at, expires_at, revoked_at, issuer, subject, ...rest }) => ({
    ...rest,
    ...(issuer === undefined || subject === undefined ? {} : { origin: { issuer, subject } }),
    tokenHash: token_hash,
    createdAt: created_at,
    expiresAt: expires_at,
    revokedAt: revoked_at,
  }));

export function identityRows(db: Database): IdentityRows {
  return {
    async create(identity) {
      db.run(
        `INSERT INTO identities VALUES
         (:id, :name, :kind, :roles, :groups, :tokenHash, :createdAt, :expiresAt, :revokedAt,
          :issuer, :subject)`,
        {
          id: identity.id,
          name: identity.name,
          kind: identity.kind,
          roles: JSON.stringify(identity.roles),
          groups: JSON.stringify(identity.groups),
          tokenHash: identity.tokenHash,
          createdAt: identity.createdAt,
          expiresAt: orNull(identity.expiresAt),
          revokedAt: orNull(identity.revokedAt),
          issuer: orNull(identity.origin?.issuer),
          subject: orNull(identity.origin?.subject),
        },
        (words) => (words.includes('identities.name') ? nameTaken(identity.name) : undefined),
      );
    },
    async byTokenHash(hash) {
      return db.get(row, 'SELECT * FROM identities WHERE token_hash = :hash', { hash });
    },
    async find(key) {
      return db.get(
        row,
        `SELECT * FROM identities WHERE id = :key OR name = :key
         ORDER BY id = :key DESC, revoked_at IS NULL DESC, created_at DESC, id DESC LIMIT 1`,
        { key },
      );
    },
    async list() {
      return db.all(row, 'SELECT * FROM identities ORDER BY created_at, id');
    },
    async byOrigin({ issuer, subject }) {
      return db.get(row, 'SELECT * FROM identities WHERE issuer = :issuer AND subject = :subject', {
        issuer,
        subject,
      });
    },
    async update(id, { name, kind, roles, groups }) {
      db.run(
        'UPDATE identities SET name = :name, kind = :kind, roles = :roles, groups = :groups WHERE id = :id',
        { id, name, kind, roles: JSON.stringify(roles), groups: JSON.stringify(groups) },
        (words) => (words.includes('identities.name') ? nameTaken(name) : undefined),
      );
    },
    async revoke(id, at) {
      return (
        db.run('UPDATE identities SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL', { id, at }) > 0
      );
    },
  };
}

function nameTaken(name: string): Conflict {
  return new Conflict('identity_name_taken', `there is an identity called "${name}"`, {
    next: 'choose another name, or revoke that identity first: hoopctl identity list',
  });
}

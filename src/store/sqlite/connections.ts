import { z } from 'zod';
import { Conflict, NotFound } from '../../base/errors.ts';
import type { ConnectionRow, ConnectionRows } from '../store.ts';
import { json, optional, orNull, time } from './columns.ts';
import type { Database, Values } from './database.ts';

const row: z.ZodType<ConnectionRow> = z
  .object({
    id: z.string(),
    name: z.string(),
    protocol: z.string(),
    settings: z.string(),
    secret_ref: optional(z.string()),
    labels: json(z.record(z.string(), z.string())),
    created_at: time,
    updated_at: time,
    passphrase_ref: optional(z.string()),
  })
  .transform(({ secret_ref, passphrase_ref, created_at, updated_at, ...rest }) => ({
    ...rest,
    secretRef: secret_ref,
    passphraseRef: passphrase_ref,
    createdAt: created_at,
    updatedAt: updated_at,
  }));

export function connectionRows(db: Database): ConnectionRows {
  const write = (sql: string, connection: ConnectionRow) =>
    db.run(sql, valuesOf(connection), (words) =>
      words.includes('connections.name') ? nameTaken(connection.name) : undefined,
    );
  return {
    async create(connection) {
      write(
        `INSERT INTO connections VALUES
         (:id, :name, :protocol, :settings, :secretRef, :labels, :createdAt, :updatedAt, :passphraseRef)`,
        connection,
      );
    },
    async find(key) {
      return db.get(
        row,
        'SELECT * FROM connections WHERE id = :key OR name = :key ORDER BY id = :key DESC LIMIT 1',
        { key },
      );
    },
    async list() {
      return db.all(row, 'SELECT * FROM connections ORDER BY name');
    },
    async update(connection) {
      const changed = write(
        `UPDATE connections SET name = :name, protocol = :protocol, settings = :settings,
         secret_ref = :secretRef, passphrase_ref = :passphraseRef, labels = :labels, created_at = :createdAt, updated_at = :updatedAt
         WHERE id = :id`,
        connection,
      );
      if (changed === 0) {
        throw new NotFound('connection_not_found', `there is no connection "${connection.name}"`, {
          next: 'hoopctl connection list',
        });
      }
    },
    async remove(id) {
      return db.run('DELETE FROM connections WHERE id = :id', { id }) > 0;
    },
  };
}

function valuesOf(connection: ConnectionRow): Values {
  return {
    id: connection.id,
    name: connection.name,
    protocol: connection.protocol,
    settings: connection.settings,
    secretRef: orNull(connection.secretRef),
    passphraseRef: orNull(connection.passphraseRef),
    labels: JSON.stringify(connection.labels),
    createdAt: connection.createdAt,
    updatedAt: connection.updatedAt,
  };
}

function nameTaken(name: string): Conflict {
  return new Conflict('connection_name_taken', `there is a connection called "${name}"`, {
    next: `choose another name, or change it: hoopctl connection edit ${name}`,
  });
}

import { z } from 'zod';
import { Conflict, UsageError } from '../../base/errors.ts';
import type { SessionFilter, SessionRow, SessionRows } from '../store.ts';
import { count, json, optional, time } from './columns.ts';
import type { Database, Value, Values } from './database.ts';
import { endUserColumn } from './sign-ins.ts';

/** Shorter prefixes fit too many sessions of one day to be meant. */
const SHORTEST_PREFIX = 6;
/** Candidates that an ambiguous prefix lists. */
const MOST_CANDIDATES = 10;

/** A row's field and its column. */
const COLUMNS = {
  id: 'id',
  connectionId: 'connection_id',
  connection: 'connection',
  protocol: 'protocol',
  identityId: 'identity_id',
  identity: 'identity',
  endUser: 'end_user',
  client: 'client',
  startedAt: 'started_at',
  endedAt: 'ended_at',
  status: 'status',
  endReason: 'end_reason',
  statements: 'statements',
  blocked: 'blocked',
  approved: 'approved',
  denied: 'denied',
  recordingSize: 'recording_size',
  recordingSha256: 'recording_sha256',
} as const satisfies Record<keyof SessionRow, string>;

const FIELDS = Object.keys(COLUMNS) as (keyof SessionRow)[];
const SELECT = `SELECT ${FIELDS.map((field) => `${COLUMNS[field]} AS ${field}`).join(', ')} FROM sessions`;
const INSERT = `INSERT INTO sessions (${Object.values(COLUMNS).join(', ')})
  VALUES (${FIELDS.map((field) => `:${field}`).join(', ')})`;

const row: z.ZodType<SessionRow> = z.object({
  id: z.string(),
  connectionId: z.string(),
  connection: z.string(),
  protocol: z.string(),
  identityId: z.string(),
  identity: z.string(),
  endUser: optional(json(endUserColumn)),
  client: z.string(),
  startedAt: time,
  endedAt: optional(time),
  status: z.enum(['open', 'closed', 'interrupted']),
  endReason: optional(z.string()),
  statements: count,
  blocked: count,
  approved: count,
  denied: count,
  recordingSize: optional(count),
  recordingSha256: optional(z.string()),
});

export function sessionRows(db: Database): SessionRows {
  return {
    async open(session) {
      db.run(INSERT, valuesOf(session));
    },
    async update(id, change) {
      const fields = FIELDS.filter((field) => field !== 'id' && field in change);
      if (fields.length === 0) return;
      const sets = fields.map((field) => `${COLUMNS[field]} = :${field}`).join(', ');
      db.run(`UPDATE sessions SET ${sets} WHERE id = :id`, { ...valuesOf(change), id });
    },
    async find(key) {
      const exact = db.get(row, `${SELECT} WHERE id = :key`, { key });
      if (exact || key.length < SHORTEST_PREFIX) return exact;
      const candidates = db.all(
        row,
        `${SELECT} WHERE id >= :key AND id < :key || char(0x10ffff) ORDER BY id LIMIT ${MOST_CANDIDATES}`,
        { key },
      );
      if (candidates.length > 1) throw ambiguous(key, candidates);
      return candidates[0];
    },
    async list(filter) {
      const { where, values } = conditionsOf(filter);
      const limit = filter.limit ?? -1;
      return db.all(row, `${SELECT} ${where} ORDER BY started_at DESC, id DESC LIMIT :limit`, {
        ...values,
        limit,
      });
    },
  };
}

function valuesOf(session: Partial<SessionRow>): Record<string, Value> {
  const fields = FIELDS.filter((field) => field in session);
  return Object.fromEntries(fields.map((field) => [field, columnValue(session[field])]));
}

function columnValue(field: SessionRow[keyof SessionRow]): Value {
  return typeof field === 'object' ? JSON.stringify(field) : (field ?? null);
}

function conditionsOf(filter: SessionFilter): { readonly where: string; readonly values: Values } {
  const conditions: string[] = [];
  const values: Record<string, Value> = {};
  const add = (condition: string, name: string, value: Value | undefined) => {
    if (value === undefined) return;
    conditions.push(condition);
    values[name] = value;
  };
  add(':connection IN (connection, connection_id)', 'connection', filter.connection);
  add(':identity IN (identity, identity_id)', 'identity', filter.identity);
  add('status = :status', 'status', filter.status);
  add('started_at >= :since', 'since', sameForm(filter.since));
  add('started_at <= :until', 'until', sameForm(filter.until));
  if (filter.decision !== undefined) conditions.push(`${COLUMNS[filter.decision]} > 0`);
  return { where: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`, values };
}

/** Times are compared as text, so with milliseconds as the rows have them. */
function sameForm(iso: string | undefined): string | undefined {
  if (iso === undefined) return undefined;
  const time = new Date(iso);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw new UsageError('bad_time', `"${iso}" is not a time`, { next: 'write it as 2026-11-20T10:00:00Z' });
}

function ambiguous(prefix: string, candidates: readonly SessionRow[]): Conflict {
  return new Conflict('ambiguous_id', `more than one session begins with "${prefix}"`, {
    why: candidates.map((session) => session.id).join(', '),
    next: 'give more of the id: hoopctl session list',
  });
}

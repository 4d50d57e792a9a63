import type { Client } from '../api/client.ts';
import { UsageError } from '../base/errors.ts';
import type { Io } from './io.ts';
import { listing } from './listing.ts';
import { printDocument, say, tell } from './output.ts';
import { shownTime } from './times.ts';
import { visible } from './visible-text.ts';

export interface CredentialOptions {
  readonly json: boolean;
  readonly name: string | undefined;
  /** Milliseconds. */
  readonly ttl: number | undefined;
  readonly list: boolean;
  readonly revoke: string | undefined;
}

/** A short-lived password for a client without hoopctl; lists and revokes them. */
export async function run(options: CredentialOptions, io: Io, client: Client): Promise<void> {
  if (options.list) return list(options, io, client);
  if (options.revoke !== undefined) return revoke(options, options.revoke, io, client);
  if (options.name === undefined) {
    throw new UsageError('missing_argument', '<name> is missing', { next: 'hoopctl credential NAME' });
  }
  const { ttl } = options;
  const body = { connection: options.name, ...(ttl === undefined ? {} : { ttl }) };
  const made = await client.call('passwordCreate', { body });
  if (options.json) return printDocument(io, made);
  say(io, made.url);
  tell(
    io,
    visible(
      `user ${made.user}, database ${made.database}, expires ${shownTime(made.expiresAt, io.err, io.now())}`,
    ),
  );
  tell(
    io,
    io.err.paint.dim(`sessions end with it; hoopctl credential --revoke ${made.id} (audit ${made.auditId})`),
  );
}

async function list(options: CredentialOptions, io: Io, client: Client): Promise<void> {
  const { passwords } = await client.call('passwordList', {});
  if (options.json) return printDocument(io, { credentials: passwords });
  const rows = passwords.map((row) => [
    row.id,
    row.identity,
    row.connection,
    row.status,
    shownTime(row.expiresAt, io.out, io.now()),
  ]);
  io.out.write(listing(io.out, ['id', 'identity', 'connection', 'status', 'expires'], rows));
}

async function revoke(options: CredentialOptions, id: string, io: Io, client: Client): Promise<void> {
  const { auditId, cutSessions } = await client.call('passwordRevoke', { params: { id } });
  if (options.json) return printDocument(io, { revoked: id, cutSessions, auditId });
  const ended = cutSessions === 0 ? '' : `, ${cutSessions} sessions ended`;
  say(io, `${visible(id)} revoked${ended} ${io.out.paint.dim(`(audit ${auditId})`)}`);
}

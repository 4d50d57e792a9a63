import type { AnswerOf, Client } from '../api/client.ts';
import { UsageError } from '../base/errors.ts';
import { counted } from '../base/quantities.ts';
import type { Io } from './io.ts';
import { listing } from './listing.ts';
import { printDocument, say, tell, warn } from './output.ts';
import { readTextFile } from './text-file.ts';
import { shownTime } from './times.ts';
import { visible } from './visible-text.ts';

export interface CredentialOptions {
  readonly json: boolean;
  readonly name: string | undefined;
  /** Milliseconds. */
  readonly ttl: number | undefined;
  readonly list: boolean;
  readonly revoke: string | undefined;
  /** A file with a public key that may stand for the password. */
  readonly sshKey: string | undefined;
  /** A file by which a client without hoopctl believes the gateway. */
  readonly rootCertificate: () => Promise<string | undefined>;
}

/** A short-lived password for a client without hoopctl; lists and revokes them. */
export async function run(options: CredentialOptions, io: Io, client: Client): Promise<void> {
  if (options.list) return list(options, io, client);
  if (options.revoke !== undefined) return revoke(options, options.revoke, io, client);
  if (options.name === undefined) {
    throw new UsageError('missing_argument', '<name> is missing', { next: 'hoopctl credential NAME' });
  }
  const { ttl } = options;
  const key = options.sshKey === undefined ? {} : { clientKey: publicKeyIn(options.sshKey) };
  const body = { connection: options.name, ...(ttl === undefined ? {} : { ttl }), ...key };
  const made = await client.call('passwordCreate', { body });
  const root = made.protocol === 'postgres' ? await options.rootCertificate() : undefined;
  const url = root === undefined ? made.url : `${made.url}&sslrootcert=${inUrl(root)}`;
  if (options.json) return printDocument(io, { ...made, url });
  tellShortened(made.expiresAt, ttl, io);
  if (made.knownHost !== undefined) return printSsh(made, made.knownHost, options.sshKey, io);
  say(io, url);
  if (root === undefined) {
    tell(
      io,
      io.err.paint.dim(
        'psql takes a root certificate only by name: &sslrootcert=system (16 and newer) or =FILE',
      ),
    );
  }
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

/** A path within a query; slashes may stay (RFC 3986, section 3.4). */
function inUrl(path: string): string {
  return encodeURIComponent(path).replaceAll('%2F', '/');
}

/** Less than this, in milliseconds, is the time that the call took. */
const SHORTENED = 30_000;

/** A password never outlives the sign-in that it was made in, which may be much shorter than what was asked for. */
function tellShortened(expiresAt: string, ttl: number | undefined, io: Io): void {
  if (ttl === undefined || io.now() + ttl - Date.parse(expiresAt) < SHORTENED) return;
  warn(
    io,
    'it ends before --ttl is over, with your sign-in: what renews a sign-in does not renew its passwords',
  );
}

/** The password alone goes to stdout, for SSHPASS or an askpass program: no SSH client takes it in a URL. */
function printSsh(
  made: AnswerOf<'passwordCreate'>,
  knownHost: string,
  keyFile: string | undefined,
  io: Io,
): void {
  const identity = keyFile === undefined ? '' : ` -i ${keyFile.replace(/\.pub$/, '')}`;
  if (keyFile === undefined) say(io, made.password);
  tell(io, visible(`ssh -p ${made.port}${identity} ${made.user}@${made.host}`));
  tell(io, visible(`known_hosts: ${knownHost}`));
  tell(io, visible(`expires ${shownTime(made.expiresAt, io.err, io.now())}`));
  tell(
    io,
    io.err.paint.dim(`sessions end with it; hoopctl credential --revoke ${made.id} (audit ${made.auditId})`),
  );
}

/** Throws what `readTextFile` throws, UsageError `bad_public_key`. */
function publicKeyIn(path: string): string {
  const text = readTextFile(path).trim();
  if (/^(ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/=]+( [^\r\n]*)?$/.test(text) && text.length <= 2048) return text;
  throw new UsageError('bad_public_key', `${path} holds no public key`, {
    next: 'give the .pub file that ssh-keygen makes beside the private key',
  });
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
  const ended = cutSessions === 0 ? '' : `, ${counted(cutSessions, 'session')} ended`;
  say(io, `${visible(id)} revoked${ended} ${io.out.paint.dim(`(audit ${auditId})`)}`);
}

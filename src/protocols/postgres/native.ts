import type { Socket } from 'node:net';
import { systemClock } from '../../base/clock.ts';
import { HoopError } from '../../base/errors.ts';
import type { NativeAccess, NativeAdmission, NativeCredentials, NativeListener } from '../native-access.ts';
import { acceptClient, type ClientLogin } from './client-side.ts';
import { proveBy, readPassword } from './client-side-authentication.ts';
import { guardOf } from './client-side-guard.ts';
import type { StartupParameters } from './client-side-parameters.ts';
import { ClientRefused } from './client-side-refusal.ts';
import type { HandshakeStream } from './handshake-stream.ts';
import { rejection } from './rejection.ts';
import { makeVerifier, parseVerifier, verifierText } from './scram-server.ts';
import { PostgresTarget } from './target.ts';

/**
 * PostgreSQL clients at a gateway's own listener. The database they name is the connection. TLS is a must: a
 * token goes over it as a cleartext password (docs 54.2.1), a short-lived password by SCRAM.
 */
export const nativePostgres: NativeAccess = {
  async makeVerifier(password) {
    return verifierText(await makeVerifier(password));
  },
  user: ({ user }) => user,
  url: nativeUrl,
  serve,
};

async function serve(socket: Socket, listener: NativeListener): Promise<void> {
  let admission: NativeAdmission | undefined;
  let user = '';
  const logIn: ClientLogin = async (stream, parameters, certificate) => {
    user = parameters.user;
    admission = await admit(stream, parameters, certificate, listener);
  };
  const client = await acceptClient(socket, {
    logIn,
    guard: guardOf(listener.identity),
    requireTls: true,
    tls: listener.tls,
    clock: systemClock,
    cancel: (processId, secret) => listener.cancelKeys.find(processId, secret)?.(),
    refused: (error) => {
      if (error.code === 'wrong_password') listener.loginFailed(user);
    },
  });
  try {
    if (client === undefined || admission === undefined) return;
    listener.loggedIn();
    const { target } = admission;
    if (!(target instanceof PostgresTarget)) return client.reject(rejection(undefined));
    const { openDesk } = admission;
    await target.serveClient(client, socket.remoteAddress ?? 'gone', {
      openDesk,
      cancelKeys: listener.cancelKeys,
    });
  } finally {
    admission?.release();
  }
}

/** Throws ClientRefused. */
async function admit(
  stream: HandshakeStream,
  { user, database }: StartupParameters,
  certificate: string | undefined,
  listener: NativeListener,
): Promise<NativeAdmission> {
  // As in PostgreSQL, a client that names no database means the one called as it is.
  const connection = database ?? user;
  try {
    if (!listener.isPasswordName(user)) {
      return await listener.admit({ how: 'shown', secret: await readPassword(stream), connection });
    }
    const stored = await listener.verifierOf(user);
    const verifier = stored === undefined ? undefined : parseVerifier(stored.verifier);
    await proveBy(stream, { verifier, mockOwner: listener.identity, user, certificate, hint: PASSWORD_HINT });
    return await listener.admit({ how: 'proved', user, connection });
  } catch (error) {
    throw refusal(error, user, connection);
  }
}

const PASSWORD_HINT = 'a short-lived password comes from: hoopctl credential NAME';

function refusal(error: unknown, user: string, connection: string): unknown {
  if (!(error instanceof HoopError) || error instanceof ClientRefused) return error;
  switch (error.kind) {
    case 'login-needed':
      return new ClientRefused('wrong_password', {
        sqlstate: '28P01',
        message: `password authentication failed for user "${user}"`,
        detail: `hoopctl: ${error.message}`,
        hint: `the password is a token, or comes from: hoopctl credential NAME`,
      });
    case 'not-found':
      return new ClientRefused('no_such_connection', {
        sqlstate: '3D000',
        message: `database "${connection}" does not exist`,
        detail: `hoopctl: ${error.message}`,
        hint: 'the database is the name of a connection: hoopctl connection list',
      });
    case 'not-permitted':
      return new ClientRefused(error.code, rejection(error));
    default:
      return error;
  }
}

function nativeUrl(host: string, port: number, { user, password, connection }: NativeCredentials): string {
  const who = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  const where = host.includes(':') ? `[${host}]` : host;
  return `postgresql://${who}@${where}:${port}/${encodeURIComponent(connection)}?sslmode=verify-full`;
}

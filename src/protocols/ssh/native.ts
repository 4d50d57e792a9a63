import type { Socket } from 'node:net';
import { HoopError } from '../../base/errors.ts';
import type { NativeAccess, NativeAdmission, NativeListener, NativeLogin } from '../native-access.ts';
import { acceptClient, type ClientProof } from './client-side.ts';
import { hostInUrl } from './connection.ts';
import { refuseAll } from './refusal.ts';
import { SshTarget } from './target.ts';

/**
 * SSH clients at a gateway's own listener. The user they name is the connection; who they are is told by a token or a
 * short-lived password, which goes through the encrypted transport as RFC 4252 has it, or by the key that a
 * short-lived password was made with.
 */
export const nativeSsh: NativeAccess = {
  // The password itself comes through the encrypted transport.
  makeVerifier: async () => '',
  takesKeys: true,
  user: ({ connection }) => connection,
  url: (host, port, { connection }) => `ssh://${encodeURIComponent(connection)}@${hostInUrl(host)}:${port}`,
  serve,
};

/** Who may come in, or what somebody who has shown who it is has to be told instead. */
type Answer = { readonly admission: NativeAdmission } | { readonly refusal: string };

async function serve(socket: Socket, listener: NativeListener): Promise<void> {
  let answer: Answer | undefined;
  const admit = async (login: NativeLogin): Promise<boolean> => {
    if (answer !== undefined) return false;
    answer = await answerTo(login, listener);
    return answer !== undefined;
  };
  const proof: ClientProof = {
    password: (user, secret) => admit({ how: 'shown', secret, connection: user }),
    keys: async (user) => (await listener.keysFor(user)).map(({ key }) => key),
    async signed(user, line) {
      const [known] = (await listener.keysFor(user)).filter(({ key }) => key === line);
      return known !== undefined && (await admit({ how: 'proved', user: known.user, connection: user }));
    },
  };
  try {
    const client = await acceptClient(socket, {
      proof,
      hostKey: await listener.hostKey(),
      loginFailed: (user) => listener.loginFailed(user),
    });
    if (client === undefined || answer === undefined) return;
    listener.loggedIn();
    if ('refusal' in answer) {
      refuseAll(client, [`hoopctl: ${answer.refusal}`]);
      socket.resume();
      return;
    }
    const { openDesk, target } = answer.admission;
    if (target instanceof SshTarget) await target.serveClient(client, socket, { openDesk });
    else client.end();
  } finally {
    if (answer !== undefined && 'admission' in answer) answer.admission.release();
  }
}

/** Undefined for somebody who has not shown who it is, and so is told nothing. */
async function answerTo(login: NativeLogin, listener: NativeListener): Promise<Answer | undefined> {
  try {
    return { admission: await listener.admit(login) };
  } catch (error) {
    if (!(error instanceof HoopError) || error.kind === 'login-needed') return undefined;
    return { refusal: error.message };
  }
}

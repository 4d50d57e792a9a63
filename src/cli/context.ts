import { type Client, openClient } from '../api/client.ts';
import { assertOwnSocket, socketPath } from '../api/socket-path.ts';
import { LoginNeeded } from '../base/errors.ts';
import { Contexts, type LoginContext } from '../login/contexts.ts';
import { chosenContext, clientOf } from '../login/open.ts';
import { ensureDaemon } from './daemon-process.ts';
import type { Io } from './io.ts';
import { stateDirectory } from './state-directory.ts';
import { givenToken, hasToken, readBootstrapToken, readToken } from './token.ts';

/** What a verb's line in the tree works with. */
export interface Context {
  readonly io: Io;
  readonly json: boolean;
  /** The state directory. */
  readonly home: string;
  /**
   * A client acting as the user's identity, of the gateway in use or of the local daemon, which it starts when it
   * is not running.
   */
  client(): Promise<Client>;
  /** A client of a local daemon that is left alone when it is not running. */
  clientIfRunning(): Client;
  /** The gateway in use, or `local`. */
  login(): LoginContext;
}

export function createContext(io: Io, json: boolean): Context {
  const home = stateDirectory(io.env);
  const login = () => chosenContext(new Contexts(home), io.env);
  const open = () => openClient({ socket: socketPath(home), token: readToken(home, io.env) });
  return {
    io,
    json,
    home,
    login,
    async client() {
      const context = login();
      const token = await actingToken(home, io, context);
      if (context.gateway !== undefined)
        return clientOf(home, io.env, context, token ?? notSignedIn(context));
      const client = token === undefined ? open() : clientOf(home, io.env, context, token);
      await ensureDaemon(home, io);
      return client;
    },
    clientIfRunning() {
      const socket = socketPath(home);
      // That there is no daemon is the better answer than that there is no identity.
      if (!hasToken(home, io.env)) assertOwnSocket(socket);
      const bootstrap = hasToken(home, io.env) ? undefined : readBootstrapToken(home);
      return bootstrap === undefined ? open() : openClient({ socket, token: bootstrap });
    },
  };
}

/** HOOPCTL_TOKEN, else the sign-in of the context, renewed as long as the command runs; undefined for neither. */
async function actingToken(
  home: string,
  io: Io,
  context: LoginContext,
): Promise<string | (() => Promise<string>) | undefined> {
  const given = givenToken(io.env);
  if (given !== undefined) return given;
  if (context.signIn === undefined) return undefined;
  const { keptToken } = await import('./kept-token.ts');
  return keptToken(home, io, context);
}

function notSignedIn({ gateway, name }: LoginContext): never {
  throw new LoginNeeded('not_signed_in', `you are not signed in to ${name}`, {
    why: 'HOOPCTL_TOKEN is not set, and there is no sign-in',
    next: `hoopctl login ${gateway?.url ?? ''}`.trim(),
  });
}

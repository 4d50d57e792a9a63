import { type Client, openClient } from '../api/client.ts';
import { assertOwnSocket, socketPath } from '../api/socket-path.ts';
import { UsageError } from '../base/errors.ts';
import { ensureDaemon } from './daemon-process.ts';
import type { Io } from './io.ts';
import { stateDirectory } from './state-directory.ts';
import { hasToken, readBootstrapToken, readToken } from './token.ts';

/** What a verb's line in the tree works with. */
export interface Context {
  readonly io: Io;
  readonly json: boolean;
  /** The state directory. */
  readonly home: string;
  /** A client acting as the user's identity; starts the daemon when it is not running. */
  client(): Promise<Client>;
  /** A client of a daemon that is left alone when it is not running. */
  clientIfRunning(): Client;
}

export function createContext(io: Io, json: boolean): Context {
  if (io.env.HOOPCTL_GATEWAY !== undefined && io.env.HOOPCTL_GATEWAY !== '') {
    // Falling back to the local daemon would run the command somewhere else than it was meant.
    throw new UsageError(
      'gateway_not_supported',
      'HOOPCTL_GATEWAY is set, and this version knows no gateways',
      {
        next: 'unset HOOPCTL_GATEWAY',
      },
    );
  }
  const home = stateDirectory(io.env);
  const open = () => openClient({ socket: socketPath(home), token: readToken(home, io.env) });
  return {
    io,
    json,
    home,
    async client() {
      const client = open();
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

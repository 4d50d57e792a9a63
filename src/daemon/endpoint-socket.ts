import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { Conflict, NotReachable } from '../base/errors.ts';

/** Where an endpoint can be reached; `remove` takes away what was made for it. */
export interface ListeningPlace {
  /** `127.0.0.1`, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  remove(): void;
}

/** Listens on loopback only. Throws Conflict `port_taken`, NotReachable `cannot_listen`. */
export async function listenOnPort(server: Server, port: number): Promise<ListeningPlace> {
  await listening(
    server,
    () => server.listen({ host: '127.0.0.1', port, exclusive: true }),
    `127.0.0.1:${port}`,
  );
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, remove: () => {} };
}

/**
 * Listens on a Unix socket (0600) in a fresh directory (0700) below `root`.
 * Throws NotReachable `cannot_listen`.
 */
export async function listenOnSocket(
  server: Server,
  root: string,
  local: { readonly name: string; readonly port: number },
): Promise<ListeningPlace> {
  const directory = mkdtempSync(join(root, 'ep-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    const path = join(directory, local.name);
    await listening(server, () => server.listen(path), path);
    await chmod(path, 0o600);
  } catch (error) {
    remove();
    throw error;
  }
  return { host: directory, port: local.port, remove };
}

function listening(server: Server, listen: () => void, where: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(listenError(error, where));
    server.once('error', failed);
    server.once('listening', () => {
      server.off('error', failed);
      resolve();
    });
    listen();
  });
}

function listenError(error: NodeJS.ErrnoException, where: string): Conflict | NotReachable {
  if (error.code === 'EADDRINUSE') {
    return new Conflict('port_taken', `${where} is taken by another process`, {
      why: 'EADDRINUSE',
      next: 'give another --port, or none for an unused one',
      cause: error,
    });
  }
  return new NotReachable('cannot_listen', `hoopctl cannot listen on ${where}`, {
    why: error.code ?? error.message,
    next:
      error.code === 'EACCES' ? 'ports below 1024 need more rights: give a higher --port' : 'hoopctl doctor',
    cause: error,
  });
}

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, pipeline } from 'node:stream';
import { Conflict, NotReachable } from '../base/errors.ts';

/** Where a native client on this machine connects, each connection relayed to a gateway. */
export interface RelayListener {
  /** 127.0.0.1, or the directory of a Unix socket. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  /** Begins to accept. `socketName`: the name of the Unix socket in its directory. */
  serve(open: () => Promise<Duplex>, socketName: string | undefined): Promise<void>;
  close(): void;
  /** Why the last connection could not be relayed. */
  readonly failure: Error | undefined;
}

type Place = { readonly kind: 'tcp'; readonly port: number } | { readonly kind: 'unix' };

/**
 * Takes a place on this machine: a loopback port, or a directory (0700) for a Unix socket. Whoever else connects
 * there gets no further than the gateway's own login. Throws Conflict `port_taken`, NotReachable `cannot_listen`.
 */
export async function openRelayListener(place: Place): Promise<RelayListener> {
  let open: (() => Promise<Duplex>) | undefined;
  let failure: Error | undefined;
  const sockets = new Set<Socket>();
  // Half-open would be lost on the way: a WebSocket has no such state.
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    void relay(socket);
  });

  async function relay(socket: Socket): Promise<void> {
    try {
      if (open === undefined) throw new NotReachable('not_ready', 'the gateway has not answered yet');
      socket.pause();
      const stream = await open();
      if (socket.destroyed) return void stream.destroy();
      pipeline(socket, stream, socket, () => {
        socket.destroy();
        stream.destroy();
      });
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      socket.destroy();
    }
  }

  const directory = place.kind === 'unix' ? mkdtempSync(join(tmpdir(), 'hoopctl-')) : undefined;
  if (place.kind === 'tcp') await listening(server, { host: '127.0.0.1', port: place.port, exclusive: true });
  return {
    host: directory ?? '127.0.0.1',
    port: directory === undefined ? (server.address() as AddressInfo).port : 0,
    get failure() {
      return failure;
    },
    async serve(opener, socketName) {
      open = opener;
      if (directory === undefined) return;
      const path = join(directory, socketName ?? 'socket');
      await listening(server, { path });
      chmodSync(path, 0o600);
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
    },
  };
}

function listening(server: Server, where: Parameters<Server['listen']>[0] & object): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Conflict('port_taken', 'that port is taken by another process', {
              next: 'give another --port, or none for an unused one',
              cause: error,
            })
          : new NotReachable('cannot_listen', 'hoopctl cannot listen on this machine', {
              why: error.code ?? error.message,
              cause: error,
            }),
      );
    });
    server.listen(where, resolve);
  });
}

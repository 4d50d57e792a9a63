import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { NotReachable, UsageError } from '../../base/errors.ts';
import type { Means } from '../protocol.ts';
import { describeConnection, readSettings, type SshSettings } from './connection.ts';
import { connectTarget } from './target-side.ts';

/** How long a connection may take to open, in milliseconds. */
const OPEN_MS = 15_000;
/** Connections that one may lead through. */
export const MOST_JUMPS = 4;

/** How the host of a connection is reached: from this machine, or from the machine of another connection. */
export interface Way {
  /** A fresh stream of bytes to the host. Throws NotReachable `target_unreachable`. */
  open(): Promise<Duplex>;
  /** Leaves the machines on the way; streams end with it. */
  close(): void;
}

/**
 * The way to a host. A jump logs in with the other connection's own credential, after that host has proved itself,
 * and uses one channel for a connection onward (RFC 4254, 7.2) and nothing else of it. What it leads to proves
 * itself as ever, whatever the machine in between makes of the address. Throws what `connectTarget` throws.
 */
export async function wayTo(
  settings: SshSettings,
  means: Means,
  jumps: number,
  signal: AbortSignal | undefined,
): Promise<Way> {
  const { host, jump, port } = settings;
  const failed = (cause: Error) =>
    new NotReachable('target_unreachable', `${describeConnection(settings)} could not be reached`, {
      why: 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message,
      next: 'hoopctl connection test NAME',
    });
  if (jump === undefined) {
    const open = new Set<Socket>();
    return {
      open: async () => {
        const socket = await dial(host, port, signal).catch((error: Error) => Promise.reject(failed(error)));
        open.add(socket);
        socket.once('close', () => open.delete(socket));
        return socket;
      },
      close: () => {
        for (const socket of open) socket.destroy();
      },
    };
  }
  if (jumps >= MOST_JUMPS) {
    throw new UsageError('too_many_jumps', `more than ${MOST_JUMPS} connections lead to ${host}`);
  }
  const through = await means.through(jump);
  const credential = {
    secret: await through.readSecret(),
    passphrase: await through.means.readPassphrase(),
  };
  const { client } = await connectTarget(readSettings(through.settings), credential, through.means, {
    signal,
    jumps: jumps + 1,
  });
  return {
    open: () =>
      new Promise((resolve, reject) => {
        client.forwardOut('127.0.0.1', 0, host, port, (error, stream) =>
          error === undefined ? resolve(stream) : reject(failed(notLed(error, jump))),
        );
      }),
    close: () => client.end(),
  };
}

/** RFC 4254, 5.1: SSH_OPEN_ADMINISTRATIVELY_PROHIBITED. */
const PROHIBITED = 1;

function notLed(error: Error & { readonly reason?: unknown }, jump: string): Error {
  if (error.reason !== PROHIBITED) return error;
  return new Error(`the machine of ${jump} lets no connections through (AllowTcpForwarding)`);
}

function dial(host: string, port: number, signal: AbortSignal | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const stop = () => socket.destroy(new Error('nobody waits for it any more'));
    socket.setTimeout(OPEN_MS, () =>
      socket.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })),
    );
    signal?.addEventListener('abort', stop, { once: true });
    socket.once('close', () => signal?.removeEventListener('abort', stop));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

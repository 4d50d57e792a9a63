import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Client } from '../api/client.ts';
import { UsageError } from '../base/errors.ts';
import type { Io } from './io.ts';
import { openSshEndpoint } from './ssh-endpoint.ts';
import { knownHostsPath, writeKnownHosts } from './ssh-files.ts';
import type { StatedOptions } from './stated.ts';

/** One SSH client over our own standard input and output: what OpenSSH's ProxyCommand is for. */
export async function run(
  options: StatedOptions & { readonly name: string; readonly home: string },
  io: Io,
  client: Client,
): Promise<number> {
  const { endpoint } = await openSshEndpoint(client, options);
  try {
    const { hostKey, host, port, socketName } = endpoint.ready;
    if (hostKey === undefined) {
      throw new UsageError('not_ssh', `${options.name} is no SSH connection`, {
        next: `hoopctl proxy ${options.name}`,
      });
    }
    writeKnownHosts(knownHostsPath(options.home, options.name), hostKey);
    const place = host.startsWith('/') ? { path: join(host, socketName ?? '') } : { host, port };
    await passOn(connect(place), io);
    return 0;
  } finally {
    endpoint.close();
  }
}

function passOn(socket: Socket, io: Io): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.setNoDelay(true);
    socket.once('error', reject);
    socket.once('close', () => resolve());
    io.stdin.pipe(socket);
    socket.pipe(process.stdout);
    // The client that reads our output has gone.
    process.stdout.once('error', () => socket.destroy());
  });
}

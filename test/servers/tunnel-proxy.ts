import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** An HTTP proxy on loopback that opens tunnels (CONNECT) and keeps what it was asked. */
export interface TunnelProxy {
  readonly port: number;
  /** `host:port`, and what came as Proxy-Authorization. */
  readonly tunnels: readonly { readonly to: string; readonly authorization: string }[];
  /** What the next are answered with; 200 opens one. */
  status: number;
  close(): void;
}

/** Every name is on this machine, as far as it is concerned. */
export async function startTunnelProxy(): Promise<TunnelProxy> {
  const tunnels: { to: string; authorization: string }[] = [];
  const open = new Set<Socket>();
  const state = { status: 200 };
  const server = createServer((_, response) => response.writeHead(400).end());
  server.on('connect', (asked, client: Socket, head: Buffer) => {
    const to = asked.url ?? '';
    tunnels.push({ to, authorization: asked.headers['proxy-authorization'] ?? '' });
    client.on('error', () => {});
    if (state.status !== 200) return client.end(`HTTP/1.1 ${state.status} No\r\n\r\n`);
    const onward = connect(Number(to.slice(to.lastIndexOf(':') + 1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(client).pipe(onward);
    });
    open.add(onward);
    onward.on('error', () => client.destroy());
    onward.on('close', () => open.delete(onward));
    client.on('close', () => onward.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(state, {
    port: (server.address() as AddressInfo).port,
    tunnels,
    close() {
      server.close();
      server.closeAllConnections();
      for (const onward of open) onward.destroy();
    },
  });
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** SSLRequest: length 8, code 80877103 (PostgreSQL docs, "Message Formats"). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/** A loopback port whose connections go on to `port` inside TLS, for clients that do not speak it. */
export async function relayThroughTls(
  port: number,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    open.add(client);
    client.on('error', () => {});
    client.once('close', () => open.delete(client));
    void forward(client, port);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function forward(client: Socket, port: number): Promise<void> {
  client.pause();
  const raw = connect({ port, host: '127.0.0.1' });
  raw.setNoDelay(true);
  raw.on('error', () => client.destroy());
  raw.write(SSL_REQUEST);
  const [answer] = (await once(raw, 'data')) as [Buffer];
  if (answer.toString() !== 'S') return void client.destroy();
  raw.pause();
  const secured = connectTls({ socket: raw, rejectUnauthorized: false });
  secured.on('error', () => client.destroy());
  secured.pipe(client);
  client.pipe(secured);
  client.once('close', () => secured.destroy());
}

import { connect, createServer, type Socket } from 'node:net';
import ssh2, { type Connection } from 'ssh2';
import { afterEach, expect, test } from 'vitest';
import { acceptClient, endpointProof } from '../../../src/protocols/ssh/client-side.ts';
import { newHostKey } from '../../../src/protocols/ssh/host-key.ts';

const hostKey = newHostKey().private;
const client = newHostKey();
const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** A client's library on one end and the gateway's on the other. */
async function meet(): Promise<{ socket: Socket; accepted: Promise<Connection | undefined> }> {
  const served = Promise.withResolvers<Socket>();
  const server = createServer((socket) => {
    server.close();
    served.resolve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  const other = await served.promise;
  open.push(socket, other);
  const proof = endpointProof({ user: 'u', password: 'secret', database: '' }, client.public);
  return { socket, accepted: acceptClient(other, { proof, hostKey, loginFailed: () => {} }) };
}

test('a public key that is offered without a signature is no login', async () => {
  const { accepted, socket } = await meet();
  const offering = new ssh2.Client();
  offering.on('error', () => {});
  const key = ssh2.utils.parseKey(client.private);
  if (key instanceof Error) throw key;
  const inside = offering as unknown as { _protocol: Record<string, (...all: unknown[]) => void> };
  let welcome = false;
  offering.once('ready', () => {
    welcome = true;
  });
  const answered = new Promise<void>((resolve) => {
    offering.connect({
      sock: socket,
      username: 'u',
      authHandler: (() => {
        // The key is right: the gateway says that it would do, and that is all.
        inside._protocol.authPK?.('u', key, 'ssh-ed25519');
        setImmediate(resolve);
      }) as never,
    });
  });
  await answered;
  inside._protocol.session?.(0, 1024, 1024);
  expect(await accepted).toBe(undefined);
  expect(welcome).toBe(false);
});

test('the same key with its signature is one', async () => {
  const { accepted, socket } = await meet();
  const signing = new ssh2.Client();
  signing.on('error', () => {});
  signing.connect({ sock: socket, username: 'u', privateKey: client.private });
  expect(await accepted).toBeDefined();
  signing.destroy();
});

test('a key that is made can be read again', () => {
  for (let made = 0; made < 2000; made++)
    expect(ssh2.utils.parseKey(newHostKey().private)).not.toBeInstanceOf(Error);
});

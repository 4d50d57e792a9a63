import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { sizeMessage } from '../../../src/protocols/kubernetes/channels.ts';
import { WebSocketPeer } from '../../../src/protocols/kubernetes/program-peer.ts';

let server: WebSocketServer;
beforeAll(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
});
afterAll(() => server.close());

/** A client and what serves it; `told` is what the client did, in order. */
async function connected() {
  const arriving = once(server, 'connection');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [served] = (await arriving) as [WebSocket];
  served.pause();
  const told: string[] = [];
  const peer = new WebSocketPeer(served);
  const stands = peer.listen({
    input: (bytes) => told.push(`${bytes}`),
    inputEnded: () => told.push('ended'),
    resize: (message) => told.push(`${message}`),
    drained() {},
    gone: () => told.push('gone'),
  });
  void stands.then((all) => told.push(all ? 'stands' : 'never stood'));
  return { client, told, stands };
}

test('the streams of a client stand when it has said something: before that, kubectl drops what it is sent', async () => {
  const { client, told, stands } = await connected();
  // The message that says that the connection stands, and nothing behind it.
  const [first] = (await once(client, 'message')) as [Buffer];
  expect(first).toEqual(Buffer.from([1]));
  expect(told).toEqual([]);
  client.send(Buffer.concat([Buffer.from([4]), sizeMessage({ cols: 90, rows: 20 })]));

  expect(await stands).toBe(true);
  expect(told).toEqual(['{"Width":90,"Height":20}', 'stands']);
  client.terminate();
});

test('a client that says nothing is served all the same, and one that went away is not', async () => {
  const silent = await connected();
  const gone = await connected();
  await once(gone.client, 'open');
  gone.client.terminate();

  expect(await gone.stands).toBe(false);
  expect(await silent.stands).toBe(true);
  silent.client.terminate();
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { hostOf, readFingerprint } from '../../../src/api/client-dial.ts';
import { relayedEndpoint, relayPath } from '../../../src/api/relay-path.ts';
import { LARGEST_FRAME, WebSocketStream } from '../../../src/api/websocket-stream.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Two ends of one WebSocket on loopback. */
async function pair(): Promise<readonly [WebSocketStream, WebSocketStream, WebSocket]> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, maxPayload: LARGEST_FRAME, perMessageDeflate: false });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connected = once(sockets, 'connection') as Promise<[WebSocket]>;
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [accepted] = await connected;
  const there = new WebSocketStream(accepted, '192.0.2.1');
  if (client.readyState !== WebSocket.OPEN) await once(client, 'open');
  closing.push(() => {
    client.terminate();
    server.close();
    server.closeAllConnections();
  });
  return [new WebSocketStream(client), there, client];
}

async function readAll(stream: WebSocketStream): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

describe('a byte stream over a WebSocket', () => {
  test('carries bytes of any size, in order, to the end', async () => {
    const [here, there] = await pair();
    const sent = Buffer.alloc(3 * LARGEST_FRAME + 17, 'hoopctl ');
    here.write(sent.subarray(0, 5));
    here.end(sent.subarray(5));
    expect((await readAll(there)).equals(sent)).toBe(true);
  });

  test('makes a writer wait for a slow reader', async () => {
    const [here, there] = await pair();
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    // 256 MiB would be too much for every buffer in between.
    while (written < 256 * 1024 * 1024 && !here.writableNeedDrain) {
      here.write(chunk);
      written += chunk.length;
      await turn();
      if (here.writableLength > 4 * LARGEST_FRAME) break;
    }
    expect(written).toBeLessThan(64 * 1024 * 1024);
    there.resume();
    await once(here, 'drain');
  });

  test('ends for both when one goes away', async () => {
    const [here, there] = await pair();
    here.on('error', () => {});
    there.on('error', () => {});
    there.resume();
    const closed = once(there, 'close');
    here.destroy();
    await closed;
    expect(there.destroyed).toBe(true);
  });

  test('takes no text messages', async () => {
    const [, there, client] = await pair();
    const failed = once(there, 'error');
    client.send('text');
    expect(String((await failed)[0])).toContain('text message');
  });

  test('says who is at the other end', async () => {
    const [, there] = await pair();
    expect(there.remoteAddress).toBe('192.0.2.1');
  });
});

describe('words of the way', () => {
  test('a gateway’s URL is https, host and port', () => {
    expect(hostOf('gateway.example')).toEqual({
      host: 'gateway.example',
      port: 443,
      url: 'https://gateway.example',
    });
    expect(hostOf('https://[::1]:8443/')).toMatchObject({ host: '::1', port: 8443 });
    for (const bad of [
      'http://gateway',
      'https://user@gateway',
      'https://gateway/path',
      'https://',
      'ftp://x',
    ]) {
      expect(() => hostOf(bad)).toThrow(/gateway/);
    }
  });

  test('a fingerprint may have colons, capitals and the name of its hash', () => {
    const plain = 'ab'.repeat(32);
    expect(readFingerprint(plain)).toBe(plain);
    expect(readFingerprint(`SHA256:${'AB:'.repeat(31)}AB`)).toBe(plain);
    expect(readFingerprint('ab'.repeat(31))).toBeUndefined();
  });

  test('an endpoint’s path leads back to its id, and nothing else does', () => {
    expect(relayedEndpoint(relayPath('ep-0123456789abcdefgh'))).toBe('ep-0123456789abcdefgh');
    for (const path of [
      '/v1/endpoints//relay',
      '/v1/endpoints/a/b/relay',
      '/v1/endpoints/a%2fb/relay',
      '/relay',
    ]) {
      expect(relayedEndpoint(path)).toBeUndefined();
    }
  });
});

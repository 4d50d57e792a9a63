import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readingInto, slice, takeChunks, takeFirst } from '../../../src/base/chunks.ts';

let server: Server;
beforeAll(async () => {
  server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

/** Both ends of a connection: an accepted socket, and one that reads into the common buffer. */
async function pair(): Promise<{ accepted: Socket; dialled: Socket }> {
  const arriving = once(server, 'connection');
  const { port } = server.address() as AddressInfo;
  const dialled: Socket = connect({ port, host: '127.0.0.1', onread: readingInto(() => dialled) });
  const [accepted] = (await arriving) as [Socket];
  return { accepted, dialled };
}

/** Bytes that tell their place. */
const numbered = (length: number) =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

describe.each(['accepted', 'dialled'] as const)('chunks of the socket that was %s', (side) => {
  it('come whole and in order, and stay as they were while more arrives', async () => {
    const sockets = await pair();
    const reader = sockets[side];
    const writer = side === 'accepted' ? sockets.dialled : sockets.accepted;
    const bytes = numbered(3_000_000);
    const chunks: Buffer[] = [];
    takeChunks(reader, (chunk) => void chunks.push(chunk));
    for (let at = 0; at < 1000; at += 10) writer.write(bytes.subarray(at, at + 10));
    writer.end(bytes.subarray(1000));
    await once(reader, 'end');

    expect(chunks.length).toBeGreaterThan(10);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    reader.destroy();
  });

  it('stop while it is paused, the writer waits for the reader, and go on in order', async () => {
    const sockets = await pair();
    const reader = sockets[side];
    const writer = side === 'accepted' ? sockets.dialled : sockets.accepted;
    const bytes = numbered(16_000_000);
    const chunks: Buffer[] = [];
    let pauses = 0;
    takeChunks(reader, (chunk) => {
      expect(reader.isPaused()).toBe(false);
      chunks.push(chunk);
      if (pauses === 40) return;
      pauses++;
      reader.pause();
      // Two turns of the event loop, in which more arrives.
      setImmediate(() => setImmediate(() => reader.resume()));
    });
    writer.end(bytes);
    await once(reader, 'end');

    expect(pauses).toBe(40);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    reader.destroy();
  });

  it('are not read without bound while it stays paused', async () => {
    const sockets = await pair();
    const reader = sockets[side];
    const writer = side === 'accepted' ? sockets.dialled : sockets.accepted;
    takeChunks(reader, () => reader.pause());
    const piece = Buffer.alloc(1024 * 1024);
    // More than the kernel takes for both sides.
    for (let written = 0; written < 64; written++) writer.write(piece);
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);

    expect(reader.readableLength).toBeLessThanOrEqual(reader.readableHighWaterMark + 64 * 1024);
    expect(writer.writableLength).toBeGreaterThan(0);
    reader.destroy();
    writer.destroy();
  });
});

it('takes chunks of a stream that is no socket', async () => {
  const stream = new PassThrough();
  const chunks: Buffer[] = [];
  takeChunks(stream, (chunk) => void chunks.push(chunk));
  stream.write('one');
  stream.end('two');
  await once(stream, 'end');

  expect(Buffer.concat(chunks).toString()).toBe('onetwo');
});

it('takes a chunk before the stream has queued it', () => {
  const socket = new Socket();
  const lengths: number[] = [];
  takeChunks(socket, () => void lengths.push(socket.readableLength));
  socket.resume();
  socket.push(Buffer.from('x'));

  expect(lengths).toEqual([0]);
  socket.destroy();
});

it('gives the chunk itself for all of it, and a view of a part', () => {
  const chunk = Buffer.from('abcdef');

  expect(slice(chunk, 0, 6)).toBe(chunk);
  expect(slice(chunk, 1, 3).toString()).toBe('bc');
  expect(slice(chunk, 1, 3).buffer).toBe(chunk.buffer);
});

it('takes the first of one and of several', () => {
  const [a, b] = [Buffer.from('a'), Buffer.from('b')];
  const chunks = [a, b];
  takeFirst(chunks);
  expect(chunks).toEqual([b]);
  takeFirst(chunks);
  expect(chunks).toEqual([]);
});

import { type OnReadOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Calls `take` for each chunk of a stream that flows, the one consumer it has from now on.
 *
 * A socket gives what it has read to its own `push`. While it flows and nothing waits, that would emit the chunk at
 * once and then look, a tick later, whether there is room for more; the tick costs more than all the rest. So `push`
 * hands such a chunk over itself. Everything else (paused, something waits, the end) takes the stream's own way, and
 * so do all chunks of whatever reads in another manner than by `push`.
 */
export function takeChunks(stream: Duplex, take: (chunk: Buffer) => void): void {
  stream.on('data', take);
  if (!(stream instanceof Socket)) return;
  const queue = stream.push;
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    const atOnce = stream.readableFlowing === true && stream.readableLength === 0 && chunk instanceof Buffer;
    if (!atOnce) return queue.call(stream, chunk, encoding);
    take(chunk);
    return true;
  };
}

/** Where sockets read into, as large as libuv reads at once. Each chunk is copied out before the next is read. */
const arrived = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * How `connect` reads the socket it makes: into one buffer for all, from which a chunk takes what it needs. By itself
 * each read makes room for 64 KiB, and gives most of it back.
 */
export function readingInto(socket: () => Socket): OnReadOpts {
  return {
    buffer: arrived,
    callback: (length) => {
      const chunk = Buffer.allocUnsafe(length);
      arrived.copy(chunk, 0, 0, length);
      return socket().push(chunk);
    },
  };
}

/** Bytes of a chunk from `start` to `end`: the chunk itself where that is all of it. */
export function slice(chunk: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end);
}

/** Takes away the first chunk. There is seldom a second, and then nothing has to be moved up. */
export function takeFirst(chunks: Buffer[]): void {
  if (chunks.length === 1) chunks.pop();
  else chunks.shift();
}

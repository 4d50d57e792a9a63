import type { RawData, WebSocket } from 'ws';

/** What may wait to be sent to one side before the other is no longer read, in bytes. */
export const HIGH_WATER = 1024 * 1024;
/** How long a peer may take to answer that it closes, in milliseconds. */
const CLOSING_MS = 2000;

export function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/** Codes that only say how a connection was lost may not be sent (RFC 6455 section 7.4.1). */
export function closeSoon(socket: WebSocket, code: number): void {
  const sendable =
    code >= 1000 && code <= 4999 && code !== 1004 && code !== 1005 && code !== 1006 && code !== 1015;
  socket.close(sendable ? code : 1000);
  const timer = setTimeout(() => socket.terminate(), CLOSING_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

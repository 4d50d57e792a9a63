import type { Duplex } from 'node:stream';

/** A peer that stops in the middle of a message is given up after this many milliseconds. */
export const STALL_LIMIT = 60_000;
/** A client may leave what it is sent unread for longer: somebody may be looking at it in a pager. */
export const UNREAD_LIMIT = 15 * 60_000;

/**
 * Calls `stalled` when nothing arrived for `STALL_LIMIT` while `middle()` says that something should. `arrivals`
 * counts the pieces that came.
 */
export function watchArrival(
  socket: Duplex,
  arrivals: () => number,
  middle: () => boolean,
  stalled: () => void,
): void {
  let seen = -1;
  let since = Date.now();
  every(STALL_LIMIT / 4, socket, () => {
    const now = arrivals();
    if (now !== seen || !middle()) since = Date.now();
    else if (Date.now() - since >= STALL_LIMIT) stalled();
    seen = now;
  });
}

/** Calls `stalled` when a client that is owed bytes has taken none of them for `UNREAD_LIMIT`. */
export function watchReader(socket: Duplex, stalled: () => void): void {
  let left = 0;
  let moved = Date.now();
  every(UNREAD_LIMIT / 15, socket, () => {
    if (!socket.writableNeedDrain || socket.writableLength !== left) moved = Date.now();
    left = socket.writableLength;
    if (Date.now() - moved >= UNREAD_LIMIT) stalled();
  });
}

function every(ms: number, socket: Duplex, look: () => void): void {
  const timer = setInterval(look, ms);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
}

/** Gives the other side a moment to take the last bytes, then frees the socket. */
export function destroySoon(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), 2000);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  STALL_LIMIT,
  UNREAD_LIMIT,
  watchArrival,
  watchReader,
} from '../../../src/protocols/postgres/stalls.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a client that does not read', () => {
  it('38: is told of when it has taken nothing for the whole time, and not before', () => {
    const socket = new PassThrough({ writableHighWaterMark: 10, readableHighWaterMark: 10 });
    const stalled = vi.fn();
    watchReader(socket, stalled);
    vi.advanceTimersByTime(2 * UNREAD_LIMIT);
    expect(stalled).not.toHaveBeenCalled();
    for (let i = 0; i < 10; i++) socket.write('0123456789');
    vi.advanceTimersByTime(UNREAD_LIMIT - 1);
    expect(stalled).not.toHaveBeenCalled();
    vi.advanceTimersByTime(UNREAD_LIMIT);
    expect(stalled).toHaveBeenCalled();
    socket.destroy();
  });

  it('has all the time it needs while it takes a little', () => {
    const socket = new PassThrough({ writableHighWaterMark: 10, readableHighWaterMark: 10 });
    const stalled = vi.fn();
    watchReader(socket, stalled);
    for (let i = 0; i < 100; i++) socket.write('0123456789');
    for (let i = 0; i < 40; i++) {
      vi.advanceTimersByTime(UNREAD_LIMIT / 2);
      socket.read(10);
    }
    expect(stalled).not.toHaveBeenCalled();
    socket.destroy();
  });
});

describe('a peer that stops in the middle of a message', () => {
  it('48: is told of after the limit, but not between messages', () => {
    const socket = new PassThrough();
    const stalled = vi.fn();
    let middle = false;
    let arrivals = 0;
    watchArrival(
      socket,
      () => arrivals,
      () => middle,
      stalled,
    );
    vi.advanceTimersByTime(3 * STALL_LIMIT);
    expect(stalled).not.toHaveBeenCalled();
    middle = true;
    for (; arrivals < 10; arrivals++) vi.advanceTimersByTime(STALL_LIMIT - 1);
    expect(stalled).not.toHaveBeenCalled();
    vi.advanceTimersByTime(STALL_LIMIT);
    expect(stalled).not.toHaveBeenCalled();
    vi.advanceTimersByTime(STALL_LIMIT);
    expect(stalled).toHaveBeenCalled();
    socket.destroy();
  });
});

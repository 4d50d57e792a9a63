import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import {
  HandshakeQueue,
  MAX_UNAUTHENTICATED,
  MAX_WAITING,
  PATIENCE,
  SILENCE,
} from '../../../src/daemon/handshake-queue.ts';

class FakeSocket extends EventEmitter {
  bytesRead = 0;
  destroyed = false;

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

function stillClock() {
  const timers: { at: number; fire: () => void }[] = [];
  let now = 0;
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after(ms, fire) {
      timers.push({ at: now + ms, fire });
      return () => {};
    },
  };
  const pass = (ms: number) => {
    const end = now + ms;
    for (;;) {
      timers.sort((a, b) => a.at - b.at);
      const next = timers[0];
      if (next === undefined || next.at > end) break;
      timers.shift();
      now = next.at;
      next.fire();
    }
    now = end;
  };
  return { clock, pass, timers };
}

function queue() {
  const served: FakeSocket[] = [];
  const { clock, pass, timers } = stillClock();
  const handshakes = new HandshakeQueue(clock, (socket) => served.push(socket as unknown as FakeSocket));
  const enter = (count: number, bytesRead = 0) =>
    Array.from({ length: count }, () => {
      const socket = Object.assign(new FakeSocket(), { bytesRead });
      handshakes.enter(socket as unknown as Socket);
      return socket;
    });
  const leave = (socket: FakeSocket) => handshakes.leave(socket as unknown as Socket);
  return { handshakes, served, enter, leave, pass, timers };
}

it('18: a thousand half-open handshakes keep a client out for no longer than one silence', () => {
  const { served, enter, pass } = queue();
  enter(1000);
  const [honest] = enter(1, 100);
  expect(served).not.toContain(honest);
  pass(2 * SILENCE);
  expect(served).toContain(honest);
  expect(honest?.destroyed).toBe(false);
});

it('18: nor do those that begin and go no further, for longer than their patience', () => {
  const { served, enter, pass } = queue();
  enter(1000, 9);
  const [honest] = enter(1, 100);
  pass(PATIENCE - 1);
  expect(served).not.toContain(honest);
  pass(SILENCE);
  expect(served).toContain(honest);
});

it('silent ones are left alone while nobody waits for their place', () => {
  const { enter, pass, timers } = queue();
  const sockets = enter(MAX_UNAUTHENTICATED);
  pass(10 * PATIENCE);
  expect(sockets.filter(({ destroyed }) => destroyed)).toEqual([]);
  expect(timers).toEqual([]);
});

it('a pool that opens all its connections at once is served whole, each as one before it is done', () => {
  const { served, enter, leave } = queue();
  const pool = enter(MAX_UNAUTHENTICATED + MAX_WAITING, 100);
  expect(served).toHaveLength(MAX_UNAUTHENTICATED);
  for (let i = 0; i < served.length; i++) leave(served[i] as FakeSocket);
  expect(new Set(served)).toEqual(new Set(pool));
  expect(pool.filter(({ destroyed }) => destroyed)).toEqual([]);
});

it('one more than may wait costs the one that has waited longest its place', () => {
  const { served, enter } = queue();
  enter(MAX_UNAUTHENTICATED, 1);
  const [oldest, ...others] = enter(MAX_WAITING, 1);
  const [newest] = enter(1, 1);
  expect(oldest?.destroyed).toBe(true);
  expect([...others, newest].filter((socket) => socket?.destroyed)).toEqual([]);
  served[0]?.destroy();
  expect(served.at(-1)).toBe(newest);
});

import { describe, expect, it } from 'vitest';
import { AWAKE_FOR, BusyPoll, TAKEN_AWAY } from '../../../src/daemon/busy-poll.ts';

/** A loop driven by hand: `turn` runs what was put off, after so many milliseconds. */
function world() {
  let now = 1000;
  let later: (() => void) | undefined;
  const poll = new BusyPoll(
    () => now,
    (next) => {
      expect(later).toBeUndefined();
      later = next;
    },
  );
  return {
    poll,
    pass: (ms: number) => {
      now += ms;
    },
    turn: () => {
      const next = later;
      later = undefined;
      next?.();
    },
    get awake() {
      return later !== undefined;
    },
  };
}

describe('polling for a moment', () => {
  it('begins after a row of short gaps, and ends when nothing came', () => {
    const one = world();
    for (let i = 0; i < 40 && !one.awake; i++) {
      one.pass(AWAKE_FOR / 2);
      one.poll.moved('s-1');
    }
    expect(one.awake).toBe(true);
    for (let i = 0; i < 5; i++) {
      one.pass(AWAKE_FOR / 10);
      one.turn();
      expect(one.awake).toBe(true);
    }
    one.pass(AWAKE_FOR);
    one.turn();
    expect(one.awake).toBe(false);
  });

  it('does not begin for somebody who types, or a target that is far away', () => {
    const one = world();
    for (let i = 0; i < 1000; i++) {
      one.pass(i % 2 === 0 ? AWAKE_FOR / 2 : AWAKE_FOR * 2);
      one.poll.moved('s-1');
      expect(one.awake).toBe(false);
    }
  });

  it('gives up after a few long gaps', () => {
    const one = world();
    for (let i = 0; i < 100; i++) one.poll.moved('s-1');
    one.pass(AWAKE_FOR);
    one.turn();
    one.poll.moved('s-1');
    expect(one.awake).toBe(false);
  });

  it('leaves the processor to others where several sessions are at work', () => {
    const one = world();
    for (let i = 0; i < 1000; i++) {
      one.pass(AWAKE_FOR / 10);
      one.poll.moved(`s-${i % 2}`);
      expect(one.awake).toBe(false);
    }
    for (let i = 0; i < 40; i++) one.poll.moved('s-1');
    expect(one.awake).toBe(true);
    one.poll.moved('s-2');
    one.turn();
    expect(one.awake).toBe(false);
  });

  it('leaves it to whoever took it away meanwhile', () => {
    const one = world();
    for (let i = 0; i < 40; i++) one.poll.moved('s-1');
    one.pass(TAKEN_AWAY * 2);
    one.poll.moved('s-1');
    one.turn();
    expect(one.awake).toBe(false);
    for (let i = 0; i < 10; i++) one.poll.moved('s-1');
    expect(one.awake).toBe(false);
  });
});

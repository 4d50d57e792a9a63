/** Time as an argument, so that a test drives a day in a microsecond. */
export interface Clock {
  /** Wall clock, milliseconds since 1970 UTC. */
  now(): number;
  /** Milliseconds that never run backwards; expiry is measured by this one. */
  monotonic(): number;
  /** Calls `fire` once after `ms` milliseconds; returns the cancellation. Never keeps a process alive. */
  after(ms: number, fire: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fire) {
    // setTimeout overflows above 2^31-1 ms and would fire at once.
    const timer = setTimeout(fire, Math.min(ms, 2_147_483_647));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

import type { Clock } from '../../../src/base/clock.ts';

/** Time that moves only when a test says so; what was due fires on the way. */
export class ManualClock implements Clock {
  #wall = Date.parse('2026-11-20T10:00:00.000Z');
  #monotonic = 0;
  #timers = new Set<{ readonly at: number; readonly fire: () => void }>();

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, fire: () => void): () => void {
    const timer = { at: this.#monotonic + ms, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > this.#monotonic || !this.#timers.delete(timer)) continue;
      timer.fire();
    }
  }

  /** Somebody set the machine's clock. */
  setWall(ms: number): void {
    this.#wall = ms;
  }

  get timers(): number {
    return this.#timers.size;
  }
}

import { isIPv6 } from 'node:net';
import type { Clock } from '../../base/clock.ts';

const MINUTE = 60_000;
/** Addresses that are remembered; beyond it the one that failed longest ago is forgotten. */
const MOST_ADDRESSES = 10_000;

interface Record {
  failures: number;
  /** Of the clock that never runs backwards. */
  began: number;
}

/** Counts failed logins by address. An address with too many in a minute waits for the minute's end. */
export class LoginThrottle {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #records = new Map<string, Record>();

  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Milliseconds until this address may try again; 0 when it may now. */
  waitFor(address: string): number {
    const record = this.#current(network(address));
    if (record === undefined || record.failures < this.#most) return 0;
    return record.began + MINUTE - this.#clock.monotonic();
  }

  failed(address: string): void {
    const key = network(address);
    const record = this.#current(key) ?? { failures: 0, began: this.#clock.monotonic() };
    record.failures += 1;
    // To the end of the map's order: the oldest goes first.
    this.#records.delete(key);
    this.#records.set(key, record);
    if (this.#records.size <= MOST_ADDRESSES) return;
    for (const oldest of this.#records.keys()) {
      this.#records.delete(oldest);
      return;
    }
  }

  #current(key: string): Record | undefined {
    const record = this.#records.get(key);
    if (record === undefined || this.#clock.monotonic() - record.began < MINUTE) return record;
    this.#records.delete(key);
    return undefined;
  }
}

/** One customer's network: an IPv4 address, or the first 64 bits of an IPv6 one (RFC 6177). */
export function network(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  const plain = address.replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

import { createHash, type Hash } from 'node:crypto';
import type { PathUse } from './requests.ts';

/** What a handle stands for. */
export interface OpenFile {
  readonly path: string;
  readonly uses: readonly PathUse[];
  readonly directory: boolean;
  readonly read: Flow;
  readonly written: Flow;
}

/** One direction of a file: how much went, and its hash as long as it went from the beginning in order. */
export class Flow {
  readonly #hash: Hash = createHash('sha256');
  #next = 0n;
  #ordered = true;
  bytes = 0;

  add(offset: bigint, data: Buffer): void {
    this.bytes += data.length;
    this.#ordered &&= offset === this.#next;
    if (!this.#ordered) return;
    this.#hash.update(data);
    this.#next += BigInt(data.length);
  }

  /** Null when parts were left out or came twice. */
  sha256(): string | null {
    return this.#ordered ? this.#hash.digest('hex') : null;
  }
}

export function openFile(path: string, uses: readonly PathUse[], directory: boolean): OpenFile {
  return { path, uses, directory, read: new Flow(), written: new Flow() };
}

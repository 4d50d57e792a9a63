import type { Clock } from '../base/clock.ts';
import { Internal } from '../base/errors.ts';
import type { Protocol, Target } from '../protocols/protocol.ts';
import type { SecretVault } from '../secret/reference.ts';
import type { ConnectionRow, Store } from '../store/store.ts';
import { meansOf } from './ways.ts';

/** How long a target nobody uses keeps its catalog, in milliseconds. */
const LINGER = 60_000;

export interface TargetLease {
  readonly target: Target;
  /** Idempotent. */
  release(): void;
}

interface Entry {
  readonly target: Target;
  /** Of the connection row; an edited connection is another target. */
  readonly updatedAt: string;
  users: number;
  cancelClosing: () => void;
}

export interface TargetsDeps {
  readonly clock: Clock;
  readonly vault: Pick<SecretVault, 'read'>;
  readonly store: { readonly connections: Pick<Store['connections'], 'find'> };
  readonly protocols: readonly Protocol[];
  /** The installation's key for masks of strategy `hash`. */
  readonly maskKey: () => Promise<Uint8Array>;
  readonly failed: (error: unknown) => void;
}

/** Open targets by connection: what sessions, endpoints and explanations of one connection share. */
export class Targets {
  readonly #deps: TargetsDeps;
  readonly #open = new Map<string, Entry>();

  constructor(deps: TargetsDeps) {
    this.#deps = deps;
  }

  find(connection: Pick<ConnectionRow, 'protocol'>): Protocol | undefined {
    return this.#deps.protocols.find(({ name }) => name === connection.protocol);
  }

  /** Throws Internal `unknown_protocol` for a row of a protocol this version does not speak. */
  protocolOf(connection: Pick<ConnectionRow, 'protocol'>): Protocol {
    const protocol = this.find(connection);
    if (protocol) return protocol;
    throw new Internal('unknown_protocol', `this version does not speak "${connection.protocol}"`);
  }

  /** The secret is read each time a session opens, never kept here. */
  async lease(connection: ConnectionRow): Promise<TargetLease> {
    const maskKey = await this.#deps.maskKey();
    let entry = this.#open.get(connection.id);
    if (entry && entry.updatedAt !== connection.updatedAt) {
      this.drop(connection.id);
      entry = undefined;
    }
    entry ??= this.#add(connection, maskKey);
    entry.cancelClosing();
    entry.users += 1;
    const leased = entry;
    let released = false;
    return {
      target: leased.target,
      release: () => {
        if (released) return;
        released = true;
        leased.users -= 1;
        if (leased.users > 0 || this.#open.get(connection.id) !== leased) return;
        leased.cancelClosing = this.#deps.clock.after(LINGER, () => this.drop(connection.id));
      },
    };
  }

  /** Uses a target for one call. */
  async with<T>(connection: ConnectionRow, use: (target: Target) => Promise<T>): Promise<T> {
    const lease = await this.lease(connection);
    try {
      return await use(lease.target);
    } finally {
      lease.release();
    }
  }

  /** The connection changed or went: its target is closed; who still uses it finds out. */
  drop(connectionId: string): void {
    const entry = this.#open.get(connectionId);
    if (!entry) return;
    this.#open.delete(connectionId);
    entry.cancelClosing();
    entry.target.close().catch(this.#deps.failed);
  }

  async close(): Promise<void> {
    const entries = [...this.#open.values()];
    this.#open.clear();
    for (const entry of entries) entry.cancelClosing();
    await Promise.allSettled(entries.map((entry) => entry.target.close()));
  }

  #add(connection: ConnectionRow, maskKey: Uint8Array): Entry {
    const { secretRef } = connection;
    const readSecret = async () => (secretRef === undefined ? undefined : this.#deps.vault.read(secretRef));
    const means = meansOf(this.#deps, connection);
    const target = this.protocolOf(connection).openTarget(connection.settings, readSecret, maskKey, means);
    const entry: Entry = { target, updatedAt: connection.updatedAt, users: 0, cancelClosing: () => {} };
    this.#open.set(connection.id, entry);
    return entry;
  }
}

import { Conflict, NotFound, UsageError } from '../base/errors.ts';
import type { Means, Protocol } from '../protocols/protocol.ts';
import type { SecretVault } from '../secret/reference.ts';
import type { ConnectionRow, Store } from '../store/store.ts';

/** Connections on the way to another; more is a mistake. */
const MOST_JUMPS = 4;

export interface WaysDeps {
  readonly store: { readonly connections: Pick<Store['connections'], 'find'> };
  readonly vault: Pick<SecretVault, 'read'>;
}

/** What a connection has beside settings and secret; `passphrase` is one that is not kept yet. */
export function meansOf(
  deps: WaysDeps,
  row: Pick<ConnectionRow, 'protocol' | 'passphraseRef'>,
  passphrase?: string,
): Means {
  const read = async (reference: string | undefined) =>
    reference === undefined ? undefined : deps.vault.read(reference);
  return {
    readPassphrase: async () => passphrase ?? (await read(row.passphraseRef)),
    async through(name) {
      const found = await waypoint(deps, row.protocol, name);
      return {
        settings: found.settings,
        readSecret: () => read(found.secretRef),
        means: meansOf(deps, found),
      };
    },
  };
}

/**
 * The connections that lead to one, nearest first. Throws NotFound `no_such_jump`, UsageError `bad_jump` and
 * `too_many_jumps`, Conflict `jump_cycle`.
 */
export async function wayTo(
  deps: WaysDeps,
  protocol: Protocol,
  row: Pick<ConnectionRow, 'id' | 'name' | 'settings'>,
): Promise<readonly ConnectionRow[]> {
  const way: ConnectionRow[] = [];
  let name = protocol.through?.(row.settings);
  while (name !== undefined) {
    const next = await waypoint(deps, protocol.name, name);
    if (next.id === row.id || way.some(({ id }) => id === next.id)) {
      const names = [row.name, ...way.map((one) => one.name), next.name].join(' → ');
      throw new Conflict('jump_cycle', `the way to ${row.name} leads in a circle: ${names}`, {
        next: 'give another --jump, or none',
      });
    }
    if (way.length === MOST_JUMPS) {
      throw new UsageError('too_many_jumps', `more than ${MOST_JUMPS} connections lead to ${row.name}`);
    }
    way.push(next);
    name = protocol.through?.(next.settings);
  }
  return way;
}

/** Those that lead through a connection, directly or by others between. */
export async function leadThrough(
  store: Pick<Store, 'connections'>,
  protocolOf: (row: ConnectionRow) => Protocol | undefined,
  row: ConnectionRow,
): Promise<readonly ConnectionRow[]> {
  const rows = await store.connections.list();
  const found: ConnectionRow[] = [];
  const names = [row.name, row.id];
  // Each round finds those one step further away.
  for (let round = 0; round <= MOST_JUMPS; round++) {
    const further = rows.filter((one) => {
      const name = protocolOf(one)?.through?.(one.settings);
      return name !== undefined && names.includes(name) && !found.includes(one);
    });
    found.push(...further);
    names.push(...further.flatMap(({ id, name }) => [id, name]));
  }
  return found;
}

async function waypoint(deps: WaysDeps, protocol: string, name: string): Promise<ConnectionRow> {
  const found = await deps.store.connections.find(name);
  if (found === undefined) {
    throw new NotFound('no_such_jump', `there is no connection ${name} to jump through`, {
      next: 'hoopctl connection list',
    });
  }
  if (found.protocol === protocol) return found;
  throw new UsageError('bad_jump', `${found.name} is no ${protocol} connection`, {
    next: `jump through one that is: --jump NAME`,
  });
}

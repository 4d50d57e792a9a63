import { NotFound } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import type { ConnectionRow, IdentityRow, Store } from '../store/store.ts';

/** Throws NotFound `no_such_connection`, with the nearest name. */
export async function findConnection(store: Store, idOrName: string): Promise<ConnectionRow> {
  const row = await store.connections.find(idOrName);
  if (row) return row;
  const names = (await store.connections.list()).map(({ name }) => name);
  throw new NotFound(
    'no_such_connection',
    `there is no connection ${idOrName}${didYouMean(idOrName, names)}`,
    { next: 'hoopctl connection list' },
  );
}

/** Throws NotFound `no_such_identity`. */
export async function findIdentity(store: Store, idOrName: string): Promise<IdentityRow> {
  const row = await store.identities.find(idOrName);
  if (row) return row;
  throw new NotFound('no_such_identity', `there is no identity ${idOrName}`, {
    next: 'hoopctl identity list',
  });
}

import type { Client } from '../../api/client.ts';
import type { Io } from '../io.ts';
import { listing } from '../listing.ts';
import { printDocument } from '../output.ts';
import { shownTime } from '../times.ts';

export async function run(options: { readonly json: boolean }, io: Io, client: Client): Promise<void> {
  const { identities } = await client.call('identityList', {});
  if (options.json) return printDocument(io, { identities });
  const rows = identities.map(({ name, kind, roles, groups, status, expiresAt }) => [
    name,
    kind,
    roles.join(', '),
    groups.length === 0 ? '-' : groups.join(', '),
    status,
    shownTime(expiresAt, io.out, io.now(), 'never'),
  ]);
  io.out.write(listing(io.out, ['name', 'kind', 'roles', 'groups', 'status', 'expires'], rows));
}

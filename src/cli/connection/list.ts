import type { Client } from '../../api/client.ts';
import type { Io } from '../io.ts';
import { listing } from '../listing.ts';
import { printDocument, tell } from '../output.ts';

export async function run(options: { readonly json: boolean }, io: Io, client: Client): Promise<void> {
  const { connections } = await client.call('connectionList', {});
  if (options.json) return printDocument(io, { connections });
  if (connections.length === 0) {
    return tell(
      io,
      'there are no connections yet\nNext: hoopctl connection add NAME --url postgres://user@host/db',
    );
  }
  const rows = connections.map(({ name, target, labels, mayConnect, credential }) => [
    name,
    target,
    mayConnect ? 'connect' : 'nothing (policy)',
    labelText(labels),
    credential ?? '-',
  ]);
  io.out.write(listing(io.out, ['name', 'target', 'you may', 'labels', 'credential'], rows));
}

export function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '-' : pairs.join(' ');
}

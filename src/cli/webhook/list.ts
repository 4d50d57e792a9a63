import type { Client } from '../../api/client.ts';
import type { Io } from '../io.ts';
import { listing } from '../listing.ts';
import { printDocument } from '../output.ts';
import { shownTime } from '../times.ts';

export async function run(options: { readonly json: boolean }, io: Io, client: Client): Promise<void> {
  const { webhooks } = await client.call('webhookList', {});
  if (options.json) return printDocument(io, { webhooks });
  const rows = webhooks.map(({ name, format, host, createdAt }) => [
    name,
    format,
    host,
    shownTime(createdAt, io.out, io.now(), '-'),
  ]);
  io.out.write(listing(io.out, ['name', 'format', 'host', 'added'], rows));
}

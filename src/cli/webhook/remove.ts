import type { Client } from '../../api/client.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';
import { agree } from '../questions.ts';
import { visible } from '../visible-text.ts';

export async function run(
  options: { readonly json: boolean; readonly name: string; readonly yes: boolean },
  io: Io,
  client: Client,
): Promise<void> {
  const name = visible(options.name);
  await agree(io, options.yes, `Remove the webhook ${name} and what waits for it?`);
  const { auditId } = await client.call('webhookRemove', { params: { name: options.name } });
  if (options.json) return printDocument(io, { removed: options.name, auditId });
  say(io, `${name} removed ${io.out.paint.dim(`(audit ${auditId})`)}`);
}

import type { Client } from '../../api/client.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';
import { agree } from '../questions.ts';
import { visible } from '../visible-text.ts';
import { cutText } from './report.ts';

export async function run(
  options: { readonly json: boolean; readonly name: string; readonly yes: boolean },
  io: Io,
  client: Client,
): Promise<void> {
  const connection = await client.call('connectionShow', { params: { name: options.name } });
  const what = visible(`${connection.name} (${connection.target})`);
  await agree(io, options.yes, `Remove ${what} and its stored credential?`);
  const { auditId, cutSessions } = await client.call('connectionRemove', { params: { name: connection.id } });
  if (options.json)
    return printDocument(io, { removed: connection.name, id: connection.id, cutSessions, auditId });
  say(
    io,
    `${visible(connection.name)} removed${cutText(cutSessions)} ${io.out.paint.dim(`(audit ${auditId})`)}`,
  );
}

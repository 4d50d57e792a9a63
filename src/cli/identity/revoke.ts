import type { Client } from '../../api/client.ts';
import { cutText } from '../connection/report.ts';
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
  await agree(io, options.yes, `Revoke ${name} and cut its live sessions?`);
  const { auditId, cutSessions } = await client.call('identityRevoke', { params: { name: options.name } });
  if (options.json) return printDocument(io, { revoked: options.name, cutSessions, auditId });
  say(io, `${name} revoked${cutText(cutSessions)} ${io.out.paint.dim(`(audit ${auditId})`)}`);
}

import type { Client } from '../../api/client.ts';
import { Conflict } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';
import { agree } from '../questions.ts';
import { visible } from '../visible-text.ts';

export async function run(
  options: { readonly json: boolean; readonly session: string; readonly yes: boolean },
  io: Io,
  client: Client,
): Promise<void> {
  const session = await client.call('sessionShow', { params: { id: options.session } });
  if (session.status !== 'open') {
    throw new Conflict('session_ended', `session ${session.id} has ended already`, {
      ...(session.endReason === null ? {} : { why: session.endReason }),
      next: `hoopctl replay ${session.id}`,
    });
  }
  const what = visible(`session ${session.id} of ${session.identity} on ${session.connection}`);
  await agree(io, options.yes, `Kill ${what}?`);
  const { auditId } = await client.call('sessionKill', { params: { id: session.id } });
  if (options.json) return printDocument(io, { killed: session.id, auditId });
  say(io, `${what} killed ${io.out.paint.dim(`(audit ${auditId})`)}`);
}

import type { Client } from '../../api/client.ts';
import { acting } from '../acting.ts';
import type { Io } from '../io.ts';
import { fields } from '../listing.ts';
import { printDocument, say, tell } from '../output.ts';
import { shownTime } from '../times.ts';
import { visible } from '../visible-text.ts';

export async function run(
  options: { readonly json: boolean; readonly session: string },
  io: Io,
  client: Client,
): Promise<void> {
  const session = await client.call('sessionShow', { params: { id: options.session } });
  if (options.json) return printDocument(io, { session });
  const now = io.now();
  say(io, io.out.paint.bold(visible(session.id)));
  io.out.write(
    fields(io.out, [
      ['status', session.endReason === null ? session.status : `${session.status}: ${session.endReason}`],
      ['who', `${acting(session.identity, session.endUser)} from ${session.client}`],
      ['where', `${session.connection} (${session.protocol})`],
      ['started', shownTime(session.startedAt, io.out, now)],
      ['ended', shownTime(session.endedAt, io.out, now)],
      ['statements', String(session.statements)],
      ['blocked', String(session.blocked)],
      ['approved', String(session.approved)],
      ['denied', String(session.denied)],
    ]),
  );
  tell(io, `Next: hoopctl replay ${visible(session.id)}`);
}

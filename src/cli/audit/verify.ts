import type { Client } from '../../api/client.ts';
import { counted } from '../../base/quantities.ts';
import type { Io } from '../io.ts';
import { printDocument, say, warn } from '../output.ts';
import { whileWaiting } from '../spinner.ts';
import { shownTime } from '../times.ts';
import { visible } from '../visible-text.ts';

/** Exit 0 only when every entry, signature and recording is as it was written. */
export async function run(options: { readonly json: boolean }, io: Io, client: Client): Promise<number> {
  const result = await whileWaiting(
    io,
    'verifying the audit log and all recordings',
    client.call('auditVerify', {}),
  );
  const exitCode = result.ok ? 0 : 1;
  if (options.json) {
    printDocument(io, result);
    return exitCode;
  }
  const { firstBroken, head } = result;
  if (firstBroken !== null) {
    const { seq, session } = firstBroken;
    const where = [seq === null ? '' : `entry #${seq}`, session === null ? '' : `session ${session}`]
      .filter((part) => part !== '')
      .join(', ');
    say(
      io,
      `${io.out.paint.red('✘')} ${visible(`first broken: ${where === '' ? '' : `${where}: `}${firstBroken.message}`)}`,
    );
  }
  for (const problem of result.problems) warn(io, visible(problem));
  const counts = `${counted(result.entries, 'audit entry', 'audit entries')}, ${counted(result.recordings, 'recording')}`;
  if (result.ok) say(io, `${io.out.paint.green('✔')} ${counts}: nothing was changed, removed or cut`);
  else say(io, `${counts} checked`);
  if (head !== null) {
    say(
      io,
      `  signed up to #${head.seq} ${shownTime(head.signedAt, io.out, io.now())} · ${head.hash.slice(0, 16)}`,
    );
  }
  if (result.unsigned > 0)
    say(io, `  ${counted(result.unsigned, 'entry', 'entries')} after the last signature`);
  return exitCode;
}

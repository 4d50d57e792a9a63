import type { Client } from '../../api/client.ts';
import type { Io } from '../io.ts';
import { fields } from '../listing.ts';
import { printDocument, say } from '../output.ts';
import { shownTime } from '../times.ts';
import { visible } from '../visible-text.ts';
import { labelText } from './list.ts';

export async function run(
  options: { readonly json: boolean; readonly name: string },
  io: Io,
  client: Client,
): Promise<void> {
  const connection = await client.call('connectionShow', { params: { name: options.name } });
  if (options.json) return printDocument(io, { connection });
  say(io, io.out.paint.bold(visible(connection.name)));
  io.out.write(
    fields(io.out, [
      ['id', connection.id],
      ['target', connection.target],
      ['url', connection.url],
      ['labels', labelText(connection.labels)],
      ['credential', connection.credential ?? '-'],
      ['you may', connection.mayConnect ? 'connect' : 'nothing: no rule of the policy allows it'],
      ['added', shownTime(connection.createdAt, io.out, io.now())],
    ]),
  );
}

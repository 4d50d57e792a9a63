import type { Client } from '../../api/client.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';
import { whileWaiting } from '../spinner.ts';
import { visible } from '../visible-text.ts';
import { printReport, reachedText } from './report.ts';

export async function run(
  options: { readonly json: boolean; readonly name: string },
  io: Io,
  client: Client,
): Promise<void> {
  const call = client.call('connectionTest', { params: { name: options.name } });
  const report = await whileWaiting(io, `testing ${options.name}`, call);
  if (options.json) return printDocument(io, { connection: options.name, report });
  say(io, `${io.out.paint.green('✔')} ${visible(reachedText(options.name, report))}`);
  printReport(io, report);
}

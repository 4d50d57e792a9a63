import type { Client } from '../../api/client.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';

export async function run(
  options: { readonly json: boolean; readonly id: string },
  io: Io,
  client: Client,
): Promise<void> {
  const approval = await client.call('approvalWithdraw', { params: { id: options.id } });
  if (options.json) printDocument(io, { approval });
  else say(io, `${io.out.paint.green('✔')} ${approval.id} withdrawn`);
}

import type { Client } from '../api/client.ts';
import type { Io } from './io.ts';
import { printDocument, say } from './output.ts';

/** Says something of a request without deciding it; its requester reads it. */
export async function run(
  options: { readonly json: boolean; readonly id: string; readonly text: string },
  io: Io,
  client: Client,
): Promise<void> {
  const said = await client.call('approvalComment', {
    params: { id: options.id },
    body: { text: options.text },
  });
  if (options.json) return printDocument(io, said);
  const audit = io.out.paint.dim(`(audit ${said.auditId})`);
  say(io, `${io.out.paint.green('✔')} told the requester of ${said.approval.id} ${audit}`);
}

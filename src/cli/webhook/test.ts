import type { Client } from '../../api/client.ts';
import { NotReachable } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';
import { visible } from '../visible-text.ts';

export async function run(
  options: { readonly json: boolean; readonly name: string },
  io: Io,
  client: Client,
): Promise<void> {
  const { ok, why } = await client.call('webhookTest', { params: { name: options.name } });
  if (!ok) {
    throw new NotReachable('webhook_failed', `${options.name} did not take the message`, {
      ...(why === null ? {} : { why }),
      retryable: true,
    });
  }
  if (options.json) return printDocument(io, { webhook: options.name, ok });
  say(io, `${visible(options.name)} took the message`);
}

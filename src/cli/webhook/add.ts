import type { Client } from '../../api/client.ts';
import { UsageError } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { printDocument, tell } from '../output.ts';
import { secretFromStdin } from '../questions.ts';
import { visible } from '../visible-text.ts';

export interface AddOptions {
  readonly json: boolean;
  readonly name: string;
  readonly urlStdin: boolean;
  readonly format: 'json' | 'slack';
}

export async function run(options: AddOptions, io: Io, client: Client): Promise<void> {
  const { name, format } = options;
  const url = await askedUrl(options, io);
  const { webhook, key, auditId } = await client.call('webhookAdd', { body: { name, format, url } });
  if (options.json) return printDocument(io, { webhook, key, auditId });
  tell(io, `${visible(`${webhook.name} · ${webhook.format} · ${webhook.host}`)} (audit ${auditId})`);
  tell(io, 'Its messages are signed with this key, which is not shown again:');
  io.out.write(`${key}\n`);
}

function askedUrl({ urlStdin, name }: AddOptions, io: Io): Promise<string> {
  if (urlStdin) return secretFromStdin(io, '--url-stdin');
  if (io.prompts !== undefined) return io.prompts.secret('URL:');
  throw new UsageError('url_missing', 'the URL of the webhook is missing', {
    next: `echo "$URL" | hoopctl webhook add ${name} --url-stdin`,
  });
}

import type { AnswerOf, Client } from '../../api/client.ts';
import type { Io, TextOut } from '../io.ts';
import { printDocument } from '../output.ts';
import { visible } from '../visible-text.ts';
import { readPolicy } from './file.ts';

export async function run(
  options: { readonly json: boolean; readonly file: string },
  io: Io,
  client: Client,
): Promise<void> {
  const diff = await client.call('policyDiff', { body: readPolicy(options.file) });
  if (options.json) printDocument(io, diff);
  else io.out.write(diffText(diff, io.out));
}

/** The changed lines, then the change in words. */
export function diffText(diff: AnswerOf<'policyDiff'>, out: TextOut): string {
  if (!diff.changed) return 'nothing changes\n';
  const { paint } = out;
  const lines = diff.diff.map((line) => {
    const text = visible(line);
    if (line.startsWith('+')) return paint.green(text);
    return line.startsWith('-') ? paint.red(text) : line.startsWith('@@') ? paint.cyan(text) : text;
  });
  const words = diff.summary.map((line) => `  ${visible(line)}`);
  return `${[...lines, ...(words.length > 0 ? ['', 'in words', ...words] : [])].join('\n')}\n`;
}

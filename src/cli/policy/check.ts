import type { Client } from '../../api/client.ts';
import { counted } from '../../base/quantities.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';
import { visible } from '../visible-text.ts';
import { readPolicy } from './file.ts';
import { problemText } from './problems.ts';

/** Exit 2, as for any other misspelt word, when the file has errors. */
const HAS_ERRORS = 2;

export async function run(
  options: { readonly json: boolean; readonly file: string },
  io: Io,
  client: Client,
): Promise<number> {
  const body = readPolicy(options.file);
  const result = await client.call('policyCheck', { body });
  const exitCode = result.ok ? 0 : HAS_ERRORS;
  if (options.json) {
    printDocument(io, { file: options.file, ...result });
    return exitCode;
  }
  for (const problem of result.problems) io.out.write(problemText(problem, options.file, body.text, io.out));
  const errors = result.problems.filter(({ severity }) => severity === 'error').length;
  const counts = `${counted(result.rules, 'rule')}, ${counted(result.masks, 'mask')}`;
  say(
    io,
    result.ok
      ? `${io.out.paint.green('✔')} ${visible(options.file)}: ${counts} · ${result.hash?.slice(0, 12) ?? ''}`
      : `${io.out.paint.red('✘')} ${visible(options.file)}: ${counted(errors, 'error')}`,
  );
  return exitCode;
}

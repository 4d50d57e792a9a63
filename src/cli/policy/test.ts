import type { Client } from '../../api/client.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';
import { readTextFile } from '../text-file.ts';
import { visible } from '../visible-text.ts';

export async function run(
  options: { readonly json: boolean; readonly file: string; readonly policy: string | undefined },
  io: Io,
  client: Client,
): Promise<number> {
  const tests = readTextFile(options.file);
  const policy = options.policy === undefined ? {} : { policy: readTextFile(options.policy) };
  const outcome = await client.call('policyTest', { body: { tests, ...policy } });
  const exitCode = outcome.failed === 0 ? 0 : 1;
  if (options.json) {
    printDocument(io, outcome);
    return exitCode;
  }
  const { paint } = io.out;
  for (const { as, connection, statement, expect, got, rule, ok } of outcome.results) {
    const what = visible(`${as} on ${connection}: ${statement}`);
    if (ok) say(io, `${paint.green('✔')} ${what} ${paint.dim(`→ ${visible(got)}`)}`);
    else
      say(
        io,
        `${paint.red('✘')} ${what}\n    expected ${visible(expect)}, got ${visible(got)} (${visible(rule ?? 'default')})`,
      );
  }
  say(io, `${outcome.passed} passed, ${outcome.failed} failed`);
  return exitCode;
}

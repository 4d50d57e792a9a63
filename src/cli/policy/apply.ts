import type { Client } from '../../api/client.ts';
import { UsageError } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';
import { agree } from '../questions.ts';
import { visible } from '../visible-text.ts';
import { diffText } from './diff.ts';
import { readPolicy } from './file.ts';
import { problemText } from './problems.ts';

export async function run(
  options: { readonly json: boolean; readonly file: string; readonly yes: boolean },
  io: Io,
  client: Client,
): Promise<void> {
  const body = readPolicy(options.file);
  const { ok, problems } = await client.call('policyCheck', { body });
  for (const problem of problems) io.err.write(problemText(problem, options.file, body.text, io.err));
  if (!ok) {
    throw new UsageError('bad_policy', `${options.file} has errors; the applied policy stays`, {
      next: `hoopctl policy check ${options.file}`,
    });
  }
  if (!options.yes) {
    io.err.write(diffText(await client.call('policyDiff', { body }), io.err));
    await agree(io, false, 'Apply this policy?');
  }
  const applied = await client.call('policyApply', { body });
  if (options.json) return printDocument(io, applied);
  const state = applied.changed ? 'applied' : 'already applied';
  say(
    io,
    `${io.out.paint.green('✔')} ${visible(options.file)} ${state}: version ${applied.version} · ${applied.hash.slice(0, 12)} ${io.out.paint.dim(`(audit ${applied.auditId})`)}`,
  );
}

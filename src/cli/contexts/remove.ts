import { UsageError } from '../../base/errors.ts';
import { LOCAL } from '../../login/contexts.ts';
import { openSignIns } from '../../login/open.ts';
import { signOut } from '../../login/sign-in.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';
import { agree } from '../questions.ts';
import { visible } from '../visible-text.ts';

export interface RemoveOptions {
  readonly home: string;
  readonly json: boolean;
  readonly name: string;
  readonly yes: boolean;
}

/** Signs out of a gateway and forgets it. */
export async function run(options: RemoveOptions, io: Io): Promise<void> {
  const deps = openSignIns(options.home, io.env);
  const context = deps.contexts.require(options.name);
  if (context.name === LOCAL) {
    throw new UsageError('local_stays', 'the daemon on this machine cannot be removed', {
      next: 'hoopctl logout local forgets its sign-in',
    });
  }
  await agree(io, options.yes, visible(`Sign out of ${context.name} and forget it?`));
  if (context.signIn !== undefined) await signOut(deps, context);
  deps.contexts.remove(context.name);
  if (options.json) return printDocument(io, { removed: context.name });
  say(io, `${visible(context.name)} removed`);
}

import { HoopError } from '../base/errors.ts';
import type { LoginContext } from '../login/contexts.ts';
import { openSignIns } from '../login/open.ts';
import { sessionToken } from '../login/sign-in.ts';
import type { Io } from './io.ts';
import { warn } from './output.ts';
import { visible } from './visible-text.ts';

/** How often a running command looks whether its sign-in is due, in milliseconds. */
const LOOK_EVERY = 10_000;

/**
 * The token of a sign-in, now and as long as the command runs: sessions end when the sign-in behind them expires,
 * so that it is renewed in time. Throws LoginNeeded, NotReachable when there is none to begin with.
 */
export async function keptToken(home: string, io: Io, context: LoginContext): Promise<() => Promise<string>> {
  const deps = openSignIns(home, io.env);
  await sessionToken(deps, context.name);
  let told = false;
  let renewing = false;
  setInterval(() => {
    if (renewing) return;
    renewing = true;
    sessionToken(deps, context.name)
      .then(
        () => {
          told = false;
        },
        (error: unknown) => {
          if (told) return;
          told = true;
          const why = error instanceof HoopError ? error.message : String(error);
          warn(io, visible(`the sign-in to ${context.name} could not be renewed: ${why}`));
        },
      )
      .finally(() => {
        renewing = false;
      });
  }, LOOK_EVERY).unref();
  return () => sessionToken(deps, context.name);
}

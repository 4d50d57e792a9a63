import { chosenContext, openSignIns } from '../../login/open.ts';
import { signOut } from '../../login/sign-in.ts';
import type { Io } from '../io.ts';
import { printDocument, say, warn } from '../output.ts';
import { visible } from '../visible-text.ts';

export interface LogoutOptions {
  readonly home: string;
  readonly json: boolean;
  /** A context's name; the one in use when left out. */
  readonly context: string | undefined;
}

/** Ends the session token and its sessions, revokes the refresh token, forgets both. */
export async function run(options: LogoutOptions, io: Io): Promise<void> {
  const deps = openSignIns(options.home, io.env);
  const context =
    options.context === undefined
      ? chosenContext(deps.contexts, io.env)
      : deps.contexts.require(options.context);
  const renews = context.signIn?.provider?.refresh !== undefined;
  const { ended, revoked } = await signOut(deps, context);
  if (options.json) return printDocument(io, { context: context.name, signedOut: true, ended, revoked });
  say(io, `${io.out.paint.green('✔')} signed out of ${visible(context.name)}`);
  if (context.signIn?.renewAt !== null && !ended) {
    warn(io, 'the session token could not be ended there; it ends by itself within the hour');
  }
  if (renews && !revoked) warn(io, 'the provider did not revoke the refresh token; it is forgotten here');
}

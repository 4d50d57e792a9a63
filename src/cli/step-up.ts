import { NotPermitted } from '../base/errors.ts';
import { Contexts, type LoginContext } from '../login/contexts.ts';
import type { Io } from './io.ts';
import { givenToken } from './token.ts';

/** Has the person who acts sign in anew. */
export type StepUp = () => Promise<void>;

/**
 * How whoever is at this terminal signs in anew, as deciding may ask for. Undefined where nobody is there, or where
 * what acts is no person who signed in here through an OpenID provider.
 */
export function stepUpAt(home: string, context: LoginContext, io: Io, json: boolean): StepUp | undefined {
  const { signIn } = context;
  const provider = signIn?.provider;
  const isMachine = provider?.clientSecret !== undefined || provider?.clientKey !== undefined;
  if (json || io.prompts === undefined || givenToken(io.env) !== undefined) return undefined;
  if (signIn === undefined || provider === undefined || isMachine) return undefined;
  return async () => {
    const { run } = await import('./login/login.ts');
    await run(
      {
        home,
        json: false,
        fresh: true,
        browser: true,
        issuer: provider.issuer,
        clientId: provider.clientId,
        scopes: provider.scopes,
        audience: provider.audience ?? undefined,
        allowHttpLoopback: provider.allowHttpLoopback,
        target: undefined,
        name: undefined,
        ca: undefined,
        fingerprint: undefined,
        clientSecretStdin: false,
        privateKey: undefined,
        tokenStdin: false,
        onBehalfOf: undefined,
        saml: undefined,
        codeStdin: false,
      },
      // What is decided is the result; that somebody signed in is on the way to it.
      { ...io, out: io.err },
    );
    const now = new Contexts(home).require(context.name).signIn?.identity;
    if (now === signIn.identity) return;
    throw new NotPermitted(
      'other_identity',
      `the browser signed in ${now ?? 'nobody'}, not ${signIn.identity}`,
      {
        next: 'hoopctl whoami; nothing was decided',
      },
    );
  };
}

import { createHash } from 'node:crypto';
import { newSecret } from '../base/ids.ts';
import type { LoginContext } from './contexts.ts';
import { keepSignIn, type SignInDeps } from './sign-in.ts';

/**
 * Signs in through a SAML provider of the gateway: `atBrowser` sends a person to the address and answers the code
 * that the browser shows in the end. Throws what the gateway says.
 */
export async function signInBySaml(
  deps: SignInDeps,
  context: LoginContext,
  provider: string,
  atBrowser: (begun: { readonly url: string; readonly expiresAt: string }) => Promise<string>,
): Promise<void> {
  const client = deps.clientOf(context, 'none');
  const secret = newSecret(32);
  const challenge = createHash('sha256').update(secret).digest('base64url');
  const begun = await client.call('samlBegin', { params: { name: provider }, body: { challenge } });
  const code = await atBrowser(begun);
  const signedIn = await client.call('samlCollect', { body: { id: begun.id, secret, code } });
  await keepSignIn(deps, context, signedIn, {});
}

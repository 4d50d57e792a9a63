import { LoginNeeded } from '../base/errors.ts';
import { formatDuration } from '../base/quantities.ts';
import type { SignInRow } from '../store/store.ts';
import type { SignInSource } from './issuer-schema.ts';

/**
 * Whether a person has shown itself to its issuer lately enough, and well enough, to decide: what the approver
 * passphrase proves for identities of this machine. Throws LoginNeeded `step_up_needed`.
 */
export function requireFreshSignIn(signIn: SignInRow, issuer: SignInSource | undefined, now: number): void {
  if (!issuer) throw needed('the policy no longer trusts its issuer');
  const { acr, max_age: longest } = issuer.step_up;
  const at = signIn.authTime === undefined ? undefined : Date.parse(signIn.authTime);
  if (at === undefined) throw needed('the issuer does not say when you signed in (auth_time)');
  // A clock that was set back would make an old one fresh.
  if (at > now + issuer.leeway) throw needed('you signed in later than it is here: are the clocks right?');
  // Written so that an unreadable time is too old.
  if (!(now - at <= longest + issuer.leeway))
    throw needed(`you signed in more than ${formatDuration(longest)} ago`);
  if (acr !== undefined && !(signIn.acr !== undefined && acr.includes(signIn.acr))) {
    throw needed(`it asks for a sign-in with ${acr.join(' or ')} (acr)`);
  }
}

function needed(why: string): LoginNeeded {
  return new LoginNeeded('step_up_needed', 'deciding needs a fresh sign-in', {
    why,
    next: 'hoopctl login --fresh',
    retryable: true,
  });
}

import type { AnswerOf, Client } from '../api/client.ts';
import { HoopError, LoginNeeded } from '../base/errors.ts';
import type { Environment } from '../network/proxy.ts';
import type { SecretVault } from '../secret/reference.ts';
import type { Contexts, KeptProvider, KeptSignIn, LoginContext } from './contexts.ts';
import type { ProviderTokens } from './grants.ts';
import { withLock } from './lock.ts';

export interface SignInDeps {
  readonly contexts: Contexts;
  readonly vault: Pick<SecretVault, 'store' | 'read' | 'remove'>;
  /** A client of the context's gateway or of the local daemon. */
  readonly clientOf: (context: LoginContext, token: string) => Client;
  /** Wall clock, milliseconds since 1970. */
  readonly now: () => number;
  /** For HTTPS_PROXY and NO_PROXY. */
  readonly environment: Environment;
}

/** How tokens are had anew, with its secrets in clear: what is kept goes into the vault. */
export interface ProviderFacts extends Omit<KeptProvider, 'refresh' | 'clientSecret' | 'clientKey'> {
  readonly refreshToken?: string | undefined;
  readonly clientSecret?: string | undefined;
  /** PEM. */
  readonly clientKey?: string | undefined;
}

type SignedIn = AnswerOf<'tokenExchange'>;
/** Tokens of a provider, or one from elsewhere. */
type Shown = Pick<ProviderTokens, 'token'> & Partial<ProviderTokens>;

/** A session token is renewed when this part of its life is over. */
const RENEW_AFTER = 0.75;

/**
 * Exchanges a token of an identity provider for a session token and keeps both what it gave and how to go on.
 * Throws what the daemon says of the token.
 */
export async function signInWith(
  deps: SignInDeps,
  context: LoginContext,
  tokens: Shown,
  facts: { readonly onBehalfOf?: string | undefined; readonly provider?: ProviderFacts | undefined },
): Promise<SignedIn> {
  const { onBehalfOf } = facts;
  const body = { ...shown(tokens, facts.provider), ...(onBehalfOf === undefined ? {} : { onBehalfOf }) };
  const signedIn = await deps.clientOf(context, 'none').call('tokenExchange', { body });
  const provider = facts.provider && (await keptProvider(deps, context.name, facts.provider));
  await keepSignIn(deps, context, signedIn, {
    ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
    ...(provider === undefined ? {} : { provider }),
  });
  return signedIn;
}

/** Keeps the token of an identity that was created there, once it has shown that it works. */
export async function signInByToken(
  deps: SignInDeps,
  context: LoginContext,
  token: string,
): Promise<AnswerOf<'whoami'>> {
  const answer = await deps.clientOf(context, token).call('whoami', {});
  const { expiresAt, name } = answer.identity;
  const reference = await deps.vault.store(account(context.name, 'token'), token);
  deps.contexts.put({ ...context, signIn: { identity: name, token: reference, expiresAt, renewAt: null } });
  return answer;
}

/**
 * The session token of a context, renewed when its time has come. Throws LoginNeeded `not_signed_in`,
 * `login_ended` and what the provider says; NotReachable.
 */
export async function sessionToken(deps: SignInDeps, name: string): Promise<string> {
  const { signIn } = deps.contexts.require(name);
  if (signIn === undefined) throw notSignedIn(name);
  if (!isDue(signIn, deps.now())) return deps.vault.read(signIn.token);
  return withLock(deps.contexts.directory, async () => {
    // Another process may have done it in between.
    const context = deps.contexts.require(name);
    if (context.signIn === undefined) throw notSignedIn(name);
    if (!isDue(context.signIn, deps.now())) return deps.vault.read(context.signIn.token);
    return renew(deps, context, context.signIn);
  });
}

/** Ends the sign-in here, at the gateway, and at the provider; what cannot be reached is forgotten all the same. */
export async function signOut(
  deps: SignInDeps,
  context: LoginContext,
): Promise<{ readonly ended: boolean; readonly revoked: boolean }> {
  const { signIn } = context;
  if (signIn === undefined) throw notSignedIn(context.name);
  let ended = false;
  // The token of an identity that was created there is not ours to end.
  if (signIn.renewAt !== null) {
    ended = await deps.vault
      .read(signIn.token)
      .then((token) => deps.clientOf(context, token).call('signOut', {}))
      .then(
        () => true,
        () => false,
      );
  }
  const revoked = await revokeAtProvider(deps, signIn.provider).catch(() => false);
  for (const reference of referencesOf(signIn)) await deps.vault.remove(reference).catch(() => {});
  const { signIn: _, ...rest } = context;
  deps.contexts.put(rest);
  return { ended, revoked };
}

export function notSignedIn(name: string): LoginNeeded {
  return new LoginNeeded('not_signed_in', `you are not signed in to ${name}`, { next: 'hoopctl login' });
}

function isDue({ expiresAt, renewAt }: KeptSignIn, now: number): boolean {
  if (renewAt !== null) return !(now < Date.parse(renewAt));
  return expiresAt !== null && !(now < Date.parse(expiresAt));
}

async function renew(deps: SignInDeps, context: LoginContext, signIn: KeptSignIn): Promise<string> {
  const { provider } = signIn;
  const alive = signIn.expiresAt !== null && deps.now() < Date.parse(signIn.expiresAt);
  if (provider === undefined) {
    // Nothing to renew it with; it works until it expires.
    if (alive) return deps.vault.read(signIn.token);
    throw new LoginNeeded('login_ended', `the sign-in to ${context.name} has expired`, {
      next: 'hoopctl login',
    });
  }
  const body = shown(await freshProviderTokens(deps, context, signIn, provider), provider);
  const latest = deps.contexts.require(context.name);
  const kept = latest.signIn ?? signIn;
  if (alive) {
    const old = await deps.vault.read(signIn.token);
    try {
      const renewed = await deps.clientOf(context, old).call('tokenRenew', { body });
      deps.contexts.put({ ...latest, signIn: { ...kept, ...timesOf(renewed.expiresAt, deps.now()) } });
      return old;
    } catch (error) {
      // It ended there before its time: a new one is begun.
      if (!(error instanceof HoopError && error.kind === 'login-needed')) throw error;
    }
  }
  const { onBehalfOf } = kept;
  const signedIn = await deps.clientOf(context, 'none').call('tokenExchange', {
    body: { ...body, ...(onBehalfOf === undefined ? {} : { onBehalfOf }) },
  });
  return keepSignIn(deps, latest, signedIn, {
    ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
    ...(kept.provider === undefined ? {} : { provider: kept.provider }),
  });
}

/** By refresh token or as the machine that the client is; a rotated refresh token is kept before anything else. */
async function freshProviderTokens(
  deps: SignInDeps,
  context: LoginContext,
  signIn: KeptSignIn,
  provider: KeptProvider,
): Promise<ProviderTokens> {
  const [{ openProvider }, { machineGrant, refreshGrant }] = await Promise.all([
    import('./provider.ts'),
    import('./grants.ts'),
  ]);
  const { environment } = deps;
  const opened = await openProvider({ ...provider, environment, proof: await proofOf(deps, provider) });
  if (provider.refresh === undefined) {
    if (provider.clientSecret === undefined && provider.clientKey === undefined) {
      throw new LoginNeeded('login_ended', `${provider.issuer} gave nothing to renew this sign-in with`, {
        next: 'hoopctl login; with the scope offline_access it would last longer',
      });
    }
    return machineGrant(opened, provider);
  }
  const tokens = await refreshGrant(opened, await deps.vault.read(provider.refresh), provider);
  if (tokens.refreshToken !== undefined) {
    const refresh = await deps.vault.store(account(context.name, 'refresh'), tokens.refreshToken);
    deps.contexts.put({ ...context, signIn: { ...signIn, provider: { ...provider, refresh } } });
  }
  return tokens;
}

/** What an exchange is asked with. */
function shown(tokens: Shown, provider: Pick<KeptProvider, 'accessToken'> | undefined) {
  const { accessToken, accessTokenExpiresIn, token } = tokens;
  if (!provider?.accessToken || accessToken === undefined) return { token };
  return { token, accessToken, ...(accessTokenExpiresIn === undefined ? {} : { accessTokenExpiresIn }) };
}

async function revokeAtProvider(deps: SignInDeps, provider: KeptProvider | undefined): Promise<boolean> {
  if (provider?.refresh === undefined) return false;
  const [{ openProvider }, { revokeToken }] = await Promise.all([
    import('./provider.ts'),
    import('./grants.ts'),
  ]);
  const { environment } = deps;
  const opened = await openProvider({ ...provider, environment, proof: await proofOf(deps, provider) });
  return revokeToken(opened, await deps.vault.read(provider.refresh));
}

async function proofOf({ vault }: SignInDeps, { clientKey, clientSecret }: KeptProvider) {
  if (clientSecret !== undefined) return { kind: 'secret' as const, secret: await vault.read(clientSecret) };
  if (clientKey !== undefined) return { kind: 'key' as const, pem: await vault.read(clientKey) };
  return { kind: 'none' as const };
}

async function keptProvider(deps: SignInDeps, name: string, facts: ProviderFacts): Promise<KeptProvider> {
  const { clientKey, clientSecret, refreshToken, ...rest } = facts;
  const stored = async (what: string, secret: string | undefined) =>
    secret === undefined ? undefined : deps.vault.store(account(name, what), secret);
  const refresh = await stored('refresh', refreshToken);
  const secret = await stored('secret', clientSecret);
  const key = await stored('key', clientKey);
  return {
    ...rest,
    ...(refresh === undefined ? {} : { refresh }),
    ...(secret === undefined ? {} : { clientSecret: secret }),
    ...(key === undefined ? {} : { clientKey: key }),
  };
}

/** Keeps the session token of who signed in. */
export async function keepSignIn(
  deps: SignInDeps,
  context: LoginContext,
  signedIn: SignedIn,
  more: Pick<KeptSignIn, 'onBehalfOf' | 'provider'>,
): Promise<string> {
  const token = signedIn.token ?? '';
  const reference = await deps.vault.store(account(context.name, 'token'), token);
  deps.contexts.put({
    ...context,
    signIn: {
      identity: signedIn.identity.name,
      token: reference,
      ...timesOf(signedIn.expiresAt, deps.now()),
      ...more,
    },
  });
  return token;
}

function timesOf(expiresAt: string, now: number): Pick<KeptSignIn, 'expiresAt' | 'renewAt'> {
  const renewAt = now + (Date.parse(expiresAt) - now) * RENEW_AFTER;
  return { expiresAt, renewAt: new Date(renewAt).toISOString() };
}

function referencesOf({ provider, token }: KeptSignIn): readonly string[] {
  return [token, provider?.refresh, provider?.clientSecret, provider?.clientKey].filter(
    (reference) => reference !== undefined,
  );
}

function account(context: string, what: string): string {
  return `login-${context}-${what}`;
}

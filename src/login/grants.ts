import { setTimeout as pause } from 'node:timers/promises';
import * as oidc from 'openid-client';
import { LoginNeeded } from '../base/errors.ts';
import { oauthError, type Provider, providerFailure } from './provider.ts';

/** What a provider gave. */
export interface ProviderTokens {
  /** For the exchange: the ID token where it is meant for us, else the access token. */
  readonly token: string;
  readonly refreshToken: string | undefined;
  readonly accessToken: string;
  /** For how many seconds the access token counts, where the provider says. */
  readonly accessTokenExpiresIn: number | undefined;
}

/** What a person is shown (RFC 8628, section 3.2). */
export interface DeviceCode {
  readonly userCode: string;
  readonly url: string;
  /** With the code in it already, where the provider gives one. */
  readonly completeUrl: string | undefined;
  /** Milliseconds until it expires. */
  readonly lifetime: number;
}

export interface Asking {
  readonly issuer: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** What the token must be for; null takes what comes. */
  readonly audience: string | null;
  /** The person is to show itself to the provider anew, whatever session its browser has. */
  readonly fresh?: boolean;
}

/** How long to wait after a request that did not come through, in milliseconds (RFC 8628, section 3.5: more each time). */
const FIRST_RETRY = 1000;
const LONGEST_RETRY = 30_000;

/**
 * The device authorization grant. `shown` is called with the code, `trouble` when the network fails while it is
 * waited for. Throws LoginNeeded `access_denied`, `login_expired`, `no_device_flow`, NotReachable.
 */
export async function deviceGrant(
  provider: Provider,
  asking: Asking,
  shown: (code: DeviceCode) => void,
  trouble: (why: string) => void,
  signal: AbortSignal,
): Promise<ProviderTokens> {
  if (provider.serverMetadata().device_authorization_endpoint === undefined) {
    throw new LoginNeeded('no_device_flow', `${asking.issuer} offers no sign-in from a terminal`, {
      why: 'its metadata has no device_authorization_endpoint',
      next: 'enable the device flow for the client there',
    });
  }
  const pkce = await proofKey(provider);
  // OpenID Connect Core 3.1.2.1: asks for a new sign-in, and for auth_time in the ID token.
  const fresh = asking.fresh ? { prompt: 'login', max_age: '0' } : {};
  const parameters = {
    scope: asking.scopes.join(' '),
    ...resourceOf(asking),
    ...fresh,
    ...pkce.challenge,
  };
  let answer: Awaited<ReturnType<typeof oidc.initiateDeviceAuthorization>>;
  try {
    answer = await oidc.initiateDeviceAuthorization(provider, parameters);
  } catch (error) {
    throw providerFailure(error, asking.issuer);
  }
  const lifetime = answer.expires_in * 1000;
  const expired = AbortSignal.timeout(lifetime);
  shown({
    userCode: answer.user_code,
    url: answer.verification_uri,
    completeUrl: answer.verification_uri_complete,
    lifetime,
  });
  const either = AbortSignal.any([signal, expired]);
  for (let retry = FIRST_RETRY; ; retry = Math.min(retry * 2, LONGEST_RETRY)) {
    try {
      const tokens = await oidc.pollDeviceAuthorizationGrant(provider, answer, pkce.verifier, {
        signal: either,
      });
      return chosen(tokens, asking);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (expired.aborted) throw expiredToken();
      if (!isNetworkLoss(error)) throw providerFailure(error, asking.issuer);
      trouble(error instanceof Error ? error.message : String(error));
      await pause(retry, undefined, { signal: either }).catch(() => {});
    }
  }
}

function expiredToken(): LoginNeeded {
  return new LoginNeeded('login_expired', 'nobody entered the code in time', { next: 'hoopctl login' });
}

/** Fails that another try may mend; what the provider itself said is final. */
function isNetworkLoss(error: unknown): boolean {
  if (oauthError(error) !== undefined) return false;
  if (error instanceof oidc.ClientError) return error.code === 'OAUTH_TIMEOUT';
  return error instanceof TypeError || (error instanceof Error && error.name === 'TimeoutError');
}

/** PKCE (RFC 7636) for the device grant, where the provider says that it knows S256. */
async function proofKey(provider: Provider) {
  const { code_challenge_methods_supported: methods } = provider.serverMetadata();
  if (!methods?.includes('S256')) return { challenge: {}, verifier: {} };
  const code_verifier = oidc.randomPKCECodeVerifier();
  const code_challenge = await oidc.calculatePKCECodeChallenge(code_verifier);
  return { challenge: { code_challenge, code_challenge_method: 'S256' }, verifier: { code_verifier } };
}

/** The client-credentials grant of a machine. Throws LoginNeeded, NotReachable. */
export async function machineGrant(provider: Provider, asking: Asking): Promise<ProviderTokens> {
  try {
    const scope = asking.scopes.filter((one) => one !== 'openid' && one !== 'offline_access').join(' ');
    const parameters = { ...(scope === '' ? {} : { scope }), ...resourceOf(asking) };
    return chosen(await oidc.clientCredentialsGrant(provider, parameters), asking);
  } catch (error) {
    throw error instanceof LoginNeeded ? error : providerFailure(error, asking.issuer);
  }
}

/** New tokens; where the provider rotates, the refresh token is another one from now on. Throws LoginNeeded, NotReachable. */
export async function refreshGrant(
  provider: Provider,
  refreshToken: string,
  asking: Asking,
): Promise<ProviderTokens> {
  try {
    const tokens = chosen(await oidc.refreshTokenGrant(provider, refreshToken), asking);
    return { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken };
  } catch (error) {
    throw error instanceof LoginNeeded ? error : providerFailure(error, asking.issuer);
  }
}

/** RFC 7009; false when the provider has no such thing or did not answer. */
export async function revokeToken(provider: Provider, token: string): Promise<boolean> {
  if (provider.serverMetadata().revocation_endpoint === undefined) return false;
  return oidc.tokenRevocation(provider, token, { token_type_hint: 'refresh_token' }).then(
    () => true,
    () => false,
  );
}

/** An audience that is a URL is asked for as a resource (RFC 8707), another one as most providers know it. */
function resourceOf({ audience, clientId }: Asking): Record<string, string> {
  // ID tokens are for the client without being asked.
  if (audience === null || audience === clientId) return {};
  return URL.canParse(audience) ? { resource: audience } : { audience };
}

interface Answer {
  readonly access_token: string;
  readonly id_token?: string | undefined;
  readonly refresh_token?: string | undefined;
  readonly expires_in?: number | undefined;
}

function chosen(answer: Answer, { audience }: Asking): ProviderTokens {
  const { access_token, expires_in, id_token, refresh_token } = answer;
  const candidates = [id_token, access_token].filter((token) => token !== undefined);
  const fitting = candidates.find((token) => audience === null || audiencesOf(token).includes(audience));
  return {
    token: fitting ?? candidates[0] ?? access_token,
    refreshToken: refresh_token,
    accessToken: access_token,
    accessTokenExpiresIn: expires_in,
  };
}

/** Only to choose between two tokens; whether one counts is judged where it is exchanged. */
function audiencesOf(token: string): readonly string[] {
  try {
    const { aud } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
      readonly aud?: unknown;
    };
    return (Array.isArray(aud) ? aud : [aud]).filter((one) => typeof one === 'string');
  } catch {
    return [];
  }
}

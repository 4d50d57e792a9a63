import { createPrivateKey, type KeyObject } from 'node:crypto';
import * as oidc from 'openid-client';
import { HoopError, LoginNeeded, NotReachable, UsageError } from '../base/errors.ts';
import { type CallHttp, httpCalls } from '../network/http-call.ts';
import type { Environment } from '../network/proxy.ts';

/** How a client shows who it is. */
export type ClientProof =
  | { readonly kind: 'none' }
  | { readonly kind: 'secret'; readonly secret: string }
  /** PEM (PKCS #8). */
  | { readonly kind: 'key'; readonly pem: string };

export interface ProviderOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly proof: ClientProof;
  /** Plain http, for a loopback issuer only. */
  readonly allowHttpLoopback: boolean;
  /** For HTTPS_PROXY and NO_PROXY. */
  readonly environment: Environment;
}

export type Provider = oidc.Configuration;

/** In seconds, for each request. */
const TIMEOUT = 15;
/** Key sets and metadata are some kilobytes. In bytes. */
const LARGEST_ANSWER = 512 * 1024;
const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\])$/;

/**
 * An identity provider by discovery (OpenID Connect Discovery 1.0, RFC 8414). Throws UsageError `bad_issuer`,
 * `insecure_issuer`, NotReachable `issuer_not_reachable`.
 */
export async function openProvider(options: ProviderOptions): Promise<Provider> {
  const issuer = URL.parse(options.issuer);
  if (issuer === null) throw new UsageError('bad_issuer', `"${options.issuer}" is not the URL of an issuer`);
  requireSecure(issuer, options.allowHttpLoopback);
  let provider: Provider;
  try {
    provider = await oidc.discovery(
      issuer,
      options.clientId,
      undefined,
      await authentication(options.proof, options.clientId),
      {
        timeout: TIMEOUT,
        [oidc.customFetch]: fetchBy(httpCalls(options.environment)),
        execute: issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : [],
      },
    );
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new NotReachable('issuer_not_reachable', `the issuer ${options.issuer} cannot be reached`, {
      why: reasonOf(error),
      next: 'is its URL right? it is where /.well-known/openid-configuration stands',
      retryable: true,
      cause: error,
    });
  }
  const metadata = provider.serverMetadata();
  for (const endpoint of [
    metadata.token_endpoint,
    metadata.device_authorization_endpoint,
    metadata.revocation_endpoint,
  ]) {
    if (typeof endpoint === 'string') requireSecure(new URL(endpoint), options.allowHttpLoopback);
  }
  return provider;
}

/** `fetch` as the library wants it: failing by a TypeError where the network did, by the signal's reason where that ended it. */
function fetchBy(call: CallHttp): oidc.CustomFetch {
  return async (url, { body, headers, method, signal }) => {
    try {
      const answer = await call(url, {
        method: method === 'POST' ? 'POST' : 'GET',
        headers,
        body: body === undefined || body === null ? undefined : String(body),
        patience: TIMEOUT * 1000,
        largest: LARGEST_ANSWER,
        signal,
      });
      const given = Object.entries(answer.headers).flatMap(([name, value]): [string, string][] =>
        value === undefined ? [] : [[name, String(value)]],
      );
      const { status } = answer;
      const bytes = new Uint8Array(answer.body);
      return new Response(status === 204 || status === 304 ? null : bytes, { status, headers: given });
    } catch (error) {
      if (!(error instanceof HoopError)) throw error;
      throw new TypeError(error.why ?? error.message, { cause: error });
    }
  };
}

function requireSecure(url: URL, allowHttpLoopback: boolean): void {
  if (url.protocol === 'https:') return;
  const loopback = url.protocol === 'http:' && LOOPBACK.test(url.hostname);
  if (loopback && allowHttpLoopback) return;
  throw new UsageError('insecure_issuer', `${url.origin} is not https`, {
    why: 'whoever listens in could sign in as you',
    next: loopback
      ? 'for a trial on this machine: --allow-http-loopback'
      : 'an issuer is reached over https; plain http is for loopback addresses',
  });
}

async function authentication(proof: ClientProof, clientId: string): Promise<oidc.ClientAuth> {
  switch (proof.kind) {
    case 'none':
      return oidc.None();
    case 'secret':
      return secretAuthentication(proof.secret);
    case 'key':
      return oidc.PrivateKeyJwt(await importKey(proof.pem, clientId));
    default:
      return proof satisfies never;
  }
}

/** As the provider says it takes it; client_secret_basic is every provider's default (OpenID Connect Discovery 1.0, 3). */
function secretAuthentication(secret: string): oidc.ClientAuth {
  const basic = oidc.ClientSecretBasic(secret);
  const post = oidc.ClientSecretPost(secret);
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported;
    const onlyPost = methods?.includes('client_secret_post') && !methods.includes('client_secret_basic');
    return (onlyPost ? post : basic)(server, client, body, headers);
  };
}

/** RFC 7523; the algorithm follows from the key. Throws UsageError `bad_client_key`. */
async function importKey(pem: string, clientId: string): Promise<oidc.CryptoKey> {
  try {
    const key = createPrivateKey(pem);
    const { importPKCS8 } = await import('jose');
    return await importPKCS8(key.export({ type: 'pkcs8', format: 'pem' }).toString(), algorithmOf(key));
  } catch (cause) {
    throw new UsageError('bad_client_key', `the key of the client ${clientId} cannot be used`, {
      why: 'it takes a private key in PEM without a passphrase: RSA, P-256 or Ed25519',
      cause,
    });
  }
}

function algorithmOf(key: KeyObject): string {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return 'RS256';
    case 'ec':
      return 'ES256';
    case 'ed25519':
      return 'EdDSA';
    default:
      throw new Error(`a key of type ${key.asymmetricKeyType}`);
  }
}

/** The answer of a provider that says no (RFC 6749, section 5.2); undefined for anything else. */
export function oauthError(
  error: unknown,
): { readonly code: string; readonly description: string | undefined } | undefined {
  if (error instanceof oidc.ResponseBodyError) {
    return { code: error.error, description: error.error_description };
  }
  // RFC 6749, section 5.2: a client that failed to authenticate by a header gets a challenge instead.
  if (error instanceof oidc.WWWAuthenticateChallengeError) {
    return { code: 'invalid_client', description: undefined };
  }
  return undefined;
}

/** What went wrong with a provider, as one of ours. */
export function providerFailure(error: unknown, issuer: string): HoopError {
  const refused = oauthError(error);
  if (refused === undefined) {
    return new NotReachable('issuer_not_reachable', `the issuer ${issuer} did not answer as it should`, {
      why: reasonOf(error),
      retryable: true,
      cause: error,
    });
  }
  const why = refused.description ?? refused.code;
  switch (refused.code) {
    case 'access_denied':
      return new LoginNeeded('access_denied', 'the sign-in was denied', { why, next: 'hoopctl login' });
    case 'expired_token':
      return new LoginNeeded('login_expired', 'nobody entered the code in time', {
        why,
        next: 'hoopctl login',
      });
    case 'invalid_grant':
      return new LoginNeeded('login_ended', `${issuer} does not renew this sign-in any more`, {
        why,
        next: 'hoopctl login',
      });
    case 'invalid_client':
    case 'unauthorized_client':
      return new LoginNeeded('client_refused', `${issuer} does not take this client`, {
        why,
        next: 'check --client-id and how the client is registered there',
      });
    default:
      return new LoginNeeded('login_refused', `${issuer} refused the sign-in: ${refused.code}`, { why });
  }
}

/** The innermost reason; what calling says of it is that already. */
function reasonOf(error: unknown): string {
  let inner = error;
  for (let depth = 0; depth < 4 && inner instanceof Error && inner.cause instanceof Error; depth++) {
    inner = inner.cause;
    if (inner instanceof HoopError) return inner.why ?? inner.message;
  }
  if (!(inner instanceof Error)) return String(inner);
  return 'code' in inner && typeof inner.code === 'string'
    ? `${inner.code}: ${inner.message}`
    : inner.message;
}

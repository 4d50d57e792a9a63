import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { CompactSign, exportJWK, type JWK } from 'jose';
import { type GetJson, unreachable } from '../../../src/identity/bounded-get.ts';
import { type Issuer, issuerSchema } from '../../../src/identity/issuer-schema.ts';
import { bearerOf, type TokenBearer } from '../../../src/identity/token-bearer.ts';
import { TrustedIssuers } from '../../../src/identity/trusted-issuers.ts';
import { ManualClock } from '../session/manual-clock.ts';

export const ISSUER = 'https://login.example.com';
/** Saturday, 21 November 2026, 10:00 UTC, in seconds. */
export const NOW = 1_795_255_200;

const rsa = (modulusLength = 2048) => generateKeyPairSync('rsa', { modulusLength });
const ec = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve });

/** Made once: RSA keys take their time. */
export const KEYS = {
  rsa: rsa(),
  second: rsa(),
  stranger: rsa(),
  short: rsa(1024),
  ec: ec(),
  ed: generateKeyPairSync('ed25519'),
};
export const KIDS = { rsa: 'key-1', second: 'key-2', ec: 'key-ec', ed: 'key-ed' } as const;

export async function publicJwk(key: KeyObject, more: Partial<JWK> = {}): Promise<JWK> {
  return { ...(await exportJWK(key)), use: 'sig', ...more };
}

export const goodClaims = (): Record<string, unknown> => ({
  iss: ISSUER,
  sub: 'u-1001',
  aud: 'hoopctl',
  azp: 'hoopctl',
  iat: NOW - 10,
  nbf: NOW - 10,
  exp: NOW + 600,
  auth_time: NOW - 60,
  acr: 'mfa',
  nonce: 'n-1',
  jti: 't-1',
  email: 'ana@example.com',
  email_verified: true,
  groups: ['dba', 'staff'],
});

export const goodHeader = (): Record<string, unknown> => ({ alg: 'RS256', kid: KIDS.rsa, typ: 'JWT' });

/** Signs claims, or whatever text or bytes stand for them. */
export async function sign(
  claims: Record<string, unknown> | string | Uint8Array = goodClaims(),
  header: Record<string, unknown> = goodHeader(),
  key: KeyObject | Uint8Array = KEYS.rsa.privateKey,
): Promise<string> {
  const bytes =
    claims instanceof Uint8Array
      ? claims
      : Buffer.from(typeof claims === 'string' ? claims : JSON.stringify(claims));
  return new CompactSign(bytes)
    .setProtectedHeader(header as { alg: string })
    .sign(key instanceof Uint8Array ? createSecretKey(key) : key);
}

export const base64url = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export function issuerOf(more: Record<string, unknown> = {}): Issuer {
  return issuerSchema.parse({
    name: 'corp',
    issuer: ISSUER,
    domain: 'example.com',
    audiences: ['hoopctl'],
    groups_claim: 'groups',
    identities: [{ match: { email: '*@example.com' }, name: '{email}', kind: 'person' }],
    ...more,
  });
}

/** An issuer that answers from memory. Mutable: `documents` may be changed, `calls` counts. */
export async function issuerWorld(issuers: readonly Issuer[] = [issuerOf()]) {
  const documents = new Map<string, unknown>([
    [
      `${ISSUER}/.well-known/openid-configuration`,
      { issuer: ISSUER, jwks_uri: `${ISSUER}/keys`, token_endpoint: `${ISSUER}/token` },
    ],
    [
      `${ISSUER}/keys`,
      {
        keys: [
          await publicJwk(KEYS.rsa.publicKey, { kid: KIDS.rsa, alg: 'RS256' }),
          await publicJwk(KEYS.second.publicKey, { kid: KIDS.second }),
          await publicJwk(KEYS.ec.publicKey, { kid: KIDS.ec }),
          await publicJwk(KEYS.ed.publicKey, { kid: KIDS.ed }),
        ],
      },
    ],
  ]);
  const calls: string[] = [];
  const getJson: GetJson = async (url) => {
    calls.push(url);
    if (!documents.has(url)) throw new Error(`nothing at ${url}`);
    const found = documents.get(url);
    if (found instanceof Error) throw unreachable('login.example.com', found.message);
    return found;
  };
  const clock = new ManualClock();
  clock.setWall(NOW * 1000);
  const trusted = new TrustedIssuers({ clock, getJson, issuers: () => issuers });
  return {
    clock,
    documents,
    calls,
    getJson,
    trusted,
    async bearer(token: string, nonce: string | undefined = 'n-1'): Promise<TokenBearer> {
      const { issuer, verified } = await trusted.verify(token, { nonce });
      return bearerOf(issuer, verified);
    },
  };
}

import { createHmac, sign as signBytes } from 'node:crypto';
import { CompactEncrypt, exportSPKI } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { LoginNeeded } from '../../../src/base/errors.ts';
import {
  base64url,
  goodClaims,
  goodHeader,
  ISSUER,
  issuerOf,
  issuerWorld,
  KEYS,
  KIDS,
  NOW,
  publicJwk,
  sign,
} from './issuer-world.ts';

let world: Awaited<ReturnType<typeof issuerWorld>>;
beforeAll(async () => {
  world = await issuerWorld();
});

const without = (claim: string) => {
  const { [claim]: _, ...rest } = goodClaims();
  return rest;
};
const withClaims = (more: Record<string, unknown>) => sign({ ...goodClaims(), ...more });
const withHeader = (more: Record<string, unknown>, key = KEYS.rsa.privateKey) =>
  sign(goodClaims(), { ...goodHeader(), ...more }, key);
const parts = async () => (await sign()).split('.') as [string, string, string];

/** Signed by hand, for headers that a library would not sign. */
async function byHand(header: unknown, claims: unknown = goodClaims()): Promise<string> {
  const input = `${base64url(header)}.${base64url(claims)}`;
  return `${input}.${signBytes('sha256', Buffer.from(input), KEYS.rsa.privateKey).toString('base64url')}`;
}

function hmac(header: Record<string, unknown>, secret: string | Buffer, digest = 'sha256'): string {
  const input = `${base64url(header)}.${base64url(goodClaims())}`;
  return `${input}.${createHmac(digest, secret).update(input).digest('base64url')}`;
}

type Bad = readonly [what: string, code: string, token: () => string | Promise<string>];

/** Each differs from the good token in one thing. */
const CORPUS: readonly Bad[] = [
  // Form.
  ['is empty', 'token_malformed', () => ''],
  ['is not a JWT', 'token_malformed', () => 'opaque-access-token'],
  ['has two parts', 'token_malformed', async () => (await parts()).slice(0, 2).join('.')],
  ['has four parts', 'token_malformed', async () => `${await sign()}.x`],
  ['has an empty signature', 'token_malformed', async () => `${(await parts()).slice(0, 2).join('.')}.`],
  ['is padded base64', 'token_malformed', async () => `${await sign()}==`],
  ['has white space before it', 'token_malformed', async () => ` ${await sign()}`],
  ['has a line break behind it', 'token_malformed', async () => `${await sign()}\n`],
  ['is encrypted', 'token_malformed', () => encrypted()],
  ['is longer than 16 KiB', 'token_malformed', () => withClaims({ more: 'x'.repeat(16_384) })],
  ['has a header longer than 4 KiB', 'token_malformed', () => withHeader({ more: 'x'.repeat(4096) })],
  ['has a header that is not JSON', 'token_malformed', () => byHand('nothing')],
  ['has claims that are not JSON', 'token_malformed', () => sign('{"iss":')],
  ['has claims that are a list', 'token_malformed', () => sign('[]')],
  ['has claims that are not UTF-8', 'token_malformed', () => sign(Buffer.from('{"iss":"\xff"}', 'latin1'))],

  // Algorithm and key.
  ['says none', 'token_algorithm', () => unsigned('none')],
  ['says None', 'token_algorithm', () => unsigned('None')],
  ['says nOnE', 'token_algorithm', () => unsigned('nOnE')],
  ['has no alg', 'token_algorithm', () => byHand({ kid: KIDS.rsa, typ: 'JWT' })],
  ['has a list of algorithms', 'token_algorithm', () => byHand({ ...goodHeader(), alg: ['RS256'] })],
  ['says HS256 over the public key as PEM', 'token_algorithm', () => confused('sha256', 'HS256')],
  ['says HS384 over the public key as PEM', 'token_algorithm', () => confused('sha384', 'HS384')],
  ['says HS512 over the public key as PEM', 'token_algorithm', () => confused('sha512', 'HS512')],
  [
    'says HS256 over the public key as JWK',
    'token_algorithm',
    async () => hmac({ ...goodHeader(), alg: 'HS256' }, JSON.stringify(await publicJwk(KEYS.rsa.publicKey))),
  ],
  ['says HS256 over an empty secret', 'token_algorithm', () => hmac({ ...goodHeader(), alg: 'HS256' }, '')],
  ['says RS384, which is not allowed', 'token_algorithm', () => withHeader({ alg: 'RS384' })],
  ['says PS256, which is not allowed', 'token_algorithm', () => withHeader({ alg: 'PS256' })],
  ['says RS256 while an RS384 signature follows', 'token_signature', () => digestOff()],
  ['says ES256 over an RSA key', 'token_key_unknown', () => byHand({ ...goodHeader(), alg: 'ES256' })],
  ['says EdDSA over an RSA key', 'token_key_unknown', () => byHand({ ...goodHeader(), alg: 'EdDSA' })],
  ['is signed by a stranger', 'token_signature', () => withHeader({}, KEYS.stranger.privateKey)],
  ['is signed by another key of the issuer', 'token_signature', () => withHeader({}, KEYS.second.privateKey)],
  [
    'brings its own key in jwk',
    'token_signature',
    async () => withHeader({ jwk: await publicJwk(KEYS.stranger.publicKey) }, KEYS.stranger.privateKey),
  ],
  [
    'says where its key is in jku',
    'token_signature',
    () => withHeader({ jku: 'https://evil.example/keys' }, KEYS.stranger.privateKey),
  ],
  [
    'says where its certificate is in x5u',
    'token_signature',
    () => withHeader({ x5u: 'https://evil.example/c' }, KEYS.stranger.privateKey),
  ],
  ['names a key nobody knows', 'token_key_unknown', () => withHeader({ kid: 'key-9' })],
  ['names a key by a path', 'token_key_unknown', () => withHeader({ kid: '../../../../dev/null' })],
  ['names a key by SQL', 'token_key_unknown', () => withHeader({ kid: "key-1' OR '1'='1" })],
  ['names a key by a number', 'token_malformed', () => withHeader({ kid: 1 })],
  ['names no key where there are two', 'token_key_ambiguous', () => sign(goodClaims(), { alg: 'RS256' })],
  ['demands an extension', 'token_critical', () => byHand({ ...goodHeader(), crit: ['exp'], exp: NOW })],
  ['demands an empty list of extensions', 'token_critical', () => byHand({ ...goodHeader(), crit: [] })],
  ['has a payload that is not encoded', 'token_critical', () => byHand({ ...goodHeader(), b64: false })],

  // Signature.
  ['has one bit of its signature turned', 'token_signature', async () => turned(await parts(), 2)],
  ['has its claims changed', 'token_signature', async () => changed(await parts())],
  ['has its header changed', 'token_signature', async () => headerChanged(await parts())],
  ['has a signature of zeros', 'token_signature', async () => zeros(await parts())],
  ['has a shorter signature', 'token_signature', async () => (await sign()).slice(0, -4)],
  ['has the signature of another token', 'token_signature', () => grafted()],

  // Type and use.
  ['is a logout token by its header', 'token_type', () => withHeader({ typ: 'logout+jwt' })],
  ['is a security event', 'token_type', () => withHeader({ typ: 'secevent+jwt' })],
  ['is a DPoP proof', 'token_type', () => withHeader({ typ: 'dpop+jwt' })],
  ['has a typ that is not text', 'token_type', () => byHand({ ...goodHeader(), typ: 1 })],
  [
    'is a logout token by its events',
    'token_type',
    () => withClaims({ events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }),
  ],
  ['is a refresh token by its typ claim', 'token_type', () => withClaims({ typ: 'Refresh' })],
  ['is a refresh token by token_use', 'token_type', () => withClaims({ token_use: 'refresh' })],
  ['is bound to a key', 'token_bound', () => withClaims({ cnf: { jkt: 'x' } })],
  ['is bound to a certificate', 'token_bound', () => withClaims({ cnf: { 'x5t#S256': 'x' } })],

  // Issuer.
  ['has no issuer', 'token_malformed', () => sign(without('iss'))],
  ['is of an issuer nobody trusts', 'token_issuer', () => withClaims({ iss: 'https://evil.example' })],
  ['has a slash behind its issuer', 'token_issuer', () => withClaims({ iss: `${ISSUER}/` })],
  ['has its issuer in capitals', 'token_issuer', () => withClaims({ iss: ISSUER.toUpperCase() })],
  ['has its issuer by http', 'token_issuer', () => withClaims({ iss: ISSUER.replace('https', 'http') })],
  ['has an issuer that begins the same', 'token_issuer', () => withClaims({ iss: `${ISSUER}.evil.example` })],
  ['has a list of issuers', 'token_malformed', () => withClaims({ iss: [ISSUER] })],

  // Audience and party.
  ['has no audience', 'token_audience', () => sign(without('aud'))],
  ['is for another audience', 'token_audience', () => withClaims({ aud: 'payroll' })],
  ['has its audience in capitals', 'token_audience', () => withClaims({ aud: 'HOOPCTL' })],
  ['has an audience that begins the same', 'token_audience', () => withClaims({ aud: 'hoopctl-test' })],
  ['has an empty list of audiences', 'token_audience', () => withClaims({ aud: [] })],
  ['has an audience that is an object', 'token_audience', () => withClaims({ aud: { 0: 'hoopctl' } })],
  ['has a number among its audiences', 'token_audience', () => withClaims({ aud: ['hoopctl', 1] })],
  ['was issued to another client', 'token_party', () => withClaims({ azp: 'payroll' })],
  ['has a list of parties', 'token_party', () => withClaims({ azp: ['hoopctl'] })],
  [
    'is for two audiences and says no party',
    'token_party',
    () => sign({ ...without('azp'), aud: ['hoopctl', 'payroll'] }),
  ],

  // Times.
  ['never expires', 'token_claim_missing', () => sign(without('exp'))],
  ['has expired', 'token_expired', () => withClaims({ exp: NOW - 31 })],
  ['expires in words', 'token_malformed', () => withClaims({ exp: 'tomorrow' })],
  ['expires as text', 'token_malformed', () => withClaims({ exp: String(NOW + 600) })],
  ['expires in milliseconds', 'token_malformed', () => withClaims({ exp: (NOW + 600) * 1000 })],
  ['expires never as null', 'token_malformed', () => withClaims({ exp: null })],
  ['expires before 1970', 'token_malformed', () => withClaims({ exp: -1 })],
  [
    'expires at a number beyond all numbers',
    'token_malformed',
    () => sign(JSON.stringify(goodClaims()).replace(`"exp":${NOW + 600}`, '"exp":1e999')),
  ],
  ['does not say when it was issued', 'token_claim_missing', () => sign(without('iat'))],
  ['was issued in the future', 'token_from_future', () => withClaims({ iat: NOW + 31 })],
  ['was issued two days ago', 'token_too_old', () => withClaims({ iat: NOW - 2 * 86_400 })],
  ['ends before it begins', 'token_malformed', () => withClaims({ iat: NOW + 20, exp: NOW + 10 })],
  ['is not valid yet', 'token_not_yet', () => withClaims({ nbf: NOW + 31 })],
  ['has a nbf that is true', 'token_malformed', () => withClaims({ nbf: true })],
  ['names a sign-in in the future', 'token_from_future', () => withClaims({ auth_time: NOW + 31 })],
  ['has an auth_time in words', 'token_malformed', () => withClaims({ auth_time: 'now' })],

  // Whom it answers and stands for.
  ['answers another request', 'token_nonce', () => withClaims({ nonce: 'n-2' })],
  ['answers no request', 'token_nonce', () => sign(without('nonce'))],
  ['has no subject', 'token_malformed', () => sign(without('sub'))],
  ['has an empty subject', 'token_malformed', () => withClaims({ sub: '' })],
  ['has a number for a subject', 'token_malformed', () => withClaims({ sub: 1001 })],
  ['has a subject of 256 characters', 'token_malformed', () => withClaims({ sub: 'x'.repeat(256) })],
  ['has a line break in its subject', 'token_malformed', () => withClaims({ sub: 'u-1001\nroot' })],
  ['turns its subject round', 'token_malformed', () => withClaims({ sub: 'u\u202e1001' })],
  ['fits no claim rule', 'token_no_rule', () => withClaims({ email: 'ana@elsewhere.example' })],
  ['has no email', 'token_no_rule', () => sign(without('email'))],
  ['has an email in a list of lists', 'token_no_rule', () => withClaims({ email: [['ana@example.com']] })],
  ['has an email nobody verified', 'token_email_unverified', () => withClaims({ email_verified: false })],
  [
    'does not say whether its email was verified',
    'token_email_unverified',
    () => sign(without('email_verified')),
  ],
  ['has a name with a space', 'token_name', () => withClaims({ email: 'ana b@example.com' })],
  ['has a name with two @', 'token_name', () => withClaims({ email: 'owner@x@example.com' })],
  ['has a name with Cyrillic letters', 'token_name', () => withClaims({ email: '\u0430na@example.com' })],
  [
    'has a name of 129 characters',
    'token_name',
    () => withClaims({ email: `${'a'.repeat(117)}@example.com` }),
  ],
  ['acts for somebody where no actor is known', 'token_actor', () => withClaims({ act: { sub: 'agent' } })],
  ['has an actor that is text', 'token_malformed', () => withClaims({ act: 'agent' })],
  ['has an actor without a subject', 'token_malformed', () => withClaims({ act: {} })],
  ['has six actors behind each other', 'token_malformed', () => withClaims({ act: nested(6) })],

  // Groups.
  ['leaves its groups out', 'token_groups_missing', () => sign(without('groups'))],
  ['has groups elsewhere', 'token_groups_overage', () => elsewhere({ _claim_names: { groups: 'src1' } })],
  ['has too many groups', 'token_groups_overage', () => elsewhere({ hasgroups: true })],
  ['has too many groups, in words', 'token_groups_overage', () => elsewhere({ hasgroups: 'true' })],
  [
    'has groups elsewhere beside some here',
    'token_groups_overage',
    () => withClaims({ _claim_names: { groups: 's' } }),
  ],
  [
    'has groups by source',
    'token_groups_overage',
    () => elsewhere({ 'groups:src1': 'https://graph.example' }),
  ],
  ['has groups that are an object', 'token_groups_malformed', () => withClaims({ groups: { dba: true } })],
  ['has a number among its groups', 'token_groups_malformed', () => withClaims({ groups: ['dba', 7] })],
  ['has an empty group', 'token_groups_malformed', () => withClaims({ groups: [''] })],
  ['has a line break in a group', 'token_groups_malformed', () => withClaims({ groups: ['dba\n'] })],
  [
    'has a thousand and one groups',
    'token_groups_malformed',
    () => withClaims({ groups: Array.from({ length: 1001 }, (_, i) => `g${i}`) }),
  ],
];

const nested = (depth: number): Record<string, unknown> =>
  depth === 1 ? { sub: 'agent' } : { sub: 'agent', act: nested(depth - 1) };
const elsewhere = (more: Record<string, unknown>) => sign({ ...without('groups'), ...more });
const unsigned = (alg: string) =>
  `${base64url({ ...goodHeader(), alg })}.${base64url(goodClaims())}.${base64url('x')}`;

async function confused(digest: string, alg: string): Promise<string> {
  return hmac({ ...goodHeader(), alg }, await exportSPKI(KEYS.rsa.publicKey), digest);
}

function digestOff(): string {
  const input = `${base64url(goodHeader())}.${base64url(goodClaims())}`;
  return `${input}.${signBytes('sha384', Buffer.from(input), KEYS.rsa.privateKey).toString('base64url')}`;
}

function turned(token: [string, string, string], part: number): string {
  const bytes = Buffer.from(token[part] ?? '', 'base64url');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return token.with(part, bytes.toString('base64url')).join('.');
}

function changed([header, , signature]: [string, string, string]): string {
  return [header, base64url({ ...goodClaims(), email: 'root@example.com' }), signature].join('.');
}

function headerChanged([, claims, signature]: [string, string, string]): string {
  return [base64url({ ...goodHeader(), typ: 'at+jwt' }), claims, signature].join('.');
}

function zeros([header, claims]: [string, string, string]): string {
  return [header, claims, Buffer.alloc(256).toString('base64url')].join('.');
}

async function grafted(): Promise<string> {
  const other = await withClaims({ sub: 'u-2' });
  return [...(await parts()).slice(0, 2), other.split('.')[2]].join('.');
}

function encrypted(): Promise<string> {
  return new CompactEncrypt(Buffer.from(JSON.stringify(goodClaims())))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' })
    .encrypt(KEYS.rsa.publicKey);
}

describe('the good token', () => {
  test('stands for its identity, with groups', async () => {
    expect(await world.bearer(await sign())).toMatchObject({
      identity: { name: 'ana@example.com', kind: 'person', roles: ['requester'] },
      groups: ['dba', 'staff'],
      origin: { issuer: ISSUER, subject: 'u-1001' },
      endUser: undefined,
    });
  });

  test.each([
    ['ES256', () => withHeader({ alg: 'ES256', kid: KIDS.ec }, KEYS.ec.privateKey)],
    ['EdDSA', () => withHeader({ alg: 'EdDSA', kid: KIDS.ed }, KEYS.ed.privateKey)],
    ['no typ', () => sign(goodClaims(), { alg: 'RS256', kid: KIDS.rsa })],
    ['the type of access tokens', () => withHeader({ typ: 'at+jwt' })],
    ['itself among several audiences', () => withClaims({ aud: ['payroll', 'hoopctl'] })],
    [
      'times that are off by less than the leeway',
      () => withClaims({ iat: NOW - 60, exp: NOW - 29, nbf: NOW + 29 }),
    ],
    ['a list of emails of which one fits', () => withClaims({ name: ['x'] })],
    ['no authorized party', () => sign(without('azp'))],
  ])('counts with %s', async (_, token) => {
    expect(await world.bearer(await token())).toMatchObject({ identity: { name: 'ana@example.com' } });
  });
});

describe('a token is refused that', () => {
  test.each(CORPUS)('%s (%s)', async (_, code, make) => {
    const token = await make();
    const error = await world.bearer(token).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(LoginNeeded);
    expect(error).toMatchObject({ code });
    const words = JSON.stringify([String(error), (error as LoginNeeded).why, (error as LoginNeeded).next]);
    for (const part of token.split('.')) if (part.length > 20) expect(words).not.toContain(part);
  });

  test('differs from the good one in at least 60 ways', () => {
    expect(new Set(CORPUS.map(([what]) => what)).size).toBe(CORPUS.length);
    expect(CORPUS.length).toBeGreaterThanOrEqual(60);
  });

  test("is signed by a key of 1024 bits, although it is the issuer's", async () => {
    const other = await issuerWorld();
    other.documents.set(`${ISSUER}/keys`, {
      keys: [await publicJwk(KEYS.short.publicKey, { kid: KIDS.rsa })],
    });
    const token = await sign();
    await expect(other.bearer(token)).rejects.toMatchObject({ code: 'token_signature' });
  });
});

describe('what an issuer may ask besides', () => {
  const refusal = async (more: Record<string, unknown>, token: string) => {
    const { bearer } = await issuerWorld([issuerOf(more)]);
    return bearer(token).then(
      () => 'taken',
      (error: { code: string }) => error.code,
    );
  };

  test.each([
    ['a sign-in lately', { max_age: '20s' }, {}, 'token_sign_in_age'],
    ['a sign-in that is told', { max_age: '1h' }, { auth_time: undefined }, 'token_sign_in_age'],
    ['a way of signing in', { acr: ['phr'] }, {}, 'token_acr'],
    ['a client', { authorized_parties: ['cli'] }, {}, 'token_party'],
    ['a client where none is told', { authorized_parties: ['cli'] }, { azp: undefined }, 'token_party'],
    ['a young token', { max_token_age: '5s', leeway: '0s' }, {}, 'token_too_old'],
    ['clocks that agree', { leeway: '0s' }, { exp: NOW }, 'token_expired'],
    ['algorithms', { algorithms: ['ES256'] }, {}, 'token_algorithm'],
    ['a domain', { domain: 'other.example' }, {}, 'token_name'],
  ])('%s', async (_, more, claims, code) => {
    const token = await sign({ ...goodClaims(), ...claims });
    expect(await refusal(more, token)).toBe(code);
    expect(await refusal({}, await sign())).toBe('taken');
  });

  test('may be less: groups that are left out, an email without a word about it', async () => {
    expect(await refusal({ groups_optional: true }, await sign(without('groups')))).toBe('taken');
    expect(await refusal({ trust_email: true }, await sign(without('email_verified')))).toBe('taken');
    expect(await refusal({ groups_optional: true }, await elsewhere({ hasgroups: true }))).toBe(
      'token_groups_overage',
    );
    expect(await refusal({ trust_email: true }, await withClaims({ email_verified: false }))).toBe(
      'token_email_unverified',
    );
  });
});

import { beforeEach, describe, expect, test } from 'vitest';
import {
  goodClaims,
  goodHeader,
  ISSUER,
  issuerOf,
  issuerWorld,
  KEYS,
  KIDS,
  publicJwk,
  sign,
} from './issuer-world.ts';

const DISCOVERY = `${ISSUER}/.well-known/openid-configuration`;
const JWKS = `${ISSUER}/keys`;
const MINUTE = 60_000;

let world: Awaited<ReturnType<typeof issuerWorld>>;
beforeEach(async () => {
  world = await issuerWorld();
});

const code = (token: Promise<unknown>) =>
  token.then(
    () => 'taken',
    (error: { code: string }) => error.code,
  );
const rotated = () => sign(goodClaims(), { ...goodHeader(), kid: 'key-new' }, KEYS.stranger.privateKey);
const newKeys = async () => ({ keys: [await publicJwk(KEYS.stranger.publicKey, { kid: 'key-new' })] });

describe('the keys of an issuer', () => {
  test('are found by discovery once and kept', async () => {
    await world.bearer(await sign());
    await world.bearer(await sign());
    expect(world.calls).toEqual([DISCOVERY, JWKS]);
  });

  test('are asked for once by calls at the same time', async () => {
    const token = await sign();
    await Promise.all(Array.from({ length: 50 }, () => world.bearer(token)));
    expect(world.calls).toEqual([DISCOVERY, JWKS]);
  });

  test('are asked for again when a token names a key nobody knows', async () => {
    await world.bearer(await sign());
    world.documents.set(JWKS, await newKeys());
    world.clock.advance(MINUTE);
    expect((await world.bearer(await rotated())).identity.name).toBe('ana@example.com');
  });

  test('are not asked for more often than twice a minute, whatever strangers send', async () => {
    await world.bearer(await sign());
    world.clock.advance(MINUTE);
    world.calls.length = 0;
    for (let i = 0; i < 100; i++) {
      const token = await sign(goodClaims(), { ...goodHeader(), kid: `guess-${i}` });
      expect(await code(world.bearer(token))).toBe('token_key_unknown');
    }
    expect(world.calls).toEqual([DISCOVERY, JWKS]);
    world.clock.advance(31_000);
    world.documents.set(JWKS, await newKeys());
    expect(await code(world.bearer(await rotated()))).toBe('taken');
  });

  test('stop counting within ten minutes after the issuer has taken them back', async () => {
    await world.bearer(await sign());
    world.documents.set(JWKS, await newKeys());
    world.clock.advance(10 * MINUTE);
    world.clock.setWall(world.clock.now() - 10 * MINUTE);
    expect(await code(world.bearer(await sign()))).toBe('token_key_unknown');
  });

  test('count for an hour while the issuer cannot be reached, and no longer', async () => {
    await world.bearer(await sign());
    world.documents.set(DISCOVERY, new Error('down'));
    const later = (ms: number) => {
      world.clock.advance(ms);
      world.clock.setWall(world.clock.now() - ms);
    };
    later(50 * MINUTE);
    expect(await code(world.bearer(await sign()))).toBe('taken');
    later(11 * MINUTE);
    await expect(world.bearer(await sign())).rejects.toMatchObject({ why: 'down' });
    expect(await code(world.bearer(await sign()))).toBe('issuer_unreachable');
  });

  test('are not asked for again and again while the issuer is down', async () => {
    world.documents.set(DISCOVERY, new Error('down'));
    await world.bearer(await sign()).catch(() => {});
    for (let i = 0; i < 20; i++) expect(await code(world.bearer(await sign()))).toBe('issuer_unreachable');
    expect(world.calls).toEqual([DISCOVERY]);
  });

  test('come from jwks_uri where there is no discovery', async () => {
    const other = await issuerWorld([issuerOf({ jwks_uri: JWKS })]);
    await other.bearer(await sign());
    expect(other.calls).toEqual([JWKS]);
  });
});

describe('an issuer is not believed whose', () => {
  test.each([
    ['discovery names another issuer', DISCOVERY, { issuer: 'https://evil.example', jwks_uri: JWKS }],
    ['discovery names it with a slash', DISCOVERY, { issuer: `${ISSUER}/`, jwks_uri: JWKS }],
    ['discovery has no keys', DISCOVERY, { issuer: ISSUER }],
    [
      'discovery points to plain http',
      DISCOVERY,
      { issuer: ISSUER, jwks_uri: 'http://login.example.com/keys' },
    ],
    ['discovery points to this machine', DISCOVERY, { issuer: ISSUER, jwks_uri: 'http://127.0.0.1/keys' }],
    ['discovery points to a file', DISCOVERY, { issuer: ISSUER, jwks_uri: 'file:///etc/passwd' }],
    ['discovery is text', DISCOVERY, 'hello'],
    ['key set is a list', JWKS, []],
    ['key set is empty', JWKS, { keys: [] }],
    [
      'key set has more than a hundred keys',
      JWKS,
      { keys: Array.from({ length: 101 }, () => ({ kty: 'RSA' })) },
    ],
    ['key set holds shared secrets only', JWKS, { keys: [{ kty: 'oct', kid: KIDS.rsa, k: 'c2VjcmV0' }] }],
    ['key set holds nulls', JWKS, { keys: [null, 1] }],
  ])('%s', async (_, url, document) => {
    world.documents.set(url, document);
    expect(await code(world.bearer(await sign()))).toBe('issuer_unreachable');
  });

  test('key is meant for encryption', async () => {
    const key = await publicJwk(KEYS.rsa.publicKey, { kid: KIDS.rsa, use: 'enc' });
    world.documents.set(JWKS, { keys: [key, await publicJwk(KEYS.ec.publicKey, { kid: KIDS.ec })] });
    expect(await code(world.bearer(await sign()))).toBe('token_key_unknown');
  });

  test('key is a private one', async () => {
    const key = await publicJwk(KEYS.rsa.privateKey, { kid: KIDS.rsa });
    world.documents.set(JWKS, { keys: [key] });
    expect(await code(world.bearer(await sign()))).toBe('issuer_unreachable');
  });
});

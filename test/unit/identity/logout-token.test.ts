import { beforeEach, describe, expect, test } from 'vitest';
import type { LogoutToken } from '../../../src/identity/logout-token.ts';
import { goodHeader, ISSUER, issuerWorld, KEYS, NOW, sign } from './issuer-world.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const good = (): Record<string, unknown> => ({
  iss: ISSUER,
  aud: 'hoopctl',
  iat: NOW - 5,
  exp: NOW + 115,
  jti: 'l-1',
  sub: 'u-1001',
  sid: 'sid-1',
  events: { [EVENT]: {} },
});

let world: Awaited<ReturnType<typeof issuerWorld>>;
beforeEach(async () => {
  world = await issuerWorld();
});
const verify = async (token: string): Promise<LogoutToken> =>
  (await world.trusted.verifyLogout(token)).logout;
const told = (change: Record<string, unknown>, header = goodHeader()) =>
  sign({ ...good(), ...change }, header).then(verify);

describe('a logout token', () => {
  test('says whose session has ended, and until when it could be sent again', async () => {
    expect(await told({})).toEqual({
      subject: 'u-1001',
      session: 'sid-1',
      id: 'l-1',
      until: (NOW + 115 + 30) * 1000,
    });
    expect(await told({ sid: undefined })).toMatchObject({ subject: 'u-1001', session: undefined });
    expect(await told({ sub: undefined })).toMatchObject({ subject: undefined, session: 'sid-1' });
    expect(await told({}, { ...goodHeader(), typ: 'logout+jwt' })).toMatchObject({ id: 'l-1' });
  });

  const BAD: readonly (readonly [string, Record<string, unknown>, string])[] = [
    ['with a nonce, as ID tokens have', { nonce: 'n-1' }, 'token_malformed'],
    ['without events', { events: undefined }, 'token_type'],
    ['about another event', { events: { 'https://example.com/other': {} } }, 'token_type'],
    ['whose event is no object', { events: { [EVENT]: true } }, 'token_type'],
    ['whose event is a list', { events: { [EVENT]: [] } }, 'token_type'],
    ['whose events are a list', { events: [EVENT] }, 'token_type'],
    ['for somebody else', { aud: 'payroll' }, 'token_audience'],
    ['for nobody', { aud: undefined }, 'token_audience'],
    ['about nobody', { sub: undefined, sid: undefined }, 'token_claim_missing'],
    ['about a number', { sub: 7 }, 'token_malformed'],
    ['about a hidden name', { sub: 'u\u202e1' }, 'token_malformed'],
    ['without an id', { jti: undefined }, 'token_claim_missing'],
    ['with an empty id', { jti: '' }, 'token_malformed'],
    ['without a time', { iat: undefined }, 'token_claim_missing'],
    ['without an end', { exp: undefined }, 'token_claim_missing'],
    ['of the future', { iat: NOW + 3600, exp: NOW + 7200 }, 'token_from_future'],
    ['of the past', { iat: NOW - 300, exp: NOW - 100 }, 'token_expired'],
    [
      'that was issued long ago, whatever it says of its end',
      { iat: NOW - 3600, exp: NOW + 3600 },
      'token_expired',
    ],
    ['of another issuer', { iss: 'https://evil.example' }, 'token_issuer'],
  ];
  test.each(BAD)('%s is refused', async (_, change, code) => {
    await expect(told(change)).rejects.toMatchObject({ code });
  });

  test('signed by a stranger, or not at all, is refused', async () => {
    const forged = sign(good(), goodHeader(), KEYS.stranger.privateKey);
    await expect(forged.then(verify)).rejects.toMatchObject({ code: 'token_signature' });
    const none = (await sign(good())).replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString('base64url'));
    await expect(verify(none)).rejects.toMatchObject({ code: 'token_algorithm' });
  });

  test('passes for no identity, nor an ID token for a logout', async () => {
    await expect(world.trusted.verify(await sign(good()), {})).rejects.toMatchObject({ code: 'token_type' });
    await expect(
      sign(good(), { ...goodHeader(), typ: 'logout+jwt' }).then((token) => world.trusted.verify(token, {})),
    ).rejects.toMatchObject({ code: 'token_type' });
  });
});

import { generateKeyPairSync } from 'node:crypto';
import { jwtVerify } from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import { type DeviceCode, deviceGrant, machineGrant, refreshGrant } from '../../../src/login/grants.ts';
import { openProvider } from '../../../src/login/provider.ts';
import { type ScriptedProvider, startScriptedProvider, type TokenAnswer } from './scripted-provider.ts';

const providers: ScriptedProvider[] = [];
afterEach(async () => {
  await Promise.all(providers.splice(0).map((provider) => provider.close()));
});

async function scripted(
  answers: readonly TokenAnswer[],
  device: Readonly<Record<string, unknown>> = {},
  metadata: Readonly<Record<string, unknown>> = {},
) {
  const server = await startScriptedProvider(answers, device, metadata);
  providers.push(server);
  const { issuer } = server;
  const provider = await openProvider({
    issuer,
    clientId: 'cli',
    proof: { kind: 'none' },
    allowHttpLoopback: true,
    environment: {},
  });
  const shown: DeviceCode[] = [];
  const troubles: string[] = [];
  const stop = new AbortController();
  const asking = { issuer, clientId: 'cli', scopes: ['openid'], audience: null };
  return {
    server,
    provider,
    asking,
    shown,
    troubles,
    stop,
    run: () =>
      deviceGrant(
        provider,
        asking,
        (code) => shown.push(code),
        (why) => troubles.push(why),
        stop.signal,
      ),
  };
}

const GIVEN: TokenAnswer = { tokens: { refresh_token: 'refresh' } };

describe('the device grant', () => {
  test('shows the code, waits while it is pending, and gives the tokens', async () => {
    const one = await scripted([{ error: 'authorization_pending' }, GIVEN]);
    expect(await one.run()).toEqual({
      token: 'an-access-token',
      refreshToken: 'refresh',
      accessToken: 'an-access-token',
    });
    expect(one.shown).toMatchObject([
      { userCode: 'WDJB-MJHT', url: `${one.server.issuer}/enter`, lifetime: 60_000 },
    ]);
  });

  test('asks less often when it is told to slow down', async () => {
    const one = await scripted([{ error: 'slow_down' }, GIVEN]);
    await one.run();
    const [first, second] = one.server.asked;
    // RFC 8628, section 3.5: five seconds more.
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(5500);
  });

  test('ends with the provider’s no', async () => {
    const denied = await scripted([{ error: 'access_denied' }]);
    await expect(denied.run()).rejects.toMatchObject({ kind: 'login-needed', code: 'access_denied' });
    const late = await scripted([{ error: 'expired_token' }]);
    await expect(late.run()).rejects.toMatchObject({ kind: 'login-needed', code: 'login_expired' });
  });

  test('ends by itself when nobody enters the code in time', async () => {
    const one = await scripted([], { expires_in: 2 });
    await expect(one.run()).rejects.toMatchObject({ kind: 'login-needed', code: 'login_expired' });
  });

  test('outlasts a network that fails for a moment', async () => {
    const one = await scripted(['broken', GIVEN]);
    expect(await one.run()).toMatchObject({ token: 'an-access-token' });
    expect(one.troubles).toHaveLength(1);
  });

  test('stops when it is told to', async () => {
    const one = await scripted([]);
    const why = new Error('Ctrl-C');
    const running = one.run();
    one.stop.abort(why);
    await expect(running).rejects.toBe(why);
  });

  test('sends a proof key where the provider knows such', async () => {
    const one = await scripted([GIVEN], {}, { code_challenge_methods_supported: ['S256'] });
    await one.run();
    expect(one.server.started[0]?.get('code_challenge_method')).toBe('S256');
    expect(one.server.asked[0]?.form.get('code_verifier')?.length).toBeGreaterThan(42);
    const other = await scripted([GIVEN]);
    await other.run();
    expect(other.server.started[0]?.has('code_challenge')).toBe(false);
  });

  test('says so where the provider has no such thing', async () => {
    const one = await scripted([], {}, { device_authorization_endpoint: undefined });
    await expect(one.run()).rejects.toMatchObject({ code: 'no_device_flow' });
  });
});

describe('other grants', () => {
  test('a refresh keeps the old token where the provider gives no new one', async () => {
    const one = await scripted([{ tokens: {} }]);
    expect(await refreshGrant(one.provider, 'old', one.asking)).toMatchObject({ refreshToken: 'old' });
  });

  test('a refresh token that counts no more asks for a new sign-in', async () => {
    const one = await scripted([{ error: 'invalid_grant' }]);
    await expect(refreshGrant(one.provider, 'old', one.asking)).rejects.toMatchObject({
      kind: 'login-needed',
      code: 'login_ended',
    });
  });

  test('a machine asks for its audience, as a resource where that is a URI', async () => {
    const one = await scripted([{ tokens: {} }, { tokens: {} }]);
    await machineGrant(one.provider, { ...one.asking, audience: 'urn:hoopctl' });
    await machineGrant(one.provider, { ...one.asking, audience: 'hoopctl' });
    expect(one.server.asked.map(({ form }) => [form.get('resource'), form.get('audience')])).toEqual([
      ['urn:hoopctl', null],
      [null, 'hoopctl'],
    ]);
  });
});

describe('a client with a key', () => {
  test.each([
    ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['Ed25519', generateKeyPairSync('ed25519')],
  ])('proves itself by a signed assertion: %s', async (alg, { privateKey, publicKey }) => {
    const server = await startScriptedProvider([{ tokens: {} }]);
    providers.push(server);
    const { issuer } = server;
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const provider = await openProvider({
      issuer,
      clientId: 'nightly',
      proof: { kind: 'key', pem },
      allowHttpLoopback: true,
      environment: {},
    });
    await machineGrant(provider, { issuer, clientId: 'nightly', scopes: [], audience: null });
    const form = server.asked[0]?.form;
    expect(form?.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    const { payload, protectedHeader } = await jwtVerify(form?.get('client_assertion') ?? '', publicKey, {
      issuer: 'nightly',
      subject: 'nightly',
      audience: issuer,
    });
    expect(protectedHeader.alg).toBe(alg);
    expect(payload.jti).toBeDefined();
    expect([...(form?.keys() ?? [])]).not.toContain('client_secret');
  });

  test('whose key cannot be read is told so without a word of the key', async () => {
    const refused = openProvider({
      issuer: 'https://idp.example',
      clientId: 'nightly',
      proof: { kind: 'key', pem: 'a secret that is no key' },
      allowHttpLoopback: false,
      environment: {},
    });
    await expect(refused).rejects.toMatchObject({ code: 'bad_client_key' });
    await expect(refused).rejects.not.toThrow(/a secret that/);
  });
});

describe('an issuer', () => {
  const options = { clientId: 'cli', proof: { kind: 'none' } as const };

  test('over plain http is for loopback alone, and only when asked for', async () => {
    const one = await scripted([]);
    const { issuer } = one.server;
    await expect(
      openProvider({ ...options, issuer, allowHttpLoopback: false, environment: {} }),
    ).rejects.toMatchObject({
      code: 'insecure_issuer',
    });
    await expect(
      openProvider({ ...options, issuer: 'http://idp.example', allowHttpLoopback: true, environment: {} }),
    ).rejects.toMatchObject({ code: 'insecure_issuer' });
  });

  test('may not send its clients to plain http elsewhere', async () => {
    const server = await startScriptedProvider([], {}, { token_endpoint: 'http://evil.example/token' });
    providers.push(server);
    await expect(
      openProvider({ ...options, issuer: server.issuer, allowHttpLoopback: true, environment: {} }),
    ).rejects.toMatchObject({ code: 'insecure_issuer' });
  });

  test('that does not answer is not reachable', async () => {
    await expect(
      openProvider({ ...options, issuer: 'http://127.0.0.1:1', allowHttpLoopback: true, environment: {} }),
    ).rejects.toMatchObject({ kind: 'not-reachable', code: 'issuer_not_reachable' });
  });
});

import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HoopError, ProtocolViolation } from '../../../src/base/errors.ts';
import {
  deriveKeys,
  hmac,
  newNonce,
  prepare,
  SCRAM,
  SCRAM_PLUS,
  xor,
} from '../../../src/protocols/postgres/scram.ts';
import { endPointBinding } from '../../../src/protocols/postgres/scram-channel-binding.ts';
import { type ChannelBinding, ScramClient } from '../../../src/protocols/postgres/scram-client.ts';
import {
  makeVerifier,
  mockVerifier,
  parseVerifier,
  ScramServer,
  verifierText,
} from '../../../src/protocols/postgres/scram-server.ts';

const verifier = await makeVerifier('pencil');
const bindingData = Buffer.from('hash of a certificate');

async function run(password: string, client: ChannelBinding, server: Uint8Array | undefined) {
  const one = new ScramClient(password, client, newNonce());
  const other = new ScramServer(verifier, server);
  const outcome = other.finish(await one.answer(other.begin(one.mechanism, one.first())));
  if (outcome.ok) one.verify(outcome.serverFinal);
  return outcome.ok;
}

/** A client's first and final message, for tests that change them. */
async function messages(binding: ChannelBinding, server: ScramServer) {
  const client = new ScramClient('pencil', binding, newNonce());
  const first = client.first();
  const final = await client.answer(server.begin(client.mechanism, first));
  return { first: first.toString(), final: final.toString() };
}

describe('keys', () => {
  test('are those of the example in RFC 7677', async () => {
    const { storedKey, clientKey, serverKey } = await deriveKeys(
      'pencil',
      Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
      4096,
    );
    const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
    const authMessage = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`;
    expect(xor(clientKey, hmac(storedKey, authMessage)).toString('base64')).toBe(
      'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    );
    expect(hmac(serverKey, authMessage).toString('base64')).toBe(
      '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    );
  });

  test.each([
    ['I\u00adX', 'IX'],
    ['a\u00a0b', 'a b'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['bell\u0007', 'bell\u0007'],
    ['no\ue000', 'no\ue000'],
    ['\u00ad', '\u00ad'],
  ])('SASLprep of %j is %j', (password, prepared) => {
    expect(prepare(password)).toBe(prepared);
  });
});

describe('a login', () => {
  test('succeeds with the password and fails without it, bound and not', async () => {
    expect(await run('pencil', { use: 'none' }, undefined)).toBe(true);
    expect(await run('pencil', { use: 'none' }, bindingData)).toBe(true);
    expect(await run('pencil', { use: 'not-offered' }, undefined)).toBe(true);
    expect(await run('pencil', { use: 'bound', data: bindingData }, bindingData)).toBe(true);
    expect(await run('Pencil', { use: 'none' }, undefined)).toBe(false);
  });

  test('fails where the two ends of the channel see other certificates', async () => {
    expect(await run('pencil', { use: 'bound', data: Buffer.from('of another') }, bindingData)).toBe(false);
  });

  test('fails for a user that is not there, with the same salt each time', async () => {
    const secret = Buffer.alloc(32, 7);
    const mock = mockVerifier(secret, 'nobody');
    expect(mockVerifier(secret, 'nobody').salt).toEqual(mock.salt);
    expect(mockVerifier(secret, 'other').salt).not.toEqual(mock.salt);
    const client = new ScramClient('pencil', { use: 'none' }, newNonce());
    const server = new ScramServer(mock, undefined);
    expect(server.finish(await client.answer(server.begin(SCRAM, client.first()))).ok).toBe(false);
  });
});

describe('a kept verifier', () => {
  test('comes back as it was written, in the form of pg_authid', () => {
    const text = verifierText(verifier);
    expect(text).toMatch(/^SCRAM-SHA-256\$4096:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/);
    expect(parseVerifier(text)).toEqual(verifier);
  });

  test('that is damaged lets nobody in', () => {
    const text = verifierText(verifier);
    fc.assert(
      fc.property(fc.nat(text.length - 2), (cut) => {
        expect(() => parseVerifier(text.slice(0, cut))).toThrow(HoopError);
      }),
    );
    expect(() => parseVerifier('md5d41d8cd98f00b204e9800998ecf8427e')).toThrow(HoopError);
  });
});

describe('a server', () => {
  const begin = (mechanism: string, text: string, binding?: Uint8Array) => () =>
    new ScramServer(verifier, binding).begin(mechanism, Buffer.from(text));

  test.each([
    ['says that -PLUS was not offered when it was', SCRAM, 'y,,n=,r=abc', bindingData],
    ['binds under the mechanism without binding', SCRAM, 'p=tls-server-end-point,,n=,r=abc', bindingData],
    ['does not bind under -PLUS', SCRAM_PLUS, 'n,,n=,r=abc', bindingData],
    ['binds by another type', SCRAM_PLUS, 'p=tls-unique,,n=,r=abc', bindingData],
    ['takes -PLUS where it was not offered', SCRAM_PLUS, 'p=tls-server-end-point,,n=,r=abc', undefined],
    ['takes another mechanism', 'PLAIN', 'n,,n=,r=abc', undefined],
    ['wants to act as another user', SCRAM, 'n,a=admin,n=,r=abc', undefined],
    ['asks for a mandatory extension', SCRAM, 'n,,m=x,n=,r=abc', undefined],
    ['gives an empty nonce', SCRAM, 'n,,n=,r=', undefined],
    ['gives a nonce with a space', SCRAM, 'n,,n=,r=a b', undefined],
    ['leaves the nonce out', SCRAM, 'n,,n=', undefined],
    ['sends nothing', SCRAM, '', undefined],
    ['sends a header only', SCRAM, 'n,,', undefined],
  ])('refuses a client that %s', (_what, mechanism, text, binding) => {
    expect(begin(mechanism, text, binding)).toThrow(expect.objectContaining({ code: 'bad_scram_message' }));
  });

  test.each([
    ['a wrong nonce', (final: string) => final.replace(/r=[^,]+/, 'r=other')],
    ['a nonce that is only the client’s', (final: string) => final.replace(/(r=.{24})[^,]+/, '$1')],
    ['another header than it began with', (final: string) => final.replace('c=biws', 'c=eSws')],
    [
      'a proof with one bit changed',
      (final: string) => final.replace(/p=./, (p) => (p === 'p=A' ? 'p=B' : 'p=A')),
    ],
  ])('does not let in a client with %s', async (_what, change) => {
    const server = new ScramServer(verifier, undefined);
    const { final } = await messages({ use: 'none' }, server);
    expect(change(final)).not.toBe(final);
    expect(server.finish(Buffer.from(change(final))).ok).toBe(false);
    expect(server.finish(Buffer.from(final)).ok).toBe(true);
  });

  test.each([
    ['an empty proof', (final: string) => final.replace(/p=.*/, 'p=')],
    ['a short proof', (final: string) => final.replace(/p=.*/, 'p=AAAA')],
    ['no proof', (final: string) => final.replace(/,p=.*/, '')],
    ['two proofs', (final: string) => `${final},p=AAAA`],
    ['loose base64', (final: string) => `${final}!`],
  ])('refuses %s', async (_what, change) => {
    const server = new ScramServer(verifier, undefined);
    const { final } = await messages({ use: 'none' }, server);
    expect(() => server.finish(Buffer.from(change(final)))).toThrow(ProtocolViolation);
  });

  test('never fails otherwise than by a ProtocolViolation, and lets nobody in by chance', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (first, final) => {
        const server = new ScramServer(verifier, undefined);
        try {
          server.begin(SCRAM, Buffer.from(`n,,${first}`));
          expect(server.finish(Buffer.from(final)).ok).toBe(false);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolViolation);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a client', () => {
  const nonce = 'fixed-nonce';
  const answer = (text: string) =>
    new ScramClient('pencil', { use: 'none' }, nonce).answer(Buffer.from(text));

  test.each([
    ['another nonce', 'r=other,s=c2FsdA==,i=4096'],
    ['only our own nonce', `r=${nonce},s=c2FsdA==,i=4096`],
    ['no salt', `r=${nonce}x,s=,i=4096`],
    ['a mandatory extension', `m=x,r=${nonce}x,s=c2FsdA==,i=4096`],
    ['something behind the count', `r=${nonce}x,s=c2FsdA==,i=4096,x=y`],
    ['nothing', ''],
  ])('refuses a server with %s', async (_what, text) => {
    await expect(answer(text)).rejects.toMatchObject({ code: 'bad_scram_message' });
  });

  test.each(['4095', '1', '0', '-4096', '1000001', '4294967296', '4096x', '99999999999999999999'])(
    'refuses to do %s iterations',
    async (count) => {
      await expect(answer(`r=${nonce}x,s=c2FsdA==,i=${count}`)).rejects.toBeInstanceOf(ProtocolViolation);
    },
  );

  test('refuses a server that cannot prove that it knows the password', async () => {
    const client = new ScramClient('pencil', { use: 'none' }, nonce);
    const signature = Buffer.alloc(32, 1).toString('base64');
    expect(() => client.verify(Buffer.from(`v=${signature}`))).toThrow(ProtocolViolation);
    await client.answer(Buffer.from(`r=${nonce}x,s=c2FsdA==,i=4096`));
    expect(() => client.verify(Buffer.from(`v=${signature}`))).toThrow(
      expect.objectContaining({ code: 'target_not_authentic' }),
    );
    expect(() => client.verify(Buffer.from('v='))).toThrow(HoopError);
    expect(() => client.verify(Buffer.from('e=other-error'))).toThrow(
      expect.objectContaining({ code: 'target_authentication_failed' }),
    );
  });
});

describe('channel binding data', () => {
  const dir = mkdtempSync(join(tmpdir(), 'hoopctl-binding-'));
  const certificate = (name: string, ...words: string[]) => {
    const file = join(dir, `${name}.pem`);
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-noenc',
        '-subj',
        '/CN=x',
        '-days',
        '1',
        '-keyout',
        join(dir, 'key'),
        '-out',
        file,
        ...words,
      ],
      { stdio: 'ignore' },
    );
    return new X509Certificate(readFileSync(file)).raw;
  };

  test.each([
    ['ecdsa-sha256', 'sha256', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-sha256']],
    ['ecdsa-sha384', 'sha384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-sha384']],
    ['rsa-sha512', 'sha512', ['-newkey', 'rsa:2048', '-sha512']],
    ['pss-sha384', 'sha384', ['-newkey', 'rsa:2048', '-sha384', '-sigopt', 'rsa_padding_mode:pss']],
  ])('hashes a certificate signed by %s with %s', (name, hash, words) => {
    const raw = certificate(name, ...words);
    expect(endPointBinding(raw)).toEqual(createHash(hash).update(raw).digest());
  });

  test('does not exist for a signature that names no hash, or for what is no certificate', () => {
    expect(endPointBinding(certificate('ed25519', '-newkey', 'ed25519'))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(endPointBinding(bytes)).toBeUndefined();
      }),
    );
    rmSync(dir, { recursive: true });
  });
});

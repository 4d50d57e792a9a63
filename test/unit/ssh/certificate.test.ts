import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type Certificate,
  type CertificateTerms,
  readCertificate,
  refusalOf,
} from '../../../src/protocols/ssh/host-trust/certificate.ts';
import { fingerprintOf } from '../../../src/protocols/ssh/host-trust/public-key.ts';
import { blobOf, type KeyType, SshKeys } from '../../servers/ssh-certificates.ts';

const keys = new SshKeys();
afterAll(() => keys.remove());

const authority = keys.make('authority');
const NOW = Date.parse('2026-06-01T00:00:00Z');
const HOST = ['-h', '-n', 'web-1,web-1.internal', '-V', '20260101:20270101'];

let number = 0;
function certificate(flags: readonly string[], signer = authority, type: KeyType = 'ed25519'): Buffer {
  const key = keys.make(`host-${++number}`, type);
  return blobOf(keys.sign(signer, key, ...flags));
}

function terms(more: Partial<CertificateTerms> = {}): CertificateTerms {
  return {
    host: 'web-1',
    now: NOW,
    authorities: new Set([keys.fingerprint(authority)]),
    revoked: new Set(),
    ...more,
  };
}

const refusal = (blob: Buffer, more: Partial<CertificateTerms> = {}) =>
  refusalOf(readCertificate(blob), terms(more));

describe('a host certificate', () => {
  test.each(['ed25519', 'ecdsa', 'rsa'] as const)('of a key of type %s shows whose key it is', (type) => {
    const key = keys.make(`own-${type}`, type);
    const read = readCertificate(blobOf(keys.sign(authority, key, ...HOST)));
    expect(refusalOf(read, terms())).toBeUndefined();
    expect(fingerprintOf(read.key)).toBe(keys.fingerprint(key));
  });

  test.each([
    ['ed25519', []],
    ['ecdsa', ['-b', '256']],
    ['ecdsa', ['-b', '384']],
    ['ecdsa', ['-b', '521']],
    ['rsa', []],
  ] as const)('counts when an authority of type %s %j signed it', (type, bits) => {
    const signer = keys.make(`signer-${++number}`, type, ...bits);
    const authorities = new Set([keys.fingerprint(signer)]);
    expect(refusal(certificate(HOST, signer), { authorities })).toBeUndefined();
  });

  test('of an authority of another key is refused', () => {
    expect(refusal(certificate(HOST, keys.make('stranger')))).toMatch(/no authority for this host/);
  });

  test('signed by RSA with SHA-1 is refused', () => {
    const signer = keys.make('old', 'rsa');
    const blob = certificate([...HOST, '-t', 'ssh-rsa'], signer);
    expect(refusal(blob, { authorities: new Set([keys.fingerprint(signer)]) })).toMatch(/signature/);
  });

  test('for users is refused', () => {
    expect(refusal(certificate(['-n', 'web-1', '-V', '20260101:20270101']))).toMatch(/for users/);
  });

  test('for another host, or for none, is refused', () => {
    expect(refusal(certificate(HOST), { host: 'db-1' })).toMatch(/for web-1, web-1.internal, not for db-1/);
    expect(refusal(certificate(['-h', '-V', '20260101:20270101']))).toMatch(/for no host/);
    expect(refusal(certificate(HOST), { host: 'web-1.internal' })).toBeUndefined();
  });

  test('names a host, not a pattern of hosts', () => {
    const blob = certificate(['-h', '-n', '*,web-*', '-V', '20260101:20270101']);
    expect(refusal(blob)).toMatch(/not for web-1/);
  });

  test('is refused before its time, after it, and at its very end', () => {
    const blob = certificate(HOST);
    const { validAfter, validBefore } = readCertificate(blob);
    expect(refusal(blob, { now: Number(validAfter) * 1000 - 1 })).toMatch(/valid from/);
    expect(refusal(blob, { now: Number(validAfter) * 1000 })).toBeUndefined();
    expect(refusal(blob, { now: Number(validBefore) * 1000 - 1 })).toBeUndefined();
    expect(refusal(blob, { now: Number(validBefore) * 1000 })).toMatch(/expired/);
  });

  test('without an end is valid for ever', () => {
    expect(refusal(certificate(['-h', '-n', 'web-1']), { now: 8e15 })).toBeUndefined();
  });

  test('with a critical option is refused', () => {
    const blob = certificate([...HOST, '-O', 'critical:only-on-mondays@example.com=yes']);
    expect(refusal(blob)).toMatch(/critical option "only-on-mondays@example.com"/);
  });

  test('is refused when its key or its authority is revoked', () => {
    const blob = certificate(HOST);
    const { authority: signer, key } = readCertificate(blob);
    expect(refusal(blob, { revoked: new Set([fingerprintOf(key)]) })).toMatch(/is revoked/);
    expect(refusal(blob, { revoked: new Set([fingerprintOf(signer)]) })).toMatch(/authority .* is revoked/);
  });

  test('that is changed, cut or continued in any place is not taken', () => {
    const blob = certificate(HOST);
    const taken = (bytes: Buffer): Certificate | undefined => {
      try {
        const read = readCertificate(bytes);
        return refusalOf(read, terms()) === undefined ? read : undefined;
      } catch {
        return undefined;
      }
    };
    expect(taken(blob)).toBeDefined();
    fc.assert(
      fc.property(fc.nat(blob.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(blob);
        changed[at] = (changed[at] ?? 0) ^ by;
        return taken(changed) === undefined;
      }),
      { numRuns: 150 },
    );
    fc.assert(fc.property(fc.nat(blob.length - 1), (end) => taken(blob.subarray(0, end)) === undefined));
    expect(taken(Buffer.concat([blob, Buffer.from([0])]))).toBeUndefined();
  });

  test('made of any bytes is refused without harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => readCertificate(Buffer.from(bytes))).toThrow();
      }),
    );
  });
});

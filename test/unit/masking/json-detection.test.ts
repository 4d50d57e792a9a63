import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DETECTORS, detectionOf } from '../../../src/masking/detectors.ts';
import { maskDetectedInJson } from '../../../src/masking/json-detection.ts';
import { hashKey, REDACTED } from '../../../src/masking/strategies.ts';

const key = hashKey(Buffer.alloc(32, 7));
const all = detectionOf([{ detect: [...DETECTORS], strategy: 'redact', keepLast: 0 }])!;

function masked(json: string): unknown {
  const bytes = Buffer.from(json);
  const result = maskDetectedInJson(bytes, 0, bytes.length, all, key);
  return result ? JSON.parse(result.toString()) : result;
}

describe('detectors inside JSON', () => {
  it('masks strings and keys and leaves the rest byte for byte', () => {
    const text = '{ "to" : "carol@example.com", "n": [1, 2.50], "é": null, "x@y.org": true }';
    const bytes = Buffer.from(text);
    expect(maskDetectedInJson(bytes, 0, bytes.length, all, key)?.toString()).toBe(
      `{ "to" : "${REDACTED}", "n": [1, 2.50], "é": null, "${REDACTED}": true }`,
    );
  });

  it('makes a string of a number that is a card', () => {
    expect(masked('{"card":4539148803436467,"n":12}')).toEqual({ card: REDACTED, n: 12 });
  });

  it('reads escapes before it looks', () => {
    expect(masked('{"a":"carol\\u0040example.com"}')).toEqual({ a: REDACTED });
    expect(masked('["call \\"me\\": +1-202-555-0178\\n"]')).toEqual([`call "me": ${REDACTED}\n`]);
    expect(masked('["\\u0034539148803436467"]')).toEqual([REDACTED]);
  });

  it('finds a private key written with escaped newlines', () => {
    expect(masked('{"k":"-----BEGIN PRIVATE KEY-----\\nMII\\n-----END PRIVATE KEY-----"}')).toEqual({
      k: REDACTED,
    });
  });

  it('says undefined when there is nothing', () => {
    expect(masked('{"a":"gift wrap","b":[1,2,3]}')).toBeUndefined();
    expect(masked('{"a":"tab\\u0009"}')).toBeUndefined();
  });

  it('makes the whole value NULL when the mask says so', () => {
    const nulls = detectionOf([{ detect: ['email'], strategy: 'null', keepLast: 0 }])!;
    const bytes = Buffer.from('{"a":"x@example.com"}');
    expect(maskDetectedInJson(bytes, 0, bytes.length, nulls, key)).toBeNull();
  });

  it('gives valid JSON without the secret, whatever the document', () => {
    const secret = 'zq.secret@corp-example.test';
    fc.assert(
      fc.property(fc.json(), fc.string(), (json, noise) => {
        const text = JSON.stringify({
          [`${noise}k`]: JSON.parse(json),
          v: `${noise} ${secret} ${noise}`,
          [secret]: 1,
        });
        const bytes = Buffer.from(text);
        const result = maskDetectedInJson(bytes, 0, bytes.length, all, key);
        expect(result).toBeInstanceOf(Buffer);
        expect(() => JSON.parse(String(result))).not.toThrow();
        expect(String(result)).not.toContain(secret);
      }),
      { numRuns: 300 },
    );
  });

  it('makes a text NULL that is not JSON to its end', () => {
    for (const text of ['{"a":"carol@example.com', '"carol@example.com\\', '"carol@example.com\\"']) {
      expect(masked(text)).toBeNull();
    }
  });

  it('reads long and broken texts in linear time', () => {
    const began = performance.now();
    for (const text of [
      `"${'\\\\'.repeat(100_000)}@a.com`,
      '"@"'.repeat(70_000),
      '"@\\'.repeat(70_000),
      `@${'1.'.repeat(100_000)}`,
    ]) {
      const bytes = Buffer.from(text);
      maskDetectedInJson(bytes, 0, bytes.length, all, key);
    }
    expect(performance.now() - began).toBeLessThan(1500);
  });
});

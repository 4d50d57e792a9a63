import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutputMasking } from '../../../src/masking/output-masking.ts';
import type { ActiveMask } from '../../../src/policy/decision.ts';
import { ManualClock } from '../session/manual-clock.ts';

const MASKS: readonly ActiveMask[] = [
  {
    name: 'pii',
    columns: [],
    detect: ['credit_card', 'email', 'private_key'],
    strategy: 'redact',
    keepLast: 4,
  } as unknown as ActiveMask,
];
const key = createSecretKey(Buffer.alloc(32, 1));

/** What comes out when the pieces come in one after the other. */
function masked(pieces: readonly Buffer[], masks = MASKS): string {
  const parts: Buffer[] = [];
  const masking = new OutputMasking({ masks: () => masks, key, clock: new ManualClock() });
  for (const piece of pieces) masking.push(piece, (bytes) => parts.push(Buffer.from(bytes)));
  masking.end((bytes) => parts.push(Buffer.from(bytes)));
  return Buffer.concat(parts).toString('latin1');
}
const text = (...pieces: string[]) => masked(pieces.map((piece) => Buffer.from(piece, 'latin1')));

test('a secret is masked wherever the stream is cut', () => {
  const line = 'card 4111 1111 1111 1111 of jane@example.com, thanks\n';
  for (let at = 0; at <= line.length; at++) {
    expect(text(line.slice(0, at), line.slice(at))).toBe('card [masked] of [masked], thanks\n');
  }
});

test('colours inside of a secret do not hide it', () => {
  const out = text('x \x1b[31mjane\x1b[0m@exam', '\x1b[1mple.com\x1b[0m y\n');
  expect(out).not.toContain('jane');
  expect(out).not.toContain('ple.com');
  expect(out).toContain('[masked]');
});

test('a private key is masked from its first to its last line', () => {
  const pem = '-----BEGIN PRIVATE KEY-----\nMIIabc\nMIIdef\n-----END PRIVATE KEY-----\n';
  for (let at = 0; at <= pem.length; at++) {
    const out = text(`a\n${pem.slice(0, at)}`, `${pem.slice(at)}b\n`);
    expect(out).not.toMatch(/MIIabc|MIIdef/);
    expect(out).toMatch(/b\n$/);
  }
});

test('what shows no end of line goes out after the stated delay', () => {
  const clock = new ManualClock();
  const parts: string[] = [];
  const masking = new OutputMasking({ masks: () => MASKS, key, clock });
  masking.push(Buffer.from('$ '), (bytes) => parts.push(bytes.toString()));
  expect(parts).toEqual([]);
  clock.advance(51);
  expect(parts).toEqual(['$ ']);
});

test('what begins before the delay and ends after it is masked in its rest', () => {
  const clock = new ManualClock();
  const parts: string[] = [];
  const masking = new OutputMasking({ masks: () => MASKS, key, clock });
  const out = (bytes: Buffer) => parts.push(bytes.toString());
  masking.push(Buffer.from('jane@exa'), out);
  clock.advance(51);
  masking.push(Buffer.from('mple.com\n'), out);
  expect(parts.join('')).not.toContain('mple.com');
});

test('bytes without secrets come out as they went in, however they are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (pieces) => {
      const whole = Buffer.concat(pieces);
      const out = masked(pieces.map((piece) => Buffer.from(piece)));
      if (!out.includes('[masked]')) expect(out).toBe(whole.toString('latin1'));
    }),
    { numRuns: 500 },
  );
});

test('every cut of any text masks the same', () => {
  const words = fc.constantFrom(
    'jane@example.com',
    '4111111111111111',
    '\x1b[31m',
    ' ',
    '\n',
    'x',
    '\r\n',
    '\x1b[',
    'é',
  );
  fc.assert(
    fc.property(
      fc.array(words, { maxLength: 30 }),
      fc.array(fc.nat(200), { maxLength: 5 }),
      (parts, cuts) => {
        const whole = parts.join('');
        const at = [...new Set(cuts.map((cut) => Math.min(cut, whole.length)))].sort((a, b) => a - b);
        const pieces = [0, ...at].map((from, index) => whole.slice(from, at[index] ?? whole.length));
        expect(text(...pieces)).toBe(text(whole));
      },
    ),
    { numRuns: 500 },
  );
});

test('a long line without an end goes on and keeps no more than it must', () => {
  const out = text('a'.repeat(200_000), 'b'.repeat(200_000), ' jane@example.com ', 'c'.repeat(200_000));
  expect(out).toHaveLength(600_000 + 2 + '[masked]'.length);
});

test('without detectors nothing is kept back', () => {
  const parts: string[] = [];
  const masking = new OutputMasking({ masks: () => [], key, clock: new ManualClock() });
  masking.push(Buffer.from('jane@ex'), (bytes) => parts.push(bytes.toString()));
  expect(parts).toEqual(['jane@ex']);
});

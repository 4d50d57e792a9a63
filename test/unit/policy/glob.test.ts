import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGlob } from '../../../src/policy/glob.ts';

const piece = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
const subject = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 10 });

/** What `*` means, told by the engine of regular expressions. */
function meant(pattern: string): RegExp {
  const body = pattern.split('*').map((part) => part.replaceAll('.', '\\.'));
  return new RegExp(`^${body.join('[^]*')}$`);
}

describe('compileGlob', () => {
  test('matches exactly what the pattern with * as any run of characters means', () => {
    fc.assert(
      fc.property(piece, subject, (pattern, name) => {
        expect(compileGlob(pattern).matches(name)).toBe(meant(pattern).test(name));
      }),
      { numRuns: 5000 },
    );
  });

  test('can continue a prefix exactly when some longer text with that prefix matches', () => {
    const endings = ['a', 'b', '.', 'aa', 'ab', 'ba', 'b.a', '.b', 'a.b', 'b.'];
    fc.assert(
      fc.property(piece, subject, (pattern, prefix) => {
        const glob = compileGlob(pattern);
        const found = endings.some((ending) => glob.matches(prefix + ending));
        if (found) expect(glob.canContinue(prefix)).toBe(true);
        if (!pattern.includes('*')) {
          expect(glob.canContinue(prefix)).toBe(pattern.startsWith(prefix) && pattern.length > prefix.length);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('a star after the prefix can always be continued', () => {
    expect(compileGlob('*.ssn').canContinue('public.customers.')).toBe(true);
    expect(compileGlob('public.customers.card*').canContinue('public.customers.')).toBe(true);
    expect(compileGlob('public.orders.*').canContinue('public.customers.')).toBe(false);
  });

  test('overlapping ends do not share characters', () => {
    expect(compileGlob('ab*ba').matches('aba')).toBe(false);
    expect(compileGlob('a*b*c').matches('abc')).toBe(true);
  });

  test('takes linear time on what makes backtracking matchers blow up', () => {
    const glob = compileGlob(`${'a*'.repeat(100)}b`);
    const started = performance.now();
    expect(glob.matches('a'.repeat(100_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('ignoring case folds ASCII letters and nothing that merely resembles them', () => {
    const glob = compileGlob('drop *', { ignoreCase: true });
    expect(glob.matches('DROP TABLE public.x')).toBe(true);
    expect(compileGlob('ask', { ignoreCase: true }).matches('a\u{17F}k')).toBe(false);
    expect(compileGlob('k', { ignoreCase: true }).matches('\u{212A}')).toBe(false);
  });
});

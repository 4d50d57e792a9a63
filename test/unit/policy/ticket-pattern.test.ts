import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileTicketPattern } from '../../../src/policy/ticket-pattern.ts';

const matches = (pattern: string, text: string) => compileTicketPattern(pattern)?.matches(text);

describe('a ticket pattern', () => {
  test('is about the whole text, anchors or not', () => {
    for (const pattern of ['^[A-Z]+-\\d+$', '[A-Z]+-\\d+', '^[A-Z]{1,9}-[0-9]{1,6}']) {
      expect(matches(pattern, 'OPS-42')).toBe(true);
      for (const not of [
        '',
        'OPS-',
        '-42',
        'ops-42',
        'xOPS-42',
        'OPS-42 ',
        'OPS-42\n',
        'see OPS-42',
        'OPS-4٢',
      ]) {
        expect([pattern, not, matches(pattern, not)]).toEqual([pattern, not, false]);
      }
    }
  });

  test('refuses what it does not know rather than reading it in another way', () => {
    const unknown = [
      '(a|b)',
      'a|b',
      '(?=x)',
      '\\bOPS',
      '\\s',
      '\\p{L}',
      '[^A]',
      '[z-a]',
      '[',
      'a{2',
      '+a',
      'a**',
      'a{3,2}',
    ];
    const long = ['a{1000}', 'a'.repeat(201)];
    for (const pattern of [...unknown, ...long]) {
      expect([pattern, compileTicketPattern(pattern)]).toEqual([pattern, undefined]);
    }
  });

  test('takes no longer for a text that is made to be slow', () => {
    const began = performance.now();
    expect(matches('a*a*a*a*a*a*a*a*b', 'a'.repeat(20_000))).toBe(false);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test('means what the same pattern means in JavaScript', () => {
    const unit = fc.constantFrom('A', 'b', '-', '\\.', '\\d', '\\w', '.', '[A-C]', '[0-9_]', '[a\\-]', '/');
    const times = fc.constantFrom('', '', '?', '*', '+', '{2}', '{1,}', '{0,2}');
    const piece = fc.tuple(unit, times).map((parts) => parts.join(''));
    const pattern = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
    const text = fc.string({
      unit: fc.constantFrom('A', 'B', 'b', 'a', '-', '.', '0', '7', '_', '/', '😀'),
      maxLength: 10,
    });
    fc.assert(
      fc.property(pattern, text, (source, given) => {
        expect(matches(`^${source}$`, given)).toBe(new RegExp(`^(?:${source})$`, 'su').test(given));
      }),
      { numRuns: 3000 },
    );
  });
});

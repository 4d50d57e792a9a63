import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCardNumber, passesIbanCheck, passesLuhn } from '../../../src/masking/checksums.ts';
import {
  DETECTORS,
  detectionOf,
  findSensitive,
  findTriggered,
  triggersIn,
} from '../../../src/masking/detectors.ts';
import { LABELLED } from './labelled.ts';

/** A number of that length with a right Luhn digit. */
function withLuhnDigit(digits: string): string {
  for (let check = 0; check < 10; check++) if (passesLuhn(digits + check)) return digits + check;
  throw new Error('one of ten check digits is right');
}

const cards = fc
  .tuple(
    fc.constantFrom('4', '51', '55', '2221', '2720', '6011', '65', '3528'),
    fc.stringMatching(/^\d{14}$/),
  )
  .map(([head, rest]) => withLuhnDigit((head + rest).slice(0, 15)));

/** Text that neither continues a number nor makes a hexadecimal word of it. */
const surroundings = fc.string().map((text) => text.replace(/[0-9A-Za-z_]/g, '§'));

describe('detectors on generated texts', () => {
  it('finds every card number that could have been issued, whatever stands around it', () => {
    fc.assert(
      fc.property(
        surroundings,
        cards,
        surroundings,
        fc.constantFrom('', ' ', '-'),
        (before, card, after, gap) => {
          const written = card.replace(/(\d{4})(?=\d)/g, `$1${gap}`);
          const text = `${before}|${written}|${after}`;
          const bytes = Buffer.from(text);
          const finds = findSensitive(text, ['credit_card']).map(({ start, end }) =>
            bytes.toString('utf8', start, end),
          );
          expect(finds).toContain(written);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('finds no card in digits whose check digit is wrong', () => {
    fc.assert(
      fc.property(cards, fc.integer({ min: 1, max: 9 }), (card, shift) => {
        const wrong = card.slice(0, 15) + ((Number(card[15]) + shift) % 10);
        expect(isCardNumber(wrong)).toBe(false);
        expect(findSensitive(wrong, ['credit_card'])).toEqual([]);
      }),
    );
  });

  it('takes an IBAN only with its own check digits', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\d{18}$/), (account) => {
        const right = Array.from(
          { length: 100 },
          (_, i) => `DE${String(i).padStart(2, '0')}${account}`,
        ).filter(passesIbanCheck);
        expect(right.length).toBeGreaterThanOrEqual(1);
        expect(right.length).toBeLessThanOrEqual(2);
        for (const iban of right) expect(findSensitive(`an ${iban}`, ['iban'])).toHaveLength(1);
      }),
      { numRuns: 50 },
    );
  });

  it('finds an address in any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.emailAddress(), fc.string(), (before, address, after) => {
        fc.pre(/^[A-Za-z0-9][A-Za-z0-9._-]*@/.test(address) && !address.includes('..'));
        expect(findSensitive(`${before} ${address} ${after}`, ['email']).length).toBeGreaterThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });

  it('gives finds in order, apart from each other and inside the text', () => {
    const piece = fc.oneof(fc.string(), fc.constantFrom(...LABELLED.map(({ text }) => text.slice(0, 200))));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const text = pieces.join(' ');
        let last = 0;
        for (const { start, end } of findSensitive(text, DETECTORS)) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          last = end;
        }
        expect(last).toBeLessThanOrEqual(Buffer.byteLength(text));
      }),
      { numRuns: 300 },
    );
  });
});

describe('the pass over the bytes before any pattern runs', () => {
  const all = detectionOf([{ detect: [...DETECTORS], strategy: 'redact', keepLast: 0 }])!;

  it('never hides what a pattern would find', () => {
    const alphabet = fc.constantFrom(
      ...'0123456789 -+.()@eyJabDE_/=:'.split(''),
      'password=',
      'token ',
      'sk_live_',
      'abc1',
      'xapp-',
      ...LABELLED.map(({ text }) => text.slice(0, 120)),
    );
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 40 }), (pieces) => {
        const bytes = Buffer.from(pieces.join(''));
        const find = (triggers: number) => findTriggered(bytes, 0, bytes.length, all, triggers);
        expect(find(triggersIn(bytes, 0, bytes.length, all))).toEqual(find(all.triggers));
      }),
      { numRuns: 2000 },
    );
  });

  it('asks for no pattern where plain text holds nothing', () => {
    for (const text of [
      'gift wrap',
      'leave at the door',
      'SKU-RED-1 costs 19.90',
      'Paris, 3 rue X',
      'true',
    ]) {
      const bytes = Buffer.from(text);
      expect(triggersIn(bytes, 0, bytes.length, all)).toBe(0);
    }
  });
});

describe('texts made to keep a pattern busy', () => {
  const size = 200_000;
  const hostile: Readonly<Record<string, string>> = {
    'all digits': '1'.repeat(size),
    'digit groups': '4539 '.repeat(size / 5),
    'nine digits': '123456789-'.repeat(size / 10),
    'groups of every national id': '1 85 05 78 006 084 91 '.repeat(size / 22),
    'digits behind words': 'tel 12 ssn 34 '.repeat(size / 14),
    'digits and letters': '85T10A562S'.repeat(size / 10),
    'single digits': '4 '.repeat(size / 2),
    'digits and dashes': '12-'.repeat(size / 3),
    'plus signs': '+1 '.repeat(size / 3),
    'phone without end': `+${'1 -'.repeat(size / 3)}`,
    'letters before an at': `${'a'.repeat(size)}@`,
    'at after at': 'a@'.repeat(size / 2),
    'domain without end': `a@${'b.'.repeat(size / 2)}`,
    'word without end': 'A1'.repeat(size / 2),
    'prefixes of keys': 'sk_live_'.repeat(size / 8),
    'named secrets': 'token="'.repeat(size / 7),
    'jwt heads': 'eyJ'.repeat(size / 3),
    'jwt dots': 'eyJaaaaaaaaaa.'.repeat(size / 14),
    'iban heads': 'DE89 '.repeat(size / 5),
    'key beginnings': '-----BEGIN PRIVATE KEY----'.repeat(size / 26),
    'key ends': `-----BEGIN PRIVATE KEY-----${'-----END '.repeat(size / 9)}`,
    dashes: '-'.repeat(size),
    'capital letters after dashes': `-----BEGIN ${'A '.repeat(size / 2)}`,
    parentheses: 'call ('.repeat(size / 6),
    'high bytes': '\u00a0'.repeat(size / 2),
  };
  for (const [name, text] of Object.entries(hostile)) {
    it(`reads ${name} in linear time`, () => {
      // 200 kB at less than 1 MB/s: ten times what a loaded machine needs, a hundredth of what backtracking would take.
      const began = process.cpuUsage();
      findSensitive(text, DETECTORS);
      const { user, system } = process.cpuUsage(began);
      expect((user + system) / 1000).toBeLessThan(400);
    });
  }
});

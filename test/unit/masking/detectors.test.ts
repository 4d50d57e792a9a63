import { describe, expect, it } from 'vitest';
import {
  DETECTORS,
  type DetectorName,
  detectionOf,
  findSensitive,
  joinDetections,
  maskDetected,
  maskDetectedText,
} from '../../../src/masking/detectors.ts';
import { hashKey, REDACTED } from '../../../src/masking/strategies.ts';
import { LABELLED } from './labelled.ts';

const key = hashKey(Buffer.alloc(32, 7));

/** What one detector marks in a text, as the marked texts. */
function marked(text: string, name: DetectorName): readonly string[] {
  const bytes = Buffer.from(text);
  return findSensitive(text, [name]).map(({ start, end }) => bytes.toString('utf8', start, end));
}

describe('detectors on the labelled texts', () => {
  for (const name of DETECTORS) {
    it(`${name} finds what people marked and nothing else`, () => {
      const missed: string[] = [];
      const wrong: string[] = [];
      let right = 0;
      for (const { text, finds } of LABELLED) {
        const expected = finds.filter(([found]) => found === name).map(([, found]) => found);
        const actual = marked(text, name);
        right += actual.filter((found) => expected.includes(found)).length;
        missed.push(...expected.filter((found) => !actual.includes(found)));
        wrong.push(...actual.filter((found) => !expected.includes(found)));
      }
      expect({ missed, wrong }).toEqual({ missed: [], wrong: [] });
      expect(right).toBeGreaterThanOrEqual(3);
    });
  }

  it('keeps at least 60 texts with something in them and 40 without', () => {
    expect(LABELLED.filter(({ finds }) => finds.length > 0).length).toBeGreaterThanOrEqual(60);
    expect(LABELLED.filter(({ finds }) => finds.length === 0).length).toBeGreaterThanOrEqual(40);
  });
});

describe('masking what was found', () => {
  const all = detectionOf([{ detect: [...DETECTORS], strategy: 'redact', keepLast: 0 }])!;

  it('replaces finds and keeps every other byte', () => {
    const text = 'zażółć: carol@example.com, 日本語 4242 4242 4242 4242 🙂';
    expect(maskDetectedText(text, all, key)).toBe(`zażółć: ${REDACTED}, 日本語 ${REDACTED} 🙂`);
  });

  it('keeps bytes that are not UTF-8 as they are', () => {
    const bytes = Buffer.concat([
      Buffer.from([0xff, 0xc3, 0x28, 0x20]),
      Buffer.from('a.b@c.org'),
      Buffer.from([0x20, 0xfe]),
    ]);
    expect(maskDetected(bytes, 0, bytes.length, all, key)).toEqual(
      Buffer.concat([
        Buffer.from([0xff, 0xc3, 0x28, 0x20]),
        Buffer.from(REDACTED),
        Buffer.from([0x20, 0xfe]),
      ]),
    );
  });

  it('says that nothing changed by undefined, and gives the same string back', () => {
    const text = 'leave at the door, 2025-01-02';
    const bytes = Buffer.from(text);
    expect(maskDetected(bytes, 0, bytes.length, all, key)).toBeUndefined();
    expect(maskDetectedText(text, all, key)).toBe(text);
  });

  it('looks only between the offsets it was given', () => {
    const bytes = Buffer.from('a@example.com|gift wrap|b@example.com');
    expect(maskDetected(bytes, 14, 23, all, key)).toBeUndefined();
    expect(maskDetected(bytes, 24, bytes.length, all, key)?.toString()).toBe(REDACTED);
  });

  it('applies partial, hash and null to each find', () => {
    const with_ = (strategy: 'partial' | 'hash' | 'null') =>
      maskDetectedText(
        'to jo@example.com',
        detectionOf([{ detect: ['email'], strategy, keepLast: 4 }])!,
        key,
      );
    expect(with_('partial')).toBe('to j***@*******.com');
    expect(with_('hash')).toMatch(/^to [0-9a-f]{24}$/);
    expect(with_('null')).toBeNull();
  });

  it('never keeps half a character of an address', () => {
    const partial = detectionOf([{ detect: ['email'], strategy: 'partial', keepLast: 4 }])!;
    expect(maskDetectedText('über@example.com', partial, key)).toBe('ü***@*******.com');
  });

  it('joins overlapping finds under the stricter mask', () => {
    const detection = joinDetections(
      detectionOf([{ detect: ['email'], strategy: 'partial', keepLast: 4 }]),
      detectionOf([{ detect: ['credit_card'], strategy: 'redact', keepLast: 4 }]),
    )!;
    expect(maskDetectedText('4242424242424242@example.com', detection, key)).toBe(REDACTED);
  });

  it('refuses a detector that does not exist', () => {
    expect(() => detectionOf([{ detect: ['shoe_size'], strategy: 'redact', keepLast: 0 }])).toThrow(
      expect.objectContaining({ code: 'unknown_detector' }),
    );
  });

  it('has nothing to do without detectors', () => {
    expect(detectionOf([{ detect: [], strategy: 'redact', keepLast: 0 }])).toBeUndefined();
  });
});

describe('what people marked, in the middle of a long text full of digits', () => {
  // Lists of numbers, dates and times: what the short cuts of the searches are for.
  const around = '100231,2024-01-15 12:34:56.789012,77.20,SKU-4711; '.repeat(40);

  it.each(['ip', 'national_id', 'phone', 'credit_card', 'us_ssn', 'iban'] as const)(
    '%s is found as in a text of its own',
    (name) => {
      // Some count only where they stand alone.
      const told = LABELLED.filter(({ text, finds }) =>
        finds.some(([found, what]) => found === name && what !== text),
      );
      expect(told.length).toBeGreaterThan(1);
      for (const { text, finds } of told) {
        const expected = finds.filter(([found]) => found === name).map(([, what]) => what);
        expect(marked(`${around}| ${text} |${around}`, name)).toEqual(expected);
      }
    },
  );
});

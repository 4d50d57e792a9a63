import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DETECTORS, detectionOf } from '../../../../src/masking/detectors.ts';
import { OID } from '../../../../src/masking/postgres-types.ts';
import { hashKey, REDACTED } from '../../../../src/masking/strategies.ts';
import {
  type CopyColumn,
  type CopyOutRewriter,
  openCopyOut,
  parseCopyOutResponse,
} from '../../../../src/protocols/postgres/results/copy-out.ts';
import type { MaskingTerms } from '../../../../src/protocols/postgres/results/row-plan.ts';
import type { CopyFacts } from '../../../../src/sql/facts.ts';
import { field, int16, int32, message, type Value } from './messages.ts';

const LIMIT = 100_000;
const key = hashKey(Buffer.alloc(32, 7));
const plain: MaskingTerms = { detection: undefined, key };
const detecting: MaskingTerms = {
  detection: detectionOf([{ detect: [...DETECTORS], strategy: 'redact', keepLast: 0 }]),
  key,
};
const redact = { detect: [], strategy: 'redact', keepLast: 4 } as const;

const TEXT: CopyFacts = {
  direction: 'out',
  format: 'text',
  delimiter: '\t',
  nullText: '\\N',
  quote: '"',
  escape: '"',
  header: false,
};
const CSV: CopyFacts = { ...TEXT, format: 'csv', delimiter: ',', nullText: '' };
const BINARY: CopyFacts = { ...TEXT, format: 'binary' };

const open: CopyColumn = { typeOid: OID.text, typmod: -1 };
const hidden: CopyColumn = { ...open, mask: redact };

function rewriter(
  copy: CopyFacts,
  columns: readonly CopyColumn[],
  terms = plain,
  limit = LIMIT,
): CopyOutRewriter | undefined {
  return openCopyOut(
    copy,
    { binary: copy.format === 'binary', columns: columns.length },
    columns,
    terms,
    limit,
  );
}

/** All that comes out when the data go in as those pieces. */
function rewritten(
  copy: CopyFacts,
  columns: readonly CopyColumn[],
  pieces: readonly Buffer[],
  terms = plain,
): Buffer {
  const rows = rewriter(copy, columns, terms)!;
  // Copied at once: a result may share memory with its input, which a socket reuses only after it was written.
  const out = pieces.map((piece) => Buffer.from(rows.write(piece)));
  rows.end();
  return Buffer.concat(out);
}

function expectAtEveryCut(
  copy: CopyFacts,
  columns: readonly CopyColumn[],
  data: string | Buffer,
  expected: string | Buffer,
  terms = plain,
): void {
  const bytes = Buffer.from(data);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const out = rewritten(copy, columns, [bytes.subarray(0, cut), bytes.subarray(cut)], terms);
    expect(out.toString('latin1')).toBe(Buffer.from(expected).toString('latin1'));
  }
  const bytewise = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
  expect(rewritten(copy, columns, bytewise, terms).toString('latin1')).toBe(
    Buffer.from(expected).toString('latin1'),
  );
}

describe('COPY text', () => {
  it('masks fields and keeps the rest, cut anywhere', () => {
    expectAtEveryCut(
      TEXT,
      [open, hidden, open],
      '1\talice@example.test\ta\\tb\\\\c\n2\t\\N\t\\N\n3\t\tzażółć\n',
      `1\t${REDACTED}\ta\\tb\\\\c\n2\t\\N\t\\N\n3\t${REDACTED}\tzażółć\n`,
    );
  });

  it('reads an escaped newline, backslash and delimiter as part of the field', () => {
    expectAtEveryCut(
      { ...TEXT, delimiter: '|' },
      [hidden, open],
      'a\\|b\\\nc\\\\|x\n\\\\N|y\n',
      `${REDACTED}|x\n${REDACTED}|y\n`,
    );
  });

  it('runs detectors on what the escapes stand for and writes it escaped again', () => {
    expectAtEveryCut(
      TEXT,
      [open],
      'a\\tb x@example.com\\\\z\nkey\\n-----BEGIN PRIVATE KEY-----\\nMII\\n-----END PRIVATE KEY-----\\n\nc\\tlean\n',
      `a\\tb ${REDACTED}\\\\z\nkey\\n${REDACTED}\\n\nc\\tlean\n`,
      detecting,
    );
  });

  it('passes the header line', () => {
    expectAtEveryCut(
      { ...TEXT, header: true },
      [hidden],
      'a@example.com\nb@example.com\n',
      `a@example.com\n${REDACTED}\n`,
    );
  });

  it('makes a value of a type without text NULL, in the words of the COPY', () => {
    const number: CopyColumn = { typeOid: OID.int4, typmod: -1, mask: redact };
    expectAtEveryCut({ ...TEXT, nullText: 'nil' }, [number, open], '7\tx\n', 'nil\tx\n');
  });

  it('masks values that a chosen null text would mark as equal to a guess', () => {
    expectAtEveryCut(
      { ...TEXT, nullText: 'guess' },
      [hidden],
      'guess\nother\n',
      `${REDACTED}\n${REDACTED}\n`,
    );
  });

  it('keeps NULL apart from a mask that reads like the null text', () => {
    const out = rewritten({ ...TEXT, nullText: REDACTED }, [hidden], [Buffer.from('x\n')]).toString();
    expect(out).toBe(`\\133${REDACTED.slice(1)}\n`);
  });

  it('keeps a control character delimiter', () => {
    expectAtEveryCut({ ...TEXT, delimiter: '\x01' }, [hidden, open], 'a\x01b\n', `${REDACTED}\x01b\n`);
  });
});

describe('COPY csv', () => {
  it('masks quoted and unquoted fields, with newlines and doubled quotes inside, cut anywhere', () => {
    expectAtEveryCut(
      CSV,
      [open, hidden, open],
      '1,alice@example.test,"a,""b""\nc"\n2,"x,\n""y",\n3,,""\n4,"",z\n',
      `1,${REDACTED},"a,""b""\nc"\n2,"${REDACTED}",\n3,,""\n4,"${REDACTED}",z\n`,
    );
  });

  it('quotes a mask that holds the delimiter, and doubles its quotes', () => {
    const marks: CopyFacts = { ...CSV, delimiter: 'e', quote: '@', escape: '@' };
    expectAtEveryCut(marks, [hidden], '@zq.alice.k7@@corp-example.test@\n', `@${REDACTED}@\n`);
    expectAtEveryCut(marks, [hidden, open], 'abcexy\n', `@${REDACTED}@exy\n`);
    expectAtEveryCut(
      { ...CSV, quote: 'm', escape: 'm' },
      [hidden],
      'x\n',
      `m${REDACTED.replaceAll('m', 'mm')}m\n`,
    );
  });

  it('knows an escape other than the quote', () => {
    expectAtEveryCut(
      { ...CSV, escape: '\\' },
      [open, hidden, open],
      '"a\\"b\\\\",secret,"c\\"\n"\n',
      `"a\\"b\\\\",${REDACTED},"c\\"\n"\n`,
    );
  });

  it('runs detectors on the text inside the quotes', () => {
    expectAtEveryCut(
      CSV,
      [open],
      '"say ""hi"", x@example.com"\nplain\n',
      `"say ""hi"", ${REDACTED}"\nplain\n`,
      detecting,
    );
  });

  it('passes a header, even one with a newline in it', () => {
    expectAtEveryCut({ ...CSV, header: true }, [hidden], '"na\nme"\nsecret\n', `"na\nme"\n${REDACTED}\n`);
  });

  it('tells the null text from the same text in quotes', () => {
    expectAtEveryCut(
      { ...CSV, nullText: 'nil' },
      [hidden, open],
      'nil,nil\n"nil",x\n',
      `nil,nil\n"${REDACTED}",x\n`,
    );
  });
});

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

function binaryCopy(rows: readonly (readonly Value[])[], extension = Buffer.alloc(0)): Buffer {
  return Buffer.concat([
    SIGNATURE,
    int32(0),
    int32(extension.length),
    extension,
    ...rows.map((values) => Buffer.concat([int16(values.length), ...values.map(field)])),
    int16(-1),
  ]);
}

describe('COPY binary', () => {
  it('masks fields and keeps header, NULLs and trailer, cut anywhere', () => {
    const extension = Buffer.from('future');
    expectAtEveryCut(
      BINARY,
      [open, hidden],
      binaryCopy(
        [
          ['1', 'alice'],
          [null, null],
          ['', ''],
        ],
        extension,
      ),
      binaryCopy(
        [
          ['1', REDACTED],
          [null, null],
          ['', REDACTED],
        ],
        extension,
      ),
    );
  });

  it('makes values NULL whose type it cannot write', () => {
    const unknown: CopyColumn = { typeOid: 0, typmod: -1, mask: redact };
    expectAtEveryCut(BINARY, [unknown, open], binaryCopy([['xx', 'y']]), binaryCopy([[null, 'y']]));
  });

  const bad: Readonly<Record<string, Buffer>> = {
    'another signature': Buffer.concat([Buffer.from('PGCOPY\r\n'), binaryCopy([]).subarray(8)]),
    'an unknown critical flag': Buffer.concat([SIGNATURE, int32(1 << 16), int32(0), int16(-1)]),
    'a negative header length': Buffer.concat([SIGNATURE, int32(0), int32(-1), int16(-1)]),
    'a wrong column count': binaryCopy([['a', 'b', 'c']]),
    'a negative field length': Buffer.concat([binaryCopy([]).subarray(0, 19), int16(2), int32(-2)]),
    'data after the trailer': Buffer.concat([binaryCopy([]), Buffer.from('x')]),
  };
  for (const [name, data] of Object.entries(bad)) {
    it(`refuses ${name}`, () => {
      expect(() => rewritten(BINARY, [open, hidden], [data])).toThrow(
        expect.objectContaining({ code: 'bad_copy_data' }),
      );
    });
  }

  it('refuses a field longer than the limit as soon as it is announced', () => {
    const data = Buffer.concat([binaryCopy([]).subarray(0, 19), int16(1), int32(0x7fffffff)]);
    expect(() => rewriter(BINARY, [hidden])?.write(data)).toThrow(
      expect.objectContaining({ code: 'copy_row_too_large' }),
    );
  });
});

describe('any COPY', () => {
  it('needs no rewriter when no column can change', () => {
    expect(rewriter(TEXT, [open, open])).toBeUndefined();
    expect(rewriter(CSV, [{ typeOid: OID.int4, typmod: -1 }], detecting)).toBeUndefined();
  });

  it('gives the very same buffer back when whole rows came and none changed', () => {
    const text = Buffer.from('1\tgift wrap\n2\tdoor\n');
    expect(rewriter(TEXT, [open, open], detecting)?.write(text)).toBe(text);
    const csv = Buffer.from('1,gift wrap\n2,"do\nor"\n');
    expect(rewriter(CSV, [open, open], detecting)?.write(csv)).toBe(csv);
    const binary = binaryCopy([['1', 'gift wrap']]);
    expect(rewriter(BINARY, [open, open], detecting)?.write(binary)).toBe(binary);
  });

  it('refuses rows with another number of columns, and an end inside a row', () => {
    const bad = expect.objectContaining({ code: 'bad_copy_data' });
    for (const [copy, gap] of [
      [TEXT, '\t'],
      [CSV, ','],
    ] as const) {
      expect(() => rewritten(copy, [open, hidden], [Buffer.from('a\n')])).toThrow(bad);
      expect(() => rewritten(copy, [open, hidden], [Buffer.from(`a${gap}b${gap}c\n`)])).toThrow(bad);
      expect(() => rewritten(copy, [open, hidden], [Buffer.from(`a${gap}b`)])).toThrow(bad);
    }
    const binary = binaryCopy([['a', 'b']]);
    expect(() => rewritten(BINARY, [open, hidden], [binary.subarray(0, -2)])).toThrow(bad);
    expect(() => rewritten(CSV, [hidden], [Buffer.from('"a"b\n')])).toThrow(bad);
  });

  it('refuses a row longer than the limit, in one piece or in many, and keeps no more than that', () => {
    const tooLarge = expect.objectContaining({ code: 'copy_row_too_large' });
    for (const copy of [TEXT, CSV]) {
      expect(() => rewriter(copy, [hidden], plain, 100)?.write(Buffer.from(`${'x'.repeat(101)}\n`))).toThrow(
        tooLarge,
      );
      const rows = rewriter(copy, [hidden], plain, 100)!;
      expect(() => {
        for (let i = 0; i < 20; i++) rows.write(Buffer.from('xxxxxxxxxx'));
      }).toThrow(tooLarge);
    }
  });

  it('refuses a response of another shape than the statement asked for', () => {
    const bad = expect.objectContaining({ code: 'bad_copy_data' });
    expect(() => openCopyOut(TEXT, { binary: true, columns: 1 }, [hidden], plain, LIMIT)).toThrow(bad);
    expect(() => openCopyOut(TEXT, { binary: false, columns: 2 }, [hidden], plain, LIMIT)).toThrow(bad);
    expect(() => rewriter({ ...CSV, quote: 'é' }, [hidden])).toThrow(
      expect.objectContaining({ code: 'copy_form_not_supported' }),
    );
  });

  it('refuses encodings in which a delimiter could be half of a character', () => {
    for (const encoding of [
      'SJIS',
      'big5',
      'GBK',
      'UHC',
      'GB18030',
      'JOHAB',
      'shift_jis_2004',
      'win932',
      'mskanji',
    ]) {
      expect(() => rewriter({ ...TEXT, encoding }, [hidden])).toThrow(
        expect.objectContaining({ code: 'copy_form_not_supported' }),
      );
    }
    for (const encoding of ['UTF8', 'utf-8', 'LATIN1', 'SQL_ASCII', 'EUC_JP', 'WIN1252']) {
      expect(rewriter({ ...TEXT, encoding }, [hidden])).toBeDefined();
    }
  });

  it('refuses a null text whose backslash would hide the end of a field', () => {
    // NULL, x, NULL and NULL, y, c: read with escapes they are one row whose first field holds x.
    for (const nullText of ['x\\', '\\', '\\\\N', '\\n']) {
      expect(() => rewriter({ ...TEXT, nullText }, [open, hidden, open])).toThrow(
        expect.objectContaining({ code: 'copy_form_not_supported' }),
      );
    }
    expect(rewriter({ ...CSV, nullText: 'x\\' }, [hidden])).toBeDefined();
  });

  it('reads CopyOutResponse and refuses a broken one', () => {
    const response = message('H', Buffer.of(1), int16(2), int16(1), int16(1));
    expect(parseCopyOutResponse(response, 0, response.length)).toEqual({ binary: true, columns: 2 });
    for (const broken of [
      message('H', Buffer.of(2), int16(0)),
      message('H', Buffer.of(0), int16(2), int16(0)),
      message('H', Buffer.of(0)),
    ]) {
      expect(() => parseCopyOutResponse(broken, 0, broken.length)).toThrow(
        expect.objectContaining({ code: 'bad_copy_data' }),
      );
    }
  });

  it('gives the same in any pieces, hides every secret, and keeps the other columns', () => {
    const secret = 'zq.secret@corp-example.test';
    const value = fc.option(
      fc.string({ maxLength: 8, unit: fc.constantFrom(...'ab,"\n\t\\N|é@'.split('')) }),
      { nil: null },
    );
    const writers = [
      {
        copy: TEXT,
        write: (rows: readonly (readonly Value[])[]) =>
          Buffer.from(rows.map((row) => `${row.map(asText).join('\t')}\n`).join('')),
      },
      {
        copy: CSV,
        write: (rows: readonly (readonly Value[])[]) =>
          Buffer.from(rows.map((row) => `${row.map(asCsv).join(',')}\n`).join('')),
      },
      { copy: BINARY, write: (rows: readonly (readonly Value[])[]) => binaryCopy(rows) },
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...writers),
        fc.array(fc.tuple(value, value, value), { maxLength: 5 }),
        fc.array(fc.nat(200), { maxLength: 5 }),
        ({ copy, write }, rows, cuts) => {
          const data = write(rows.map(([a, b, c]) => [a, b === null ? null : b + secret, c]));
          const expected = write(rows.map(([a, b, c]) => [a, b === null ? null : REDACTED, c]));
          const places = [
            0,
            ...cuts.map((cut) => cut % (data.length + 1)).sort((x, y) => x - y),
            data.length,
          ];
          const pieces = places.slice(1).map((place, i) => data.subarray(places[i], place));
          const out = rewritten(copy, [open, hidden, open], pieces);
          expect(out.includes(secret)).toBe(false);
          // A masked field that was quoted stays quoted; apart from that the bytes are those of a masked table.
          expect(out.toString().replaceAll(`"${REDACTED}"`, REDACTED)).toBe(expected.toString());
        },
      ),
      { numRuns: 400 },
    );
  });
});

function asText(value: Value): string {
  if (value === null) return '\\N';
  return String(value).replace(/[\\\n\t]/g, (c) => ({ '\\': '\\\\', '\n': '\\n', '\t': '\\t' })[c] ?? c);
}

function asCsv(value: Value): string {
  if (value === null) return '';
  const text = String(value);
  return text === '' || /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

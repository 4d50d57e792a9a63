import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visibleText } from '../../../src/base/visible-text.ts';
import { safeJson } from '../../../src/cli/output.ts';
import { visible, visibleLines } from '../../../src/cli/visible-text.ts';

describe('visible text', () => {
  it.each([
    ['an escape sequence', '\u001b[2Jx', '\\x1b[2Jx'],
    ['a carriage return', 'a\rb', 'a\\rb'],
    ['a newline', 'a\nb', 'a\\nb'],
    ['a tab', 'a\tb', 'a\\tb'],
    ['delete', 'a\u007f', 'a\\x7f'],
    ['a C1 control', 'a\u009b31m', 'a\\u{009B}31m'],
    ['a bidi override', 'a\u202eb', 'a\\u{202E}b'],
    ['a bidi isolate', 'a\u2066b', 'a\\u{2066}b'],
    ['a zero-width space', 'a\u200bb', 'a\\u{200B}b'],
    ['a zero-width joiner', 'a\u200db', 'a\\u{200D}b'],
    ['a byte order mark', '\ufeffa', '\\u{FEFF}a'],
    ['a soft hyphen', 'a\u00adb', 'a\\u{00AD}b'],
    ['a no-break space', 'a\u00a0b', 'a\\u{00A0}b'],
    ['an ideographic space', 'a\u3000b', 'a\\u{3000}b'],
    ['a hair space', 'a\u200ab', 'a\\u{200A}b'],
    ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
    ['a blank Braille cell', 'a\u2800b', 'a\\u{2800}b'],
    ['a Hangul filler', 'a\u3164b', 'a\\u{3164}b'],
    ['a variation selector', 'a\ufe0fb', 'a\\u{FE0F}b'],
    ['a tag character', 'a\u{e0041}b', 'a\\u{E0041}b'],
    ['a private character', 'a\ue000b', 'a\\u{E000}b'],
    ['a lone surrogate', 'a\ud800b', 'a\\u{D800}b'],
  ])('shows %s', (_, text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it('leaves letters of all scripts, accents and emoji as they are', () => {
    for (const text of [
      'Zürich é',
      'e\u0301',
      '客户',
      'مرحبا',
      'Привет',
      '😀',
      "select * from t where a = 'x'",
    ]) {
      expect(visible(text)).toBe(text);
    }
  });

  it('shows combining marks that pile up', () => {
    expect(visible(`a\u0301\u0302\u0303\u0304`)).toBe('a\u0301\u0302\\u{0303}\\u{0304}');
  });

  it('keeps newlines for callers that frame lines, and nothing else', () => {
    expect(visibleLines('a\r\nb\u2028c')).toBe('a\\r\nb\\u{2028}c');
  });

  it('counts and marks what it escaped', () => {
    expect(visibleText('a\u202e\u001bb', { mark: (shown) => `<${shown}>` })).toEqual({
      text: 'a<\\u{202E}><\\x1b>b',
      escaped: 2,
    });
  });

  it('never lets a control, format or separator character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(visible(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|(?! )\p{Zs}/u);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('JSON for a terminal', () => {
  it('hides nothing and parses to the same value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const json = safeJson({ text });
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ text })));
        expect(json).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|(?! )\p{Zs}/u);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('letters that pass for Latin ones', () => {
  const shown = (text: string) => visibleText(text, { lookalikes: true }).text;

  it('are shown in words that have Latin letters, and where a text has no other', () => {
    expect(shown('DELETE FROM p\u0430yments')).toBe('DELETE FROM p\\u{0430}yments');
    expect(shown('TRUNCATE \u0441\u043e\u0440\u0443')).toBe('TRUNCATE \\u{0441}\\u{043E}\\u{0440}\\u{0443}');
    expect(shown('SELECT \u03bf FROM t')).toBe('SELECT \\u{03BF} FROM t');
    expect(shown('DROP TABLE p\uff41y')).toBe('DROP TABLE p\\u{FF41}y');
  });

  it('stay where they are plainly another script, and nothing else is touched', () => {
    for (const text of [
      "UPDATE города SET имя = 'с утра о нём'",
      'SELECT größe, 名前, café FROM t',
      "INSERT INTO t VALUES ('ｶﾀｶﾅ', 'ΔΙΟΝΥΣΟΣ και')",
    ]) {
      expect(shown(text)).toBe(text);
    }
  });

  it('do not hide behind what cannot be seen', () => {
    expect(shown('p\u200b\u0430y')).toBe('p\\u{200B}\\u{0430}y');
  });
});

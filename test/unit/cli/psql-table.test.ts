import { describe, expect, it } from 'vitest';
import { textWidth, wrapText } from '../../../src/base/text-width.ts';
import { psqlTable, rowCount } from '../../../src/cli/psql-table.ts';

const left = (name: string) => ({ name, rightAligned: false });
const right = (name: string) => ({ name, rightAligned: true });

describe('a table as psql prints it', () => {
  it('centres heads, aligns numbers right and leaves the end of a row open', () => {
    const rows = [
      ['1', 'j***@*******.com', '**** **** **** 4242'],
      ['20', null, 'x'],
    ];
    expect(psqlTable([right('id'), left('email'), left('card_number')], rows)).toBe(
      [
        ' id |      email       |     card_number     ',
        '----+------------------+---------------------',
        '  1 | j***@*******.com | **** **** **** 4242',
        ' 20 |                  | x',
        '',
      ].join('\n'),
    );
  });

  it('continues a cell of several lines with +', () => {
    expect(psqlTable([left('a'), left('b')], [['x\ny', 'one\ntwo']])).toBe(
      [' a |  b  ', '---+-----', ' x+| one+', ' y | two', ''].join('\n'),
    );
  });

  it('counts wide characters as two columns and accents as none', () => {
    expect(
      psqlTable(
        [left('n'), right('v')],
        [
          ['客户', '1'],
          ['e\u0301e', '2'],
        ],
      ),
    ).toBe(['  n   | v ', '------+---', ' 客户 | 1', ' e\u0301e   | 2', ''].join('\n'));
  });

  it('shows control characters instead of passing them on', () => {
    expect(psqlTable([left('a')], [['\u001b[2J']])).toContain('\\x1b[2J');
  });

  it('prints a head alone when there are no rows', () => {
    expect(psqlTable([left('abc')], [])).toBe(' abc \n-----\n');
    expect(rowCount(0)).toBe('(0 rows)');
    expect(rowCount(1)).toBe('(1 row)');
  });
});

describe('text width', () => {
  it.each([
    ['abc', 3],
    ['äöü', 3],
    ['漢字', 4],
    ['ｆ', 2],
    ['😀', 2],
    ['한국어', 6],
    ['e\u0301', 1],
  ])('of %s is %i', (text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  it('wraps without cutting a wide character in half', () => {
    expect(wrapText('a漢字b', 3)).toEqual(['a漢', '字b']);
    expect(wrapText('', 3)).toEqual(['']);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outlineScript } from '../../../src/protocols/postgres/script-outline.ts';

describe('the outline of a script', () => {
  it('says where each statement begins, behind comments and white space', async () => {
    const text =
      "-- ünïcode 🎉\nSELECT 1;\n\n/* a /* nested */ one */ -- more\n  UPDATE t SET a = 'x;y'\n WHERE id = 1 ;\n;DELETE FROM t";
    const outline = await outlineScript(text);
    expect(outline?.map(({ line, begins }) => [line, begins])).toEqual([
      [2, 'SELECT 1'],
      [5, "UPDATE t SET a = 'x;y' WHERE id = 1"],
      [7, 'DELETE FROM t'],
    ]);
    expect(outline?.map(({ start, end }) => text.slice(start, end).trim())).toEqual([
      'SELECT 1',
      "UPDATE t SET a = 'x;y'\n WHERE id = 1",
      'DELETE FROM t',
    ]);
  });

  it('knows what cannot run in a transaction', async () => {
    const outside = async (text: string) => (await outlineScript(text))?.[0]?.outside;
    for (const text of [
      'CREATE INDEX CONCURRENTLY i ON t (a)',
      'DROP INDEX CONCURRENTLY i',
      'REINDEX TABLE CONCURRENTLY t',
      'REINDEX DATABASE d',
      'VACUUM t',
      'CREATE DATABASE d',
      'ALTER SYSTEM SET work_mem = 1',
      'CLUSTER',
    ])
      expect(await outside(text), text).toBe(true);
    for (const text of ['CREATE INDEX i ON t (a)', 'ANALYZE t', 'REINDEX TABLE t', 'CLUSTER t', 'SELECT 1'])
      expect(await outside(text), text).toBe(false);
  });

  it('is none for what does not parse', async () => {
    expect(await outlineScript('SELEC 1')).toBeUndefined();
  });

  it('finds each of any statements on its line', async () => {
    const statement = fc.constantFrom('SELECT 1', "SELECT 'a\nb'", 'DELETE FROM "é🎉"', 'VACUUM t');
    const between = fc.constantFrom(' ', '\n', '\n\n', ' -- c;\n', '/* ; */', '\t/* a\n/* b */ */');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(between, statement), { minLength: 1, maxLength: 8 }),
        async (parts) => {
          let text = '';
          const expected = parts.map(([before, own]) => {
            text += before;
            const start = text.length;
            text += `${own};`;
            return { start, end: start + own.length, line: text.slice(0, start).split('\n').length };
          });
          const outline = await outlineScript(text);
          expect(outline?.map(({ start, end, line }) => ({ start, end, line }))).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });
});

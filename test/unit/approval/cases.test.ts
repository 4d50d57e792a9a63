import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const ROOT = new URL('../../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const [, section = ''] =
  /## The approval path, case by case\n([\s\S]*?)\n## /.exec(read('SECURITY.md')) ?? [];
const rows = section.split('\n').filter((line) => /^\| \d+ \|/.test(line));

describe('the table of the approval path in SECURITY.md', () => {
  test('has every case once', () => {
    expect(rows.map((row) => Number(/\d+/.exec(row)?.[0]))).toEqual(
      Array.from({ length: 30 }, (_, i) => i + 1),
    );
  });

  test.each(rows.map((row) => [row.split('|')[2]?.trim() ?? '', row]))(
    'names tests that exist: %s',
    (_, row) => {
      const named = [...row.matchAll(/`([\w./-]+\.test\.ts)` “([^”]+)”/g)];
      expect(named.length).toBeGreaterThan(0);
      for (const [, file, words = ''] of named) expect(read(`test/${file}`)).toContain(words);
    },
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskDocument } from '../../../src/masking/documents.ts';
import { hashKey, hashText } from '../../../src/masking/strategies.ts';

const key = hashKey(Buffer.alloc(32, 7));

function mask(
  text: string,
  keepKeys: readonly string[],
  strategy: 'redact' | 'null' | 'hash' | 'partial' = 'redact',
) {
  const bytes = Buffer.from(text);
  return maskDocument(bytes, 0, bytes.length, { strategy, keepLast: 4, keepKeys }, key)?.toString();
}

describe('a masked document', () => {
  it('keeps what is listed at its place, and the shape of everything', () => {
    expect(mask('{"theme": "dark", "dob": "1981", "n": 3, "ok": true, "x": null}', ['theme'])).toBe(
      '{"theme": "dark", "dob": "[masked]", "n": null, "ok": null, "x": null}',
    );
  });

  it('keeps by path: a key of the same name elsewhere is masked', () => {
    expect(mask('{"a":{"lang":"x","theme":"y"},"lang":"z"}', ['a.lang'])).toBe(
      '{"a":{"lang":"x","theme":"[masked]"},"lang":"[masked]"}',
    );
  });

  it('looks through arrays, and takes * for any one key', () => {
    expect(mask('{"items":[{"sku":1,"to":"me"},{"sku":2}]}', ['items.sku'])).toBe(
      '{"items":[{"sku":1,"to":"[masked]"},{"sku":2}]}',
    );
    expect(mask('{"a":{"k":1,"j":2},"b":{"k":3}}', ['*.k'])).toBe('{"a":{"k":1,"j":null},"b":{"k":3}}');
  });

  it('keeps all that lies below a kept key', () => {
    expect(mask('{"s":{"deep":["x",{"y":1}]},"t":"x"}', ['s'])).toBe(
      '{"s":{"deep":["x",{"y":1}]},"t":"[masked]"}',
    );
  });

  it('reads keys as what they spell', () => {
    expect(mask('{"th\\u0065me":"dark","x":"\\u0061"}', ['theme'])).toBe(
      '{"th\\u0065me":"dark","x":"[masked]"}',
    );
  });

  it('masks a document that is a single value', () => {
    expect(mask('"secret"', ['theme'])).toBe('"[masked]"');
    expect(mask(' 12.5e3 ', ['theme'])).toBe(' null ');
  });

  it('applies null, hash and partial to each value', () => {
    expect(mask('{"a":"x"}', ['b'], 'null')).toBe('{"a":null}');
    expect(mask('{"a":"x"}', ['b'], 'hash')).toBe(`{"a":"${hashText(Buffer.from('x'), key)}"}`);
    expect(mask('{"a":"4242424242424242"}', ['b'], 'partial')).toBe('{"a":"************4242"}');
  });

  it('is refused whole when it is no json, or too deep', () => {
    for (const text of [
      '{"a":',
      '{a:1}',
      '[1 2]',
      '"x',
      '',
      '{"a":1}}',
      `${'['.repeat(400)}${']'.repeat(400)}`,
    ])
      expect(mask(text, ['a'])).toBeUndefined();
  });

  it('never shows a value that is not kept, and stays json, whatever it holds', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        const masked = mask(text, ['kept.path']);
        expect(masked).toBeDefined();
        const leaves: unknown[] = [];
        JSON.parse(masked ?? '', (_, value) => {
          if (typeof value !== 'object' || value === null) leaves.push(value);
          return value;
        });
        expect(leaves.every((leaf) => leaf === null || leaf === '[masked]')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

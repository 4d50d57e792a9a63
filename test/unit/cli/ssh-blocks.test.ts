import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blocksText, type HostBlock, withBlocks } from '../../../src/cli/ssh-blocks.ts';

const host = (...names: string[]): HostBlock => ({ names, settings: [['User', 'devin']] });

describe('the file that ssh-config --install writes', () => {
  test('keeps the blocks of the first gateway when those of a second one come', () => {
    const first = withBlocks('', 'team', [host('web-1', 'web-1.team')]).text;
    const both = withBlocks(first, 'other', [host('db-1', 'db-1.other')]).text;
    expect(both).toContain('Host web-1 web-1.team\n    User devin\n');
    expect(both).toContain('Host db-1 db-1.other\n');
  });

  test('has the blocks of a gateway anew in their place', () => {
    const both = withBlocks(withBlocks('', 'team', [host('web-1')]).text, 'other', [host('db-1')]).text;
    const anew = withBlocks(both, 'team', [host('web-2')]).text;
    expect(anew).toBe(withBlocks(withBlocks('', 'team', [host('web-2')]).text, 'other', [host('db-1')]).text);
    expect(withBlocks(anew, 'team', []).text).toBe(withBlocks('', 'other', [host('db-1')]).text);
  });

  test('tells which names mean the host of another gateway, since ssh takes what stands first', () => {
    const first = withBlocks('', 'team', [host('web-1', 'web-1.team')]).text;
    const { hidden, text } = withBlocks(first, 'other', [host('web-1', 'web-1.other'), host('db-1')]);
    expect([...hidden]).toEqual([['web-1', 'team']]);
    expect(withBlocks(text, 'team', [host('web-1')]).hidden.size).toBe(0);
  });

  test('takes the place of a file without parts, which earlier versions wrote', () => {
    const old = `# Written by hoopctl ssh-config; write it anew.\n${blocksText([host('web-9')])}`;
    expect(withBlocks(old, 'team', [host('web-1')]).text).not.toContain('web-9');
  });

  test('comes out the same whichever gateway is written anew', () => {
    const name = fc.stringMatching(/^[a-z0-9-]{1,8}$/);
    const part = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.array(name, { minLength: 1, maxLength: 3 }));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        let file = '';
        const last = new Map<string, readonly string[]>();
        for (const [source, names] of parts) {
          file = withBlocks(
            file,
            source,
            names.map((one) => host(one)),
          ).text;
          last.set(source, names);
        }
        for (const [source, names] of last) {
          expect(
            withBlocks(
              file,
              source,
              names.map((one) => host(one)),
            ).text,
          ).toBe(file);
        }
      }),
      { numRuns: 100 },
    );
  });
});

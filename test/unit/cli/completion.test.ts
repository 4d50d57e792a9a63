import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { outline } from '../../../src/cli/completion/outline.ts';
import { completionScript } from '../../../src/cli/completion/print.ts';
import { ROOT } from '../../../src/cli/tree/root.ts';

describe('completions', () => {
  it.each(['bash', 'zsh', 'fish'])(
    'for %s in completions/ are current (npm run completions makes them)',
    (shell) => {
      const file = new URL(`../../../completions/hoopctl.${shell}`, import.meta.url);
      expect(readFileSync(file, 'utf8')).toBe(completionScript(shell));
    },
  );

  it('know every verb and every option of the tree', () => {
    const script = completionScript('bash');
    for (const { path, options } of outline(ROOT)) {
      expect(script).toContain(`"${path}")`);
      for (const { long } of options) expect(script).toContain(long);
    }
  });

  it('refuse a shell that nobody wrote one for', () => {
    expect(() => completionScript('toString')).toThrow('there is no completion');
  });
});

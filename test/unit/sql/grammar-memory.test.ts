import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const PROGRAM = `
import { loadParser, parseText } from ${JSON.stringify(new URL('../../../src/sql/parse.ts', import.meta.url).href)};
await loadParser();
let peak = 0;
for (let i = 0; i < 5000; i++) {
  parseText('SELECT a.id, b.name FROM t a JOIN u b USING (id) WHERE a.x = ' + i);
  if (i % 100 === 0) {
    peak = Math.max(peak, process.memoryUsage.rss());
    await new Promise(setImmediate);
  }
}
console.log(peak / 1024 / 1024);
`;

it('stays small while the grammar gets hot', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', PROGRAM]);
  expect(Number(stdout)).toBeGreaterThan(20);
  expect(Number(stdout)).toBeLessThan(250);
});

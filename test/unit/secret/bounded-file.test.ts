import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readBounded } from '../../../src/secret/bounded-file.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hoopctl-bounded-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it.each([0, 1, 63, 64])('reads %i bytes of at most 64, and no more', async (size) => {
  const file = join(dir, 'file');
  writeFileSync(file, Buffer.alloc(size, 'x'));
  expect((await readBounded(file, 64, false)).bytes).toEqual(Buffer.alloc(size, 'x'));
  writeFileSync(file, Buffer.alloc(65, 'x'));
  await expect(readBounded(file, 64, false)).rejects.toThrow('larger than 64 bytes');
});

it.runIf(process.platform === 'linux')('reads a file that says it is empty, within the limit', async () => {
  const file = '/proc/self/mounts';
  const { length } = readFileSync(file);
  expect((await readBounded(file, 1024 * 1024, false)).bytes).toHaveLength(length);
  await expect(readBounded(file, length - 1, false)).rejects.toThrow('larger than');
});

it('does not set memory aside for what is not there', async () => {
  const file = join(dir, 'file');
  writeFileSync(file, 'short');
  const before = process.memoryUsage().arrayBuffers;
  const reads = await Promise.all(
    Array.from({ length: 20 }, () => readBounded(file, 16 * 1024 * 1024, false)),
  );
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  expect(reads).toHaveLength(20);
});

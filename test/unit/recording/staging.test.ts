import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FRAME } from '../../../src/recording/events.ts';
import { readRecording } from '../../../src/recording/reader.ts';
import { fingerprint } from '../../../src/recording/recovery.ts';
import { openRecording } from '../../../src/recording/writer.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hoopctl-staging-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function texts(path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const frame of readRecording(path)) found.push(Buffer.from(frame.payload).toString());
  return found;
}

it('writes staged frames with the next commit or append, in order', async () => {
  const path = join(dir, 'a.hoop');
  const writer = openRecording(path, { monotonic: () => 1 });
  const before = statSync(path).size;
  writer.stage(FRAME.client, [Buffer.from('one')]);
  writer.stage(FRAME.decision, [Buffer.from('tw'), Buffer.from('o')]);
  expect(statSync(path).size).toBe(before);
  writer.commit();
  expect(await texts(path)).toEqual(['one', 'two']);
  writer.stage(FRAME.client, [Buffer.from('three')]);
  writer.append(FRAME.server, Buffer.from('four'));
  writer.stage(FRAME.client, [Buffer.from('five')]);
  const closed = writer.close();
  expect(await texts(path)).toEqual(['one', 'two', 'three', 'four', 'five']);
  expect(await fingerprint(path)).toEqual(closed);
});

it('keeps no more than a few kilobytes in memory, and long frames not at all', async () => {
  const path = join(dir, 'b.hoop');
  const writer = openRecording(path, { monotonic: () => 1 });
  const piece = Buffer.alloc(3000, 97);
  for (let i = 0; i < 6; i++) writer.stage(FRAME.client, [piece]);
  expect(statSync(path).size).toBeGreaterThan(12_000);
  writer.stage(FRAME.client, [Buffer.alloc(100_000, 98)]);
  expect(statSync(path).size).toBeGreaterThan(118_000);
  writer.close();
  expect((await texts(path)).map((text) => text.length)).toEqual([
    3000, 3000, 3000, 3000, 3000, 3000, 100_000,
  ]);
});

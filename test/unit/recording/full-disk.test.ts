import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type RecordingEnd, readRecording } from '../../../src/recording/reader.ts';

const dir = mkdtempSync(join(tmpdir(), 'hoopctl-full-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/**
 * Appends 1000-byte frames under a file size limit of 8 KiB: the last write is a short one, the next fails.
 * Later there is room again: half a frame stands at the end, so that nothing may follow it.
 */
const WRITE_UNTIL_FULL = `
  import { execFileSync } from 'node:child_process';
  import { openRecording } from ${JSON.stringify(new URL('../../../src/recording/writer.ts', import.meta.url).href)};
  const writer = openRecording(process.argv[1], { monotonic: () => 0 });
  const codes = [];
  let appended = 0;
  for (let i = 0; i < 12; i++) {
    if (i === 10) execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited:unlimited']);
    try { writer.append(3, Buffer.alloc(1000, i)); appended++; } catch (error) { codes.push(error.code); }
  }
  console.log(JSON.stringify({ appended, codes, closed: writer.close() }));
`;

it('stops at the first failed write, keeps every frame before it, and hashes what is really there', async () => {
  const path = join(dir, 'session.hoop');

  const told = JSON.parse(
    execFileSync('bash', [
      '-c',
      'ulimit -S -f 8; exec "$0" --input-type=module -e "$1" "$2"',
      process.execPath,
      WRITE_UNTIL_FULL,
      path,
    ]).toString(),
  );

  expect(told.appended).toBe(8);
  expect(told.codes).toEqual(Array(4).fill('recording_failed'));
  let end: RecordingEnd | undefined;
  const firstBytes: (number | undefined)[] = [];
  for await (const frame of readRecording(path, (e) => {
    end = e;
  })) {
    firstBytes.push(frame.payload[0]);
  }
  expect(firstBytes).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(end?.tornBytes).toBe(8192 - 16 - 8 * 1016);
  const bytes = readFileSync(path);
  expect(told.closed).toEqual({
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openAuditLog } from '../../../src/audit/log.ts';
import { verifyAudit } from '../../../src/audit/verify.ts';
import { FRAME } from '../../../src/recording/events.ts';
import { readRecording } from '../../../src/recording/reader.ts';

const dir = mkdtempSync(join(tmpdir(), 'hoopctl-crash-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const source = (path: string) => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);

/** Records and audits without end, and tells what it has done only after it was written. */
const WORK = `
  import { writeSync } from 'node:fs';
  import { openAuditLog } from ${source('audit/log.ts')};
  import { openRecording } from ${source('recording/writer.ts')};
  const [dir] = process.argv.slice(1);
  const { log } = await openAuditLog({ dir: dir + '/audit', clock: Date });
  const recording = openRecording(dir + '/session.hoop', { monotonic: () => performance.now() });
  for (let n = 1; ; n++) {
    recording.append(3, Buffer.alloc(300, n));
    log.append({ kind: 'statement', actor: 'devin', facts: { n } });
    writeSync(1, n + '\\n');
    if (n % 100 === 0) { void log.checkpoint(); await new Promise(setImmediate); }
  }
`;

it('loses nothing that was told to be written when the process is killed', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', WORK, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.length > 20_000) child.kill('SIGKILL');
  });
  await once(child, 'close');
  const told = output.slice(0, output.lastIndexOf('\n')).split('\n').length;

  const { log, damage } = await openAuditLog({ dir: join(dir, 'audit'), clock: Date });
  log.close();
  let frames = 0;
  for await (const frame of readRecording(join(dir, 'session.hoop'))) {
    frames++;
    expect(frame.kind).toBe(FRAME.server);
  }

  expect(told).toBeGreaterThan(1000);
  expect(damage).toBeUndefined();
  expect(
    readFileSync(join(dir, 'audit', 'audit.jsonl'), 'utf8').split('\n').length - 1,
  ).toBeGreaterThanOrEqual(told);
  expect(frames).toBeGreaterThanOrEqual(told);
  expect(await verifyAudit({ dir: join(dir, 'audit'), recordingPath: () => '' })).toMatchObject({
    ok: true,
    unsigned: 0,
  });
});

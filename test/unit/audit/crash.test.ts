import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openAuditLog } from '../../../src/audit/log.ts';
import { verifyAudit } from '../../../src/audit/verify.ts';
import { replayJournal } from '../../../src/journal/replay.ts';
import { FRAME } from '../../../src/recording/events.ts';
import { readRecording } from '../../../src/recording/reader.ts';

const dirs: string[] = [];
afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

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

/** The same a turn at a time, through the journal. */
const WORK_IN_TURNS = `
  import { writeSync } from 'node:fs';
  import { Journal } from ${source('journal/journal.ts')};
  import { openAuditLog } from ${source('audit/log.ts')};
  import { openRecording } from ${source('recording/writer.ts')};
  import { systemClock as clock } from ${source('base/clock.ts')};
  const [dir] = process.argv.slice(1);
  const journal = new Journal(dir + '/journal', clock, () => process.exit(1));
  const journaled = { journal, clock, path: 'audit/audit.jsonl' };
  const { log } = await openAuditLog({ dir: dir + '/audit', clock: Date, journaled });
  const recording = openRecording(dir + '/session.hoop', clock, { journal, path: 'session.hoop' });
  for (let n = 1; ; n++) {
    recording.stage(3, [Buffer.alloc(300, n)]);
    recording.prepare();
    log.stage({ kind: 'statement', actor: 'devin', facts: { n } });
    log.commitTurn();
    writeSync(1, n + '\\n');
    if (n % 100 === 0) { if (n % 300 === 0) void log.checkpoint(); await new Promise(setImmediate); }
  }
`;

it.each([
  ['each at once', WORK],
  ['a turn at a time', WORK_IN_TURNS],
])('loses nothing that was told to be written, %s, when the process is killed', async (_, work) => {
  const dir = mkdtempSync(join(tmpdir(), 'hoopctl-crash-'));
  dirs.push(dir);
  const child = spawn(process.execPath, ['--input-type=module', '-e', work, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.length > 20_000) child.kill('SIGKILL');
  });
  await once(child, 'close');
  const told = output.slice(0, output.lastIndexOf('\n')).split('\n').length;

  const before = statSync(join(dir, 'session.hoop')).size;
  const { restored, problems } = replayJournal(join(dir, 'journal'), dir);
  expect(problems).toEqual([]);
  // The files alone would not do.
  if (work === WORK_IN_TURNS) expect(restored).toBeGreaterThan(0);
  expect(statSync(join(dir, 'session.hoop')).size).toBeGreaterThanOrEqual(before);
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

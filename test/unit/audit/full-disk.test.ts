import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { verifyAudit } from '../../../src/audit/verify.ts';

const dir = mkdtempSync(join(tmpdir(), 'hoopctl-audit-full-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Appends under a file size limit of 8 KiB until that fails, then once more with the limit lifted. */
const WRITE_UNTIL_FULL = `
  import { execFileSync } from 'node:child_process';
  import { openAuditLog } from ${JSON.stringify(new URL('../../../src/audit/log.ts', import.meta.url).href)};
  const { log } = await openAuditLog({ dir: process.argv[1], clock: { now: () => 0 } });
  const event = { kind: 'statement', actor: 'é', facts: { pad: 'ü'.repeat(400) } };
  const codes = [];
  let appended = 0;
  while (codes.length < 3) {
    try { log.append(event); appended++; } catch (error) { codes.push(error.code); }
  }
  execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited:unlimited']);
  const { seq } = log.append(event);
  log.close();
  console.log(JSON.stringify({ appended, codes, seq }));
`;

it('takes half an entry back when the disk is full, and goes on when there is room again', async () => {
  const told = JSON.parse(
    execFileSync('bash', [
      '-c',
      'ulimit -S -f 8; exec "$0" --input-type=module -e "$1" "$2"',
      process.execPath,
      WRITE_UNTIL_FULL,
      dir,
    ]).toString(),
  );

  expect(told.codes).toEqual(Array(3).fill('audit_failed'));
  expect(told.seq).toBe(told.appended + 1);
  expect(readFileSync(join(dir, 'audit.jsonl'), 'utf8').split('\n')).toHaveLength(told.seq + 1);
  expect(await verifyAudit({ dir, recordingPath: () => '' })).toMatchObject({ ok: true, entries: told.seq });
});

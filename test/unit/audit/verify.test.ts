import { createHash } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditVerifySchema } from '../../../src/api/schemas.ts';
import { canonicalJson } from '../../../src/audit/canonical-json.ts';
import type { AuditEntry, AuditEvent } from '../../../src/audit/entry.ts';
import { openAuditLog } from '../../../src/audit/log.ts';
import type { SignedHead } from '../../../src/audit/signed-head.ts';
import { verifyAudit } from '../../../src/audit/verify.ts';

let root: string;
let dir: string;
let storedHead: SignedHead | undefined;
let count = 0;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'hoopctl-verify-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const clock = { now: () => Date.UTC(2026, 0, 1) };
const recordingPath = (session: string) => join(root, `${session}.hoop`);
const verify = () => verifyAudit({ dir, storedHead, recordingPath });
const verifyWithoutStore = () => verifyAudit({ dir, recordingPath });
const logFile = () => join(dir, 'audit.jsonl');
const headsFile = () => join(dir, 'heads.jsonl');
const read = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const write = (path: string, lines: readonly string[]) =>
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const statement = (n: number): AuditEvent => ({ kind: 'statement', actor: 'devin', facts: { n } });

async function append(...events: readonly AuditEvent[]): Promise<void> {
  const { log } = await openAuditLog({
    dir,
    clock,
    storedHead,
    onHead: (head) => {
      storedHead = head;
    },
  });
  for (const event of events) log.append(event);
  log.close();
}

/** Six entries; heads signed at 3 and 6. */
beforeEach(async () => {
  dir = join(root, `log-${count++}`);
  storedHead = undefined;
  await append(statement(1), statement(2), statement(3));
  await append(statement(4), statement(5), statement(6));
});

/** A line changed by someone who knows the format: canonical, with its own right hash. */
function forge(line: string, change: Partial<AuditEntry>): string {
  const { hash: _, ...rest } = { ...(JSON.parse(line) as AuditEntry), ...change };
  return canonicalJson({ ...rest, hash: sha256(canonicalJson(rest)) });
}

describe('a log nobody touched', () => {
  it('is fine, and says so in the shape of the API', async () => {
    const report = await verify();

    expect(auditVerifySchema.parse(report)).toEqual({
      ok: true,
      entries: 6,
      recordings: 0,
      firstBroken: null,
      problems: [],
      unsigned: 0,
      head: { seq: 6, hash: storedHead?.hash, signedAt: '2026-01-01T00:00:00.000Z' },
    });
  });

  it('counts what a killed daemon left unsigned', async () => {
    write(headsFile(), read(headsFile()).slice(0, 1));

    expect(await verifyWithoutStore()).toMatchObject({ ok: true, unsigned: 3, head: { seq: 3 } });
  });

  it('may be empty', async () => {
    dir = join(root, 'never-opened');

    expect(await verifyWithoutStore()).toMatchObject({ ok: true, entries: 0, head: null });
  });
});

describe('a log that was changed', () => {
  it.each([1, 3, 4, 6])('names entry %i when one of its characters changed', async (n) => {
    const lines = read(logFile());
    lines[n - 1] = lines[n - 1]!.replace(`"n":${n}`, `"n":${n + 1}`);
    write(logFile(), lines);

    const report = await verify();

    expect(report).toMatchObject({ ok: false, firstBroken: { seq: n, session: null } });
    expect(report.firstBroken?.message).toMatch(/changed/);
    expect(report.problems).toHaveLength(1);
  });

  it('finds any changed byte of a line', async () => {
    const whole = readFileSync(logFile());
    const second = whole.indexOf(0x0a) + 1;
    const end = whole.indexOf(0x0a, second);
    for (let at = second; at <= end; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 0x02;
      writeFileSync(logFile(), changed);

      expect(await verify(), `byte ${at - second}`).toMatchObject({ ok: false, firstBroken: { seq: 2 } });
    }
  });

  it('names the place of an entry that was removed', async () => {
    write(
      logFile(),
      read(logFile()).filter((_, i) => i !== 2),
    );

    expect(await verify()).toMatchObject({
      ok: false,
      firstBroken: { seq: 3, message: expect.stringMatching(/entry 4 stands in its place/) },
    });
  });

  it('finds entries that changed places', async () => {
    const [a, b, c, ...rest] = read(logFile());
    write(logFile(), [a!, c!, b!, ...rest]);

    expect(await verify()).toMatchObject({ ok: false, firstBroken: { seq: 2 } });
  });

  it('finds a line written in another form, its hash being right', async () => {
    const lines = read(logFile());
    lines[3] = lines[3]!.replace('"actor":', '"actor": ');
    write(logFile(), lines);

    expect(await verify()).toMatchObject({
      ok: false,
      firstBroken: { seq: 4, message: expect.stringMatching(/canonical/) },
    });
  });

  it('finds an entry that was replaced together with its hash', async () => {
    const lines = read(logFile());
    lines[1] = forge(lines[1]!, { facts: { n: 22 } });
    write(logFile(), lines);

    expect(await verify()).toMatchObject({ ok: false, firstBroken: { seq: 3 } });
  });

  it('finds a chain that was rewritten from an entry on', async () => {
    const lines = read(logFile());
    lines[3] = forge(lines[3]!, { facts: { n: 44 } });
    for (const i of [4, 5])
      lines[i] = forge(lines[i]!, { prev: (JSON.parse(lines[i - 1]!) as AuditEntry).hash });
    write(logFile(), lines);

    expect(await verify()).toMatchObject({
      ok: false,
      firstBroken: { seq: 6, message: expect.stringMatching(/not the entry that was signed/) },
    });
  });

  it.each(['', 'not json', '{}', '[]', '\0\0'])('names a line that is %j', async (line) => {
    const lines = read(logFile());
    lines[4] = line;
    write(logFile(), lines);

    expect(await verify()).toMatchObject({
      ok: false,
      firstBroken: { seq: 5, message: expect.stringMatching(/not an audit entry/) },
    });
  });

  it('finds an incomplete last line', async () => {
    appendFileSync(logFile(), '{"actor"');

    expect(await verify()).toMatchObject({ ok: false, firstBroken: { seq: 7 } });
  });
});

describe('a log that was cut', () => {
  it('is found by its last signed head', async () => {
    write(logFile(), read(logFile()).slice(0, 4));

    expect(await verifyWithoutStore()).toMatchObject({
      ok: false,
      firstBroken: { seq: 5, message: expect.stringMatching(/ends at entry 4, a signed head names entry 6/) },
    });
  });

  it('is found by the stored head when its heads are cut too', async () => {
    write(logFile(), read(logFile()).slice(0, 3));
    write(headsFile(), read(headsFile()).slice(0, 1));

    expect(await verifyWithoutStore()).toMatchObject({ ok: true });
    expect(await verify()).toMatchObject({
      ok: false,
      firstBroken: { seq: 4, message: expect.stringMatching(/the stored head names entry 6/) },
    });
  });

  it('is found by the stored head when everything is gone', async () => {
    unlinkSync(logFile());
    unlinkSync(headsFile());

    expect(await verify()).toMatchObject({ ok: false, firstBroken: { seq: 1 } });
  });

  it('is still found after the daemon went on with it', async () => {
    write(logFile(), read(logFile()).slice(0, 3));
    write(headsFile(), read(headsFile()).slice(0, 1));
    await append(statement(44), statement(55), statement(66), statement(77));

    expect(await verify()).toMatchObject({ ok: false, firstBroken: { seq: 6 } });
  });

  it('is found when only the heads are gone', async () => {
    write(headsFile(), []);

    expect(await verify()).toMatchObject({ ok: false });
  });

  it('is found when only the heads are gone and the daemon went on', async () => {
    unlinkSync(headsFile());
    const kept = storedHead;
    await append(statement(44));

    expect(storedHead).toEqual(kept);
    expect(await verify()).toMatchObject({
      ok: false,
      firstBroken: { seq: 6, message: expect.stringMatching(/signed head is missing/) },
    });
  });
});

describe('signed heads', () => {
  it('must be signed by the key', async () => {
    const heads = read(headsFile());
    const head = JSON.parse(heads[0]!) as SignedHead;
    heads[0] = canonicalJson({ ...head, time: '2025-01-01T00:00:00.000Z' });
    write(headsFile(), heads);

    expect(await verify()).toMatchObject({
      ok: false,
      firstBroken: { seq: 3, message: expect.stringMatching(/not genuine/) },
    });
  });

  it('of another key do not count, the stored one included', async () => {
    const genuine = storedHead;
    const genuineDir = dir;
    dir = join(root, `forged-${count++}`);
    storedHead = undefined;
    await append(statement(1));
    cpSync(dir, genuineDir, { recursive: true });
    dir = genuineDir;

    expect(await verifyWithoutStore()).toMatchObject({ ok: true });
    storedHead = genuine;
    expect(await verify()).toMatchObject({
      ok: false,
      problems: expect.arrayContaining([expect.stringMatching(/signature of the key in place/)]),
    });
  });

  it('must be readable', async () => {
    write(headsFile(), ['nonsense', ...read(headsFile())]);

    expect(await verify()).toMatchObject({ ok: false, problems: [expect.stringMatching(/unreadable/)] });
  });

  it('need their public key', async () => {
    unlinkSync(join(dir, 'signing.pub'));

    expect(await verify()).toMatchObject({ ok: false, firstBroken: { message: expect.any(String) } });
  });
});

describe('recordings', () => {
  const ended = (session: string, content: string): AuditEvent => ({
    kind: 'session.end',
    actor: 'devin',
    facts: { session, recording: { size: content.length, sha256: sha256(content) } },
  });

  beforeEach(async () => {
    mkdirSync(root, { recursive: true });
    writeFileSync(recordingPath('s-1'), 'first');
    writeFileSync(recordingPath('s-2'), 'second');
    await append(ended('s-1', 'first'), ended('s-2', 'second'));
  });

  it('are counted when they are as they were', async () => {
    expect(await verify()).toMatchObject({ ok: true, recordings: 2 });
  });

  it.each([
    ['changed', () => writeFileSync(recordingPath('s-2'), 'sEcond'), /was changed/],
    ['cut', () => writeFileSync(recordingPath('s-2'), 'sec'), /has 3 bytes, it had 6/],
    ['removed', () => unlinkSync(recordingPath('s-2')), /is missing/],
  ])('that were %s are named by session', async (_, harm, message) => {
    harm();

    expect(await verify()).toMatchObject({
      ok: false,
      firstBroken: { seq: 8, session: 's-2', message: expect.stringMatching(message) },
    });
  });

  it('must be there for every session that ended', async () => {
    await append({ kind: 'session.end', actor: 'devin', facts: { session: 's-3', recording: null } });

    expect(await verify()).toMatchObject({
      ok: false,
      firstBroken: { seq: 9, session: 's-3', message: expect.stringMatching(/without a recording/) },
    });
  });

  it('may be gone when a later entry says that they were removed', async () => {
    unlinkSync(recordingPath('s-2'));
    await append({ kind: 'recording.removed', actor: 'owner', facts: { session: 's-2' } });

    expect(await verify()).toMatchObject({ ok: true, recordings: 1 });
  });
});

it('finds nothing wrong in a log that grows while it is read', async () => {
  const { log } = await openAuditLog({ dir, clock, storedHead });
  const growing = setInterval(() => {
    for (let n = 0; n < 5; n++) log.append(statement(n));
    void log.checkpoint();
  }, 1);

  for (let times = 0; times < 5; times++) expect(await verify()).toMatchObject({ ok: true });

  clearInterval(growing);
  log.close();
});

it('keeps the list of problems short however many there are', async () => {
  await append(...Array.from({ length: 300 }, (_, i) => statement(i)));
  write(
    logFile(),
    read(logFile()).map((line) => line.replace('"actor":"devin"', '"actor":"other"')),
  );

  const report = await verify();

  expect(report.firstBroken?.seq).toBe(1);
  expect(report.problems).toHaveLength(101);
});

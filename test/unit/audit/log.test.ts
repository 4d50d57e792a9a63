import { hash } from 'node:crypto';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportAudit, tailAudit } from '../../../src/audit/browse.ts';
import { canonicalJson } from '../../../src/audit/canonical-json.ts';
import type { AuditEntry, AuditEvent } from '../../../src/audit/entry.ts';
import { openAuditLog } from '../../../src/audit/log.ts';
import type { SignedHead } from '../../../src/audit/signed-head.ts';

let root: string;
let count = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'hoopctl-audit-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fresh = () => join(root, `${count++}`);
const clock = { now: () => Date.UTC(2026, 0, 1) };
const open = (dir: string, more: Partial<Parameters<typeof openAuditLog>[0]> = {}) =>
  openAuditLog({ dir, clock, ...more });
const event = (n: number): AuditEvent => ({ kind: 'login', actor: 'owner', facts: { n } });
const linesOf = (dir: string, file = 'audit.jsonl') =>
  readFileSync(join(dir, file), 'utf8').split('\n').slice(0, -1);

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

describe('appending to the audit log', () => {
  it('writes one line of canonical JSON whose hash is over the rest, chained to the one before', async () => {
    const dir = fresh();
    const { log } = await open(dir);
    const first = log.append({ kind: 'statement', actor: 'devin', facts: { z: [1, null], a: 'é"\n' } });
    const second = log.append(event(2));

    const lines = linesOf(dir);

    expect(lines).toEqual([canonicalJson(first), canonicalJson(second)]);
    const { hash: claimed, ...rest } = JSON.parse(lines[1]!) as AuditEntry;
    expect(hash('sha256', canonicalJson(rest))).toBe(claimed);
    expect(rest).toMatchObject({ seq: 2, prev: first.hash, time: '2026-01-01T00:00:00.000Z' });
    expect(first.prev).toBe('0'.repeat(64));
    log.close();
  });

  it('continues the chain when it is opened again', async () => {
    const dir = fresh();
    const one = await open(dir);
    const last = one.log.append(event(1));
    one.log.close();

    const two = await open(dir);
    const next = two.log.append(event(2));
    two.log.close();

    expect(next).toMatchObject({ seq: 2, prev: last.hash });
    expect(two).toMatchObject({ cut: undefined, damage: undefined });
  });

  it('writes the same line for a frozen event as for another', async () => {
    const dir = fresh();
    const { log } = await open(dir);
    const frozen = Object.freeze(event(7));
    log.append(frozen);
    log.append(frozen);
    log.append(event(7));
    log.close();

    const facts = linesOf(dir).map((line) => (JSON.parse(line) as AuditEntry).facts);

    expect(facts).toEqual([{ n: 7 }, { n: 7 }, { n: 7 }]);
  });

  it('sees what changed in an event that is not frozen', async () => {
    const dir = fresh();
    const { log } = await open(dir);
    const facts = { n: 1 };
    const reused: AuditEvent = { kind: 'login', actor: 'owner', facts };
    log.append(reused);
    facts.n = 2;
    log.append(reused);
    log.close();

    expect(linesOf(dir).map((line) => (JSON.parse(line) as AuditEntry).facts)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('makes its files 0600 in a 0700 directory, the key too', async () => {
    const dir = fresh();
    const { log } = await open(dir);
    log.append(event(1));
    log.close();

    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(readdirSync(dir).sort()).toEqual(['audit.jsonl', 'heads.jsonl', 'signing.key', 'signing.pub']);
    for (const file of readdirSync(dir)) expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
  });

  it('says audit_failed for facts that are no JSON, and goes on', async () => {
    const { log } = await open(fresh());

    expect(() => log.append({ kind: 'login', actor: 'x', facts: { bad: '\ud800' } })).toThrow(
      expect.objectContaining({ code: 'audit_failed' }),
    );
    expect(log.append(event(1)).seq).toBe(1);
    log.close();
  });

  it('refuses to append after close', async () => {
    const { log } = await open(fresh());
    log.close();
    log.close();

    expect(() => log.append(event(1))).toThrow(expect.objectContaining({ code: 'audit_failed' }));
  });

  it('says audit_failed when the directory cannot be used', async () => {
    const file = join(root, 'a-file');
    writeFileSync(file, '');

    await expect(open(join(file, 'audit'))).rejects.toMatchObject({ code: 'audit_failed' });
  });
});

describe('signing heads', () => {
  it('signs at a checkpoint, at close and after a thousand entries, and hands each head out', async () => {
    const dir = fresh();
    const heads: SignedHead[] = [];
    const { log } = await open(dir, { onHead: (head) => heads.push(head) });
    log.append(event(1));
    await log.checkpoint();
    await log.checkpoint();
    for (let n = 2; n <= 1001; n++) log.append(event(n));
    await log.checkpoint();
    log.append(event(1002));
    log.close();

    expect(heads.map((head) => head.seq)).toEqual([1, 1001, 1002]);
    expect(linesOf(dir, 'heads.jsonl')).toEqual(heads.map((head) => canonicalJson(head)));
    expect(heads.map((head) => head.hash)).toEqual(
      heads.map((head) => (JSON.parse(linesOf(dir)[head.seq - 1]!) as AuditEntry).hash),
    );
  });

  it('signs without being asked after a thousand entries', async () => {
    const head = await new Promise<SignedHead>((resolve) => {
      void open(fresh(), { onHead: resolve }).then(({ log }) => {
        for (let n = 1; n <= 1000; n++) log.append(event(n));
      });
    });

    expect(head.seq).toBe(1000);
  });

  it('signs once a second at most, however many thousands come', async () => {
    const heads: number[] = [];
    let now = Date.UTC(2026, 0, 1);
    const { log } = await open(fresh(), {
      clock: { now: () => now },
      onHead: (head) => heads.push(head.seq),
    });
    const append = async (count: number) => {
      for (let n = 1; n <= count; n++) log.append(event(n));
      // What was asked for has been signed when a checkpoint that has nothing to do returns.
      while (log.unsigned > 0 && heads.length === 0) await new Promise(setImmediate);
    };
    await append(1000);
    for (let thousands = 0; thousands < 3; thousands++) await append(1000);
    now += 1000;
    log.append(event(0));
    while (heads.length < 2) await new Promise(setImmediate);
    log.close();

    expect(heads).toEqual([1000, 4001]);
  });

  it('does not make a new key for a log that has heads', async () => {
    const dir = fresh();
    const { log } = await open(dir);
    log.append(event(1));
    log.close();
    unlinkSync(join(dir, 'signing.key'));

    await expect(open(dir)).rejects.toMatchObject({ code: 'audit_key_missing' });
  });

  it('keeps the stored head when the log does not hold its entry', async () => {
    const dir = fresh();
    const heads: SignedHead[] = [];
    const one = await open(dir, { onHead: (head) => heads.push(head) });
    const { hash: firstHash } = one.log.append(event(1));
    one.log.append(event(2));
    one.log.close();
    truncateSync(join(dir, 'audit.jsonl'), linesOf(dir)[0]!.length + 1);
    truncateSync(join(dir, 'heads.jsonl'), 0);
    const storedHead = heads[0];
    heads.length = 0;

    const two = await open(dir, { storedHead, onHead: (head) => heads.push(head) });
    expect(two.damage).toMatch(/ends at entry 1, the stored copy of the last signed head names entry 2/);
    expect(two.log.append(event(3))).toMatchObject({ seq: 2, prev: firstHash });
    two.log.close();

    expect(heads).toEqual([]);
  });
});

describe('opening a log after a crash', () => {
  it('puts an incomplete last line aside and continues after the one before', async () => {
    const dir = fresh();
    const one = await open(dir);
    const { hash: lastHash } = one.log.append(event(1));
    one.log.close();
    const path = join(dir, 'audit.jsonl');
    const whole = readFileSync(path, 'utf8');
    appendFileSync(path, '{"actor":"dev');

    const two = await open(dir);
    const next = two.log.append(event(2));
    two.log.close();

    expect(two.cut).toEqual({ bytes: 13, file: `${path}.torn-${whole.length}` });
    expect(readFileSync(`${path}.torn-${whole.length}`, 'utf8')).toBe('{"actor":"dev');
    expect(next).toMatchObject({ seq: 2, prev: lastHash });
    expect(readFileSync(path, 'utf8')).toBe(`${whole}${canonicalJson(next)}\n`);
  });

  it('cuts the only line when that is incomplete', async () => {
    const dir = fresh();
    const one = await open(dir);
    one.log.close();
    writeFileSync(join(dir, 'audit.jsonl'), '\0'.repeat(200_000));

    const two = await open(dir);

    expect(two.cut?.bytes).toBe(200_000);
    expect(two.log.append(event(1)).seq).toBe(1);
    two.log.close();
  });

  it('tells of a damaged last entry, leaves it in place and goes on behind it', async () => {
    const dir = fresh();
    const one = await open(dir);
    one.log.append(event(1));
    one.log.append(event(2));
    one.log.close();
    const path = join(dir, 'audit.jsonl');
    const changed = readFileSync(path, 'utf8').replace('"n":2', '"n":3');
    writeFileSync(path, changed);

    const two = await open(dir);
    two.log.append(event(4));
    two.log.close();

    expect(two.damage).toMatch(/the last entry \(2\): .*changed/);
    expect(readFileSync(path, 'utf8').startsWith(changed)).toBe(true);
  });
});

describe('reading the log', () => {
  it('tails the last lines', async () => {
    const dir = fresh();
    const { log } = await open(dir);
    for (let n = 1; n <= 500; n++) log.append({ ...event(n), facts: { n, pad: 'x'.repeat(1000) } });

    expect(await collect(tailAudit(log, { last: 3 }))).toEqual(linesOf(dir).slice(-3));
    expect(await collect(tailAudit(log, { last: 300 }))).toEqual(linesOf(dir).slice(-300));
    expect(await collect(tailAudit(log, { last: 1000 }))).toEqual(linesOf(dir));
    expect(await collect(tailAudit(log, { last: 0 }))).toEqual([]);
    log.close();
  });

  it('follows: every line once, in order, also those appended while it reads', async () => {
    const dir = fresh();
    const { log } = await open(dir);
    for (let n = 1; n <= 3; n++) log.append(event(n));
    const stop = new AbortController();
    const seen: number[] = [];

    for await (const line of tailAudit(log, { last: 2, follow: stop.signal })) {
      const { seq } = JSON.parse(line) as AuditEntry;
      seen.push(seq);
      if (seq < 10) log.append(event(seq + 1));
      if (seq === 5) setImmediate(() => log.append(event(0)));
      if (seen.length === 10) stop.abort();
    }

    expect(seen.slice(0, 2)).toEqual([2, 3]);
    expect(seen).toEqual(seen.map((_, i) => i + 2));
    log.close();
  });

  it('stops following at once when told so while nothing happens', async () => {
    const { log } = await open(fresh());
    const stop = new AbortController();
    const tail = tailAudit(log, { last: 5, follow: stop.signal }).next();
    setImmediate(() => stop.abort());

    expect((await tail).done).toBe(true);
    log.close();
  });

  it('exports a span of time, the end excluded', async () => {
    const dir = fresh();
    let now = Date.UTC(2026, 0, 1);
    const { log } = await open(dir, { clock: { now: () => now } });
    for (let n = 1; n <= 4; n++) {
      log.append(event(n));
      now += 3_600_000;
    }

    const span = { since: '2026-01-01T01:00:00Z', until: '2026-01-01T03:00:00Z' };

    expect(await collect(exportAudit(log, span))).toEqual(linesOf(dir).slice(1, 3));
    expect(await collect(exportAudit(log, {}))).toEqual(linesOf(dir));
    log.close();
  });
});

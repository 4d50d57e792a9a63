import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BATCH_HEADER_BYTES, readJournal } from '../../../src/journal/format.ts';
import {
  JOURNAL_BYTES,
  Journal,
  type JournaledFile,
  type JournalPlace,
} from '../../../src/journal/journal.ts';
import { replayJournal } from '../../../src/journal/replay.ts';

let dir: string;
let journal: Journal;
let timers: (() => void)[];
let failures: unknown[];

/** A file that keeps its last bytes to itself until it is settled. */
class LazyFile implements JournaledFile {
  readonly path: string;
  readonly #place: JournalPlace;
  #kept = Buffer.alloc(0);
  #size = 0;
  full = false;

  constructor(path: string) {
    this.path = path;
    this.#place = journal.place(this);
    writeFileSync(join(dir, path), '');
  }

  add(text: string): void {
    const bytes = Buffer.from(`..${text}..`);
    this.#kept = Buffer.concat([this.#kept, bytes.subarray(2, -2)]);
    this.#place.stage(this.#size + this.#kept.length - (bytes.length - 4), bytes, 2, bytes.length - 2);
  }

  settle(): void {
    if (this.full) throw new Error('no room');
    appendFileSync(join(dir, this.path), this.#kept);
    this.#size += this.#kept.length;
    this.#kept = Buffer.alloc(0);
    this.#place.settled();
  }
}

const content = (path: string) => readFileSync(join(dir, path), 'utf8');
const path = () => join(dir, 'journal');

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hoopctl-journal-'));
  timers = [];
  failures = [];
  const after = (_: number, fire: () => void) => {
    timers.push(fire);
    return () => void timers.splice(timers.indexOf(fire), 1);
  };
  journal = new Journal(path(), { after }, (error) => failures.push(error));
});
afterEach(() => {
  journal.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('the journal', () => {
  it('gives back what was committed and never reached the files, in order', () => {
    const [a, b] = [new LazyFile('a'), new LazyFile('b')];
    a.add('one ');
    b.add('uno ');
    journal.commit();
    a.add('two');
    journal.commit();
    b.add('not committed');
    expect([content('a'), content('b')]).toEqual(['', '']);
    expect(replayJournal(path(), dir)).toEqual({ restored: 11, problems: [] });
    expect([content('a'), content('b')]).toEqual(['one two', 'uno ']);
    // Once more changes nothing.
    expect(replayJournal(path(), dir)).toEqual({ restored: 0, problems: [] });
  });

  it('gives a file only what it lacks, also where a write to it was cut off', () => {
    const a = new LazyFile('a');
    a.add('one ');
    a.add('two');
    journal.commit();
    appendFileSync(join(dir, 'a'), 'one t');
    expect(replayJournal(path(), dir).restored).toBe(2);
    expect(content('a')).toBe('one two');
  });

  it('knows nothing any more of what was settled', () => {
    const a = new LazyFile('a');
    a.add('settled ');
    journal.commit();
    journal.settle();
    expect(content('a')).toBe('settled ');
    a.add('kept');
    journal.commit();
    truncateSync(join(dir, 'a'), 3);
    expect(replayJournal(path(), dir)).toEqual({
      restored: 0,
      problems: ['a ends at 3, the journal goes on at 8'],
    });
    expect(content('a')).toBe('set');
  });

  it('settles by itself, and tries again where a file cannot take its bytes', () => {
    const [a, b] = [new LazyFile('a'), new LazyFile('b')];
    a.add('a');
    b.add('b');
    a.full = true;
    journal.commit();
    for (const fire of timers.splice(0)) fire();
    expect([content('a'), content('b'), failures.length]).toEqual(['', 'b', 1]);
    a.full = false;
    for (const fire of timers.splice(0)) fire();
    expect([content('a'), failures.length]).toEqual(['a', 1]);
    expect(timers).toEqual([]);
  });

  it('is no longer than its size: the files take over what does not fit, or nothing is committed any more', () => {
    const a = new LazyFile('a');
    const piece = 'x'.repeat(60_000);
    for (let i = 0; i < 100; i++) {
      a.add(piece);
      journal.commit();
    }
    expect(statSync(path()).size).toBe(JOURNAL_BYTES);
    replayJournal(path(), dir);
    expect(content('a')).toBe(piece.repeat(100));
    const b = new LazyFile('b');
    b.full = true;
    expect(() => {
      for (let i = 0; i < 100; i++) {
        b.add(piece);
        journal.commit();
      }
    }).toThrow('no room');
  });

  it('commits more than one batch holds, in several', () => {
    const a = new LazyFile('a');
    const pieces = Array.from({ length: 10 }, (_, i) => String(i).repeat(50_000));
    for (const piece of pieces) a.add(piece);
    journal.commit();
    replayJournal(path(), dir);
    expect(content('a')).toBe(pieces.join(''));
  });

  it('writes nowhere but to files below its directory', () => {
    const outside = mkdtempSync(join(tmpdir(), 'hoopctl-outside-'));
    writeFileSync(join(outside, 'victim'), '');
    mkdirSync(join(dir, 'sub'));
    for (const name of [join('..', outside.slice(tmpdir().length + 1), 'victim'), join(outside, 'victim')]) {
      const place = journal.place({ path: name, settle: () => {} });
      place.stage(0, Buffer.from('evil'), 0, 4);
    }
    symlinkSync(join(outside, 'victim'), join(dir, 'link'));
    journal.place({ path: 'link', settle: () => {} }).stage(0, Buffer.from('evil'), 0, 4);
    journal.place({ path: 'sub/gone', settle: () => {} }).stage(0, Buffer.from('evil'), 0, 4);
    journal.commit();
    expect(replayJournal(path(), dir)).toEqual({
      restored: 0,
      problems: [
        'the journal names a file outside of the state directory',
        'the journal names a file outside of the state directory',
        'link is gone',
        'sub/gone is gone',
      ],
    });
    expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('');
    rmSync(outside, { recursive: true });
  });

  it('has nothing to give where there is none', () => {
    expect(replayJournal(join(dir, 'nothing'), dir)).toEqual({ restored: 0, problems: [] });
  });

  it('reads whole batches only, whatever is cut off or changed', () => {
    const a = new LazyFile('a');
    const texts = ['first', 'second', 'third'];
    const ends = texts.map((text) => {
      a.add(text);
      journal.commit();
      return Array.from(readJournal(readFileSync(path()))).length;
    });
    expect(ends).toEqual([2, 3, 4]);
    const whole = readFileSync(path()).subarray(0, 3 * BATCH_HEADER_BYTES + 4 * 16 + 1 + 16);
    const told = (bytes: Buffer) =>
      Array.from(readJournal(bytes), (record) => record.bytes.toString()).slice(1);
    fc.assert(
      fc.property(
        fc.nat(whole.length),
        fc.nat(whole.length - 1),
        fc.integer({ min: 1, max: 255 }),
        (cut, at, bits) => {
          const part = told(whole.subarray(0, cut));
          expect(texts.slice(0, part.length)).toEqual(part);
          const changed = Buffer.from(whole);
          changed.writeUInt8(changed.readUInt8(at) ^ bits, at);
          const rest = told(changed);
          expect(texts.slice(0, rest.length)).toEqual(rest);
        },
      ),
    );
  });

  it('reads any bytes without an end or an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        Array.from(readJournal(Buffer.from(bytes)));
      }),
    );
  });
});

it('needs no room on a full disk: what is committed there is in the files when there is room again', () => {
  const source = (name: string) => JSON.stringify(new URL(`../../../src/${name}`, import.meta.url).href);
  const work = `
    import { execFileSync } from 'node:child_process';
    import { Journal } from ${source('journal/journal.ts')};
    import { openRecording } from ${source('recording/writer.ts')};
    import { openAuditLog } from ${source('audit/log.ts')};
    const [dir] = process.argv.slice(1);
    const limit = (bytes) => execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=' + bytes + ':unlimited']);
    const clock = { now: () => 0, monotonic: () => 1, after: () => () => {} };
    const journal = new Journal(dir + '/journal', clock, () => {});
    const recording = openRecording(dir + '/session.hoop', clock, { journal, path: 'session.hoop' });
    const { log } = await openAuditLog({ dir: dir + '/audit', clock, journaled: { journal, path: 'audit/audit.jsonl', clock } });
    // The files are longer than the limit that they are then given, the journal's own writes are not.
    recording.append(3, Buffer.alloc(100_000));
    log.append({ kind: 'daemon.start', actor: 'hoopctl', facts: { pad: 'x'.repeat(100_000) } });
    const codes = [];
    const turn = (n) => {
      recording.stage(3, [Buffer.alloc(300, n)]);
      try {
        recording.prepare();
        log.stage({ kind: 'statement', actor: 'devin', facts: { n } });
        log.commitTurn();
        return true;
      } catch (error) { codes.push(error.code); return false; }
    };
    let done = 0;
    for (let n = 0; n < 10; n++) if (turn(n)) done++;
    limit(90_000);
    for (let n = 10; n < 20; n++) if (turn(n)) done++;
    let settled = true;
    try { journal.settle(); } catch { settled = false; }
    for (let n = 20; n < 23; n++) if (turn(n)) done++;
    limit('unlimited');
    for (let n = 23; n < 26; n++) if (turn(n)) done++;
    journal.settle();
    const closed = recording.close();
    log.close();
    console.log(JSON.stringify({ done, settled, codes, closed }));
  `;
  const told = JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', work, dir], { env: process.env }).toString(),
  );
  // The journal takes no new room; the files cannot grow, and then what is not theirs yet is refused.
  expect(told).toMatchObject({ settled: false, done: 23 });
  expect(told.codes).toHaveLength(3);
  const lines = content('audit/audit.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.filter((line) => line.kind === 'statement').map((line) => line.facts.n)).toEqual([
    ...Array(20).keys(),
    23,
    24,
    25,
  ]);
  expect(lines.map((line) => line.seq)).toEqual(lines.map((_, i) => i + 1));
  expect(readFileSync(join(dir, 'session.hoop')).length).toBe(told.closed.size);
});

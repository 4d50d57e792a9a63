import { createHash } from 'node:crypto';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../src/base/ids.ts';
import { FRAME, type Frame, type FrameKind } from '../../../src/recording/events.ts';
import { recordingPath } from '../../../src/recording/layout.ts';
import { type RecordingEnd, readRecording, searchText } from '../../../src/recording/reader.ts';
import { recoverRecording } from '../../../src/recording/recovery.ts';
import { openRecording } from '../../../src/recording/writer.ts';

let dir: string;
let count = 0;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hoopctl-recording-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const fresh = () => join(dir, `${count++}`, 'session.hoop');
const still = { monotonic: () => 0 };
const text = (frame: Frame) => Buffer.from(frame.payload).toString();

async function readAll(path: string): Promise<{ frames: Frame[]; end: RecordingEnd | undefined }> {
  const frames: Frame[] = [];
  let end: RecordingEnd | undefined;
  for await (const frame of readRecording(path, (e) => {
    end = e;
  })) {
    frames.push(frame);
  }
  return { frames, end };
}

/** Frames until the reader ends or throws. */
async function readWhatCan(path: string): Promise<{ frames: Frame[]; found: boolean }> {
  const frames: Frame[] = [];
  let torn = true;
  try {
    for await (const frame of readRecording(path, (e) => {
      torn = e.tornBytes > 0;
    })) {
      frames.push(frame);
    }
  } catch {
    return { frames, found: true };
  }
  return { frames, found: torn };
}

const KINDS = Object.values(FRAME);
const someFrames = fc.array(
  fc.record({ kind: fc.constantFrom(...KINDS), payload: fc.uint8Array({ maxLength: 40 }) }),
  { minLength: 1, maxLength: 5 },
);

function write(path: string, frames: readonly { kind: FrameKind; payload: Uint8Array }[]): void {
  const writer = openRecording(path, still);
  for (const { kind, payload } of frames) writer.append(kind, payload);
  writer.close();
}

describe('writing a recording', () => {
  it('keeps kinds, order, bytes and microseconds', async () => {
    const path = fresh();
    let now = 5000;
    const writer = openRecording(path, { monotonic: () => now });
    writer.appendJson(FRAME.open, { session: 's-1', name: 'žluťoučký 🐎' });
    now += 1.25;
    writer.append(FRAME.client, Buffer.from('ab'), Buffer.from('c'), Buffer.alloc(0));
    writer.append(FRAME.server);
    writer.close();

    const { frames, end } = await readAll(path);

    expect(frames.map((f) => [f.kind, f.at, text(f)])).toEqual([
      [FRAME.open, 0, '{"session":"s-1","name":"žluťoučký 🐎"}'],
      [FRAME.client, 1250, 'abc'],
      [FRAME.server, 1250, ''],
    ]);
    expect(end).toEqual({ frames: 3, completeBytes: statSync(path).size, tornBytes: 0 });
  });

  it('has written a frame when append returns', () => {
    const path = fresh();
    const writer = openRecording(path, still);
    const before = statSync(path).size;

    writer.append(FRAME.server, Buffer.from('shown to the client'));

    expect(readFileSync(path).subarray(before).toString('latin1')).toContain('shown to the client');
    writer.close();
  });

  it('tells size and SHA-256 of the file at close, twice the same', () => {
    const path = fresh();
    const writer = openRecording(path, still);
    writer.append(FRAME.server, Buffer.alloc(100_000, 1));
    writer.append(FRAME.client, Buffer.alloc(3_000_000, 2));

    const closed = writer.close();

    const bytes = readFileSync(path);
    expect(closed).toEqual({
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    expect(writer.close()).toEqual(closed);
  });

  it('cuts long streams into frames and keeps long JSON whole', async () => {
    const path = fresh();
    const stream = Buffer.alloc(2_500_000, 'xyz');
    const statement = 'é'.repeat(300_000);
    const writer = openRecording(path, still);
    writer.append(FRAME.server, Buffer.from('head'), stream);
    writer.appendJson(FRAME.decision, { text: statement });
    writer.close();

    const { frames } = await readAll(path);

    const server = frames.filter((f) => f.kind === FRAME.server);
    expect(server.length).toBeGreaterThan(2);
    expect(
      Buffer.concat(server.map((f) => f.payload)).equals(Buffer.concat([Buffer.from('head'), stream])),
    ).toBe(true);
    expect(JSON.parse(text(frames.at(-1)!))).toEqual({ text: statement });
  });

  it('makes the file 0600 and its directories 0700', () => {
    const path = fresh();
    openRecording(path, still).close();

    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  });

  it('never opens a recording that exists', () => {
    const path = fresh();
    openRecording(path, still).close();

    expect(() => openRecording(path, still)).toThrow(expect.objectContaining({ code: 'recording_failed' }));
  });

  it('says recording_failed when its directory cannot be made', () => {
    const blocker = join(dir, 'a-file');
    writeFileSync(blocker, '');

    expect(() => openRecording(join(blocker, 'x.hoop'), still)).toThrow(
      expect.objectContaining({ kind: 'internal', code: 'recording_failed' }),
    );
  });

  it('refuses to append after close', () => {
    const writer = openRecording(fresh(), still);
    writer.close();

    expect(() => writer.append(FRAME.server, Buffer.from('x'))).toThrow(
      expect.objectContaining({ code: 'recording_failed' }),
    );
  });

  it('refuses one statement longer than a frame may be, and goes on', async () => {
    const path = fresh();
    const writer = openRecording(path, still);

    expect(() => writer.append(FRAME.decision, Buffer.alloc(64 * 1024 * 1024 + 1))).toThrow(
      expect.objectContaining({ code: 'recording_failed' }),
    );
    writer.append(FRAME.note, Buffer.from('{}'));
    writer.close();

    expect((await readAll(path)).frames.map((f) => f.kind)).toEqual([FRAME.note]);
  });
});

describe('reading a recording that was cut or changed', () => {
  it('yields exactly the complete frames wherever the file ends', async () => {
    await fc.assert(
      fc.asyncProperty(someFrames, async (frames) => {
        const path = fresh();
        write(path, frames);
        const whole = readFileSync(path);
        const ends = frames.map(
          (_, i) => 16 + frames.slice(0, i + 1).reduce((n, f) => n + 16 + f.payload.length, 0),
        );
        for (let cut = whole.length; cut >= 0; cut--) {
          truncateSync(path, cut);
          const complete = ends.filter((end) => end <= cut).length;

          const { frames: read, end } = await readAll(path);

          expect(read.map((f) => f.payload)).toEqual(
            frames.slice(0, complete).map((f) => Buffer.from(f.payload)),
          );
          expect(end?.frames).toBe(complete);
          expect((end?.completeBytes ?? 0) + (end?.tornBytes ?? 0)).toBe(cut);
        }
      }),
      { numRuns: 8 },
    );
  });

  it('finds every changed byte, and yields no frame that was not written', async () => {
    await fc.assert(
      fc.asyncProperty(someFrames, fc.integer({ min: 1, max: 255 }), async (frames, mask) => {
        const path = fresh();
        write(path, frames);
        const whole = readFileSync(path);
        for (let at = 0; at < whole.length; at++) {
          const changed = Buffer.from(whole);
          changed[at]! ^= mask;
          writeFileSync(path, changed);

          const { frames: read, found } = await readWhatCan(path);

          expect(found, `byte ${at}`).toBe(true);
          expect(read.map((f) => f.payload)).toEqual(
            frames.slice(0, read.length).map((f) => Buffer.from(f.payload)),
          );
        }
      }),
      { numRuns: 8 },
    );
  });

  it('names the first bad frame and where it is', async () => {
    const path = fresh();
    write(path, [
      { kind: FRAME.client, payload: Buffer.from('one') },
      { kind: FRAME.client, payload: Buffer.from('two') },
    ]);
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);

    await expect(readAll(path)).rejects.toMatchObject({
      code: 'recording_damaged',
      message: expect.stringMatching(/frame 2 of .* \(at byte 35\)/),
    });
  });

  it('does not allocate what a damaged length claims', async () => {
    const path = fresh();
    write(path, [{ kind: FRAME.client, payload: Buffer.from('one') }]);
    const bytes = readFileSync(path);
    bytes.writeUInt32BE(0xffff_ffff, 16 + 8);
    writeFileSync(path, bytes);

    await expect(readAll(path)).rejects.toMatchObject({ code: 'recording_damaged' });
  });

  it('tells a newer version from damage', async () => {
    const path = fresh();
    write(path, []);
    const { crc32 } = await import('node:zlib');
    const bytes = readFileSync(path);
    bytes.writeUInt32BE(2, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(0, 12)), 12);
    writeFileSync(path, bytes);

    await expect(readAll(path)).rejects.toMatchObject({ code: 'recording_newer' });
  });

  it('says not found for a file that is not there', async () => {
    await expect(readAll(join(dir, 'nothing.hoop'))).rejects.toMatchObject({
      kind: 'not-found',
      code: 'recording_missing',
    });
  });

  it('reads a live recording up to what is written', async () => {
    const path = fresh();
    const writer = openRecording(path, still);
    writer.append(FRAME.note, Buffer.from('{"message":"so far"}'));

    const { frames } = await readAll(path);

    expect(frames.map(text)).toEqual(['{"message":"so far"}']);
    writer.close();
  });
});

describe('recovering after a crash', () => {
  it('leaves a torn file as it is and tells its size and hash', async () => {
    const path = fresh();
    write(path, [{ kind: FRAME.server, payload: Buffer.from('complete') }]);
    appendFileSync(path, Buffer.from([FRAME.server, 0, 0, 0]));
    const bytes = readFileSync(path);

    const recovered = await recoverRecording(path);

    expect(recovered).toEqual({
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      torn: true,
      damage: undefined,
      tally: { statements: 0, blocked: 0, approved: 0, denied: 0 },
    });
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('reports damage and still tells size and hash', async () => {
    const path = fresh();
    write(path, [{ kind: FRAME.server, payload: Buffer.from('complete') }]);
    appendFileSync(path, Buffer.alloc(64));

    const recovered = await recoverRecording(path);

    expect(recovered.damage).toMatch(/frame 2/);
    expect(recovered.size).toBe(statSync(path).size);
  });

  it('counts what happened, a frame that nobody can read included', async () => {
    const path = fresh();
    const facts = (kind: FrameKind, value: object) => ({ kind, payload: Buffer.from(JSON.stringify(value)) });
    write(path, [
      facts(FRAME.decision, { id: 1, outcome: 'allow' }),
      facts(FRAME.decision, { ref: 1 }),
      facts(FRAME.decision, { id: 2, outcome: 'block' }),
      facts(FRAME.decision, { id: 3, outcome: 'approve' }),
      facts(FRAME.approval, { status: 'approved' }),
      facts(FRAME.decision, { id: 4, outcome: 'approve' }),
      facts(FRAME.approval, { status: 'denied' }),
      facts(FRAME.note, { outcome: 'block' }),
      { kind: FRAME.decision, payload: Buffer.from('no JSON') },
    ]);

    expect((await recoverRecording(path)).tally).toEqual({
      statements: 6,
      blocked: 1,
      approved: 1,
      denied: 1,
    });
  });

  it('calls a whole recording whole', async () => {
    const path = fresh();
    write(path, [{ kind: FRAME.close, payload: Buffer.from('{}') }]);

    expect(await recoverRecording(path)).toMatchObject({ torn: false, damage: undefined });
  });
});

describe('searching statement text', () => {
  it('looks at statements alone, letter case aside', async () => {
    const path = fresh();
    const writer = openRecording(path, still);
    writer.append(FRAME.server, Buffer.from('UPDATE customers'));
    writer.appendJson(FRAME.decision, { text: 'select 1 from "Orders"', outcome: 'allow' });
    writer.append(FRAME.server, Buffer.alloc(600_000, 'x'));
    writer.appendJson(FRAME.decision, { text: 'delete from basket', outcome: 'block' });
    writer.close();

    expect(await searchText(path, 'FROM "orders"')).toBe(true);
    expect(await searchText(path, 'basket')).toBe(true);
    expect(await searchText(path, 'customers')).toBe(false);
    expect(await searchText(path, 'block')).toBe(false);
  });
});

describe('where recordings lie', () => {
  it('is by the day of the session id', () => {
    const id = newId('s', Date.UTC(2026, 10, 21, 23, 59, 59, 999));

    expect(recordingPath('/state/recordings', id)).toBe(`/state/recordings/2026/11/21/${id}.hoop`);
  });

  it.each(['../../etc/passwd', 's-../../../../etc/pw', 's-1', '', 'ap-7kq2m'])('refuses %j', (id) => {
    expect(() => recordingPath('/state/recordings', id)).toThrow(
      expect.objectContaining({ code: 'bad_session_id' }),
    );
  });
});

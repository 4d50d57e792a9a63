import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exitStatus, sizeMessage } from '../../../src/protocols/kubernetes/channels.ts';
import type { ExecEvents } from '../../../src/protocols/kubernetes/exec-streams.ts';
import { PodProgram } from '../../../src/protocols/kubernetes/pod-program.ts';
import type { PeerEvents } from '../../../src/protocols/kubernetes/program-peer.ts';
import { SpdyExec } from '../../../src/protocols/kubernetes/spdy/exec-streams.ts';
import { writeData, writeOpen } from '../../../src/protocols/kubernetes/spdy/frames.ts';
import { HeaderPacker } from '../../../src/protocols/kubernetes/spdy/header-block.ts';
import { SpdyPeer } from '../../../src/protocols/kubernetes/spdy/program-peer.ts';

const NOTHING: PeerEvents = {
  input() {},
  inputEnded() {},
  resize() {},
  drained() {},
  gone() {},
};
const SILENT: ExecEvents = { output() {}, ended() {}, drained() {}, closed() {} };
const TERMINAL = ['error', 'stdin', 'stdout'] as const;
const PLAIN = ['error', 'stdout', 'stderr'] as const;

/** The gateway's two sides, face to face: an exec of the one is what the other serves. */
function connected(terminal: boolean, events: Partial<PeerEvents> = {}) {
  const [near, far] = duplexPair();
  const connection = { socket: near, head: Buffer.alloc(0), protocol: 'v4.channel.k8s.io' };
  const exec = new SpdyExec(connection, terminal);
  const peer = new SpdyPeer(far, terminal ? TERMINAL : PLAIN);
  return { exec, peer, stands: peer.listen({ ...NOTHING, ...events }), far, near };
}

test('what is typed, shown and told by one side is what the other reads', async () => {
  const typed: string[] = [];
  const { exec, peer, stands } = connected(true, {
    input: (bytes) => typed.push(`${bytes}`),
    resize: (message) => typed.push(`${message}`),
  });
  const program = new PodProgram(exec, { cols: 100, rows: 30 });
  let shown = '';
  program.stdout.on('data', (bytes) => {
    shown += bytes;
  });
  program.stderr.resume();
  expect(await stands).toBe(true);
  program.write(Buffer.from('ls\r'));
  program.resize({ cols: 90, rows: 20 });
  peer.output('stdout', Buffer.from('a b\r\n'));
  await new Promise((resolve) => setImmediate(resolve));
  peer.end(exitStatus(7));
  expect(await program.exit).toEqual({ code: 7 });
  expect(shown).toBe('a b\r\n');
  expect(typed).toEqual(['{"Width":100,"Height":30}', 'ls\r', '{"Width":90,"Height":20}']);
});

test('streams are read alike, wherever the pieces of their bytes end', async () => {
  const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer({ min: 1, max: 60 }), async (printed, step) => {
      const sent = Buffer.concat([
        ...printed.map((bytes) => writeData(3, bytes, false)),
        writeData(1, exitStatus(0), true),
      ]);
      const [near, far] = duplexPair();
      const exec = new SpdyExec({ socket: near, head: sent.subarray(0, step), protocol: 'v4' }, false);
      const program = new PodProgram(exec, undefined);
      const shown: Buffer[] = [];
      program.stdout.on('data', (bytes: Buffer) => shown.push(bytes));
      program.stderr.resume();
      far.resume();
      far.on('end', () => far.end());
      for (let at = step; at < sent.length; at += step) far.write(sent.subarray(at, at + step));
      expect(await program.exit).toEqual({ code: 0 });
      expect(Buffer.concat(shown).equals(Buffer.concat(printed))).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('any bytes of a client or of the cluster are streams or the end of the connection', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (noise) => {
      const client = duplexPair();
      const peer = new SpdyPeer(client[0], TERMINAL);
      void peer.listen(NOTHING);
      client[1].on('error', () => {});
      client[1].write(noise);
      const cluster = duplexPair();
      new SpdyExec({ socket: cluster[0], head: Buffer.alloc(0), protocol: 'v4' }, true).listen(SILENT);
      cluster[1].on('error', () => {});
      cluster[1].write(noise);
      await new Promise((resolve) => setImmediate(resolve));
      for (const one of [...client, ...cluster]) one.destroy();
    }),
    { numRuns: 100 },
  );
});

test.each([
  ['a stream that there is not', writeData(9, Buffer.from('x'), false)],
  ['output', writeData(5, Buffer.from('x'), false)],
  ['a stream twice', writeOpen(7, secondBlock('stdin'), false)],
  ['a stream of another kind', writeOpen(7, secondBlock('data'), false)],
])('a client that sends %s is cut off', async (_name, frame) => {
  let gone = false;
  const { far, near, stands } = connected(true, {
    gone: () => {
      gone = true;
    },
  });
  expect(await stands).toBe(true);
  near.on('error', () => {});
  near.write(frame);
  await new Promise((resolve) => far.once('close', resolve));
  expect(gone).toBe(true);
});

test('a client that goes away before its streams stand is noticed', async () => {
  const [near, far] = duplexPair();
  const peer = new SpdyPeer(far, TERMINAL);
  const stands = peer.listen(NOTHING);
  near.destroy();
  far.destroy();
  expect(await stands).toBe(false);
});

test('a connection that is lost without a word says so, and no exit code', async () => {
  const { exec, far } = connected(false);
  const program = new PodProgram(exec, undefined);
  let said = '';
  program.stdout.resume();
  program.stderr.on('data', (bytes) => {
    said += bytes;
  });
  far.end();
  far.resume();
  expect(await program.exit).toEqual({ code: undefined });
  await new Promise((resolve) => setImmediate(resolve));
  expect(said).toContain('the connection to the container was lost');
});

test("a size is told in the API's words", () => {
  expect(`${Buffer.from(sizeMessage({ cols: 80, rows: 24 }))}`).toBe('{"Width":80,"Height":24}');
});

/** A block of headers behind those of the streams of a terminal. */
function secondBlock(kind: string): Buffer {
  const packer = new HeaderPacker();
  for (const before of ['error', 'stdin', 'stdout', 'resize'])
    packer.write(new Map([['streamtype', before]]));
  return packer.write(new Map([['streamtype', kind]]));
}

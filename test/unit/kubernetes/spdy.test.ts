import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type SpdyFrame,
  SpdyReader,
  writeData,
  writeGoaway,
  writeOpen,
  writePing,
  writeReply,
  writeReset,
} from '../../../src/protocols/kubernetes/spdy/frames.ts';
import { HeaderPacker, HeaderUnpacker } from '../../../src/protocols/kubernetes/spdy/header-block.ts';

const id = fc.integer({ min: 1, max: 0x7fff_ffff });
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value));

/** A frame as data, and as it is written. */
const frame: fc.Arbitrary<readonly [SpdyFrame, Buffer]> = fc.oneof(
  fc
    .tuple(id, bytes, fc.boolean())
    .map(
      ([stream, value, fin]) =>
        [{ type: 'data', stream, fin, bytes: value }, writeData(stream, value, fin)] as const,
    ),
  fc
    .tuple(id, bytes, fc.boolean())
    .map(
      ([stream, block, fin]) =>
        [{ type: 'open', stream, fin, block }, writeOpen(stream, block, fin)] as const,
    ),
  fc
    .tuple(id, bytes, fc.boolean())
    .map(
      ([stream, block, fin]) =>
        [{ type: 'reply', stream, fin, block }, writeReply(stream, block, fin)] as const,
    ),
  fc
    .tuple(id, id)
    .map(([stream, status]) => [{ type: 'reset', stream, status }, writeReset(stream, status)] as const),
  id.map((ping) => [{ type: 'ping', id: ping }, writePing(ping)] as const),
  fc
    .tuple(id, id)
    .map(([last, status]) => [{ type: 'goaway', last, status }, writeGoaway(last, status)] as const),
);

describe('frames of SPDY/3.1', () => {
  test('read as they were written, wherever the connection cuts them', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.integer({ min: 1, max: 30 }), (frames, size) => {
        const wire = Buffer.concat(frames.map(([, written]) => written));
        const reader = new SpdyReader();
        const read: SpdyFrame[] = [];
        for (let i = 0; i < wire.length; i += size) read.push(...reader.push(wire.subarray(i, i + size)));
        expect(read).toEqual(frames.map(([value]) => value));
      }),
      { numRuns: 1000 },
    );
  });

  test('of any bytes are read or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (any) => {
        try {
          new SpdyReader().push(Buffer.from(any));
        } catch (error) {
          expect((error as { code: string }).code).toBe('bad_spdy');
        }
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ['of another version', '80020001000000000000'],
    ['of an unknown kind', '800300630000000000'],
    ['that is too long', '0000000100ffffff'],
    ['with unknown flags', '0000000102000000'],
  ])('a frame %s is refused', (_name, hex) => {
    expect(() => new SpdyReader().push(Buffer.from(hex, 'hex'))).toThrow(/cannot be read/);
  });
});

describe('header blocks', () => {
  test("of Go's writer are read, each continuing the stream of those before", () => {
    // As kubectl 1.32 writes them for `exec`.
    const blocks = [
      '78f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff',
      'c22ac5565c92925f5a02000000ffff',
      'c229975a5404000000ffff',
    ];
    const unpacker = new HeaderUnpacker();
    const kinds = blocks.map((block) => unpacker.read(Buffer.from(block, 'hex')).get('streamtype'));
    expect(kinds).toEqual(['error', 'stdout', 'stderr']);
  });

  test('come back as they were packed', () => {
    const headers = fc.dictionary(fc.stringMatching(/^[a-z]{1,10}$/), fc.string({ maxLength: 20 }), {
      maxKeys: 6,
    });
    fc.assert(
      fc.property(fc.array(headers, { maxLength: 5 }), (all) => {
        const packer = new HeaderPacker();
        const unpacker = new HeaderUnpacker();
        for (const one of all) {
          const map = new Map(Object.entries(one));
          expect(unpacker.read(packer.write(map))).toEqual(map);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('of any bytes are read or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (any) => {
        try {
          new HeaderUnpacker().read(Buffer.concat([Buffer.from([0x78, 0x01]), any]));
        } catch (error) {
          expect((error as { code: string }).code).toBe('bad_spdy');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

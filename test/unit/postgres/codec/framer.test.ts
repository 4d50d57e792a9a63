import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolViolation } from '../../../../src/base/errors.ts';
import { dataRow, readyForQuery } from '../../../../src/protocols/postgres/codec/backend-builders.ts';
import {
  BackendFramer,
  type FrameSink,
  FrontendFramer,
} from '../../../../src/protocols/postgres/codec/framer.ts';
import {
  bindMessage,
  copyDataMessage,
  executeMessage,
  parseMessage,
  queryMessage,
  SYNC,
} from '../../../../src/protocols/postgres/codec/frontend-builders.ts';
import { backendLimits, frontendLimits } from '../../../../src/protocols/postgres/codec/limits.ts';
import { BACKEND, FRONTEND } from '../../../../src/protocols/postgres/codec/message-types.ts';

/** Writes down what it is given; streams the types named. */
class Notes implements FrameSink {
  readonly messages: string[] = [];
  readonly wholeBuffers: Buffer[] = [];
  readonly streamed: readonly number[];
  pieces = 0;
  #parts: Buffer[] = [];

  constructor(...streamed: readonly number[]) {
    this.streamed = streamed;
  }

  message(type: number, buffer: Buffer, start: number, end: number): boolean {
    expect(buffer[start]).toBe(type);
    this.messages.push(buffer.toString('hex', start, end));
    this.wholeBuffers.push(buffer);
    return true;
  }

  streams(type: number): boolean {
    return this.streamed.includes(type);
  }

  piece(_type: number, buffer: Buffer, start: number, end: number, remaining: number): boolean {
    this.pieces += 1;
    this.#parts.push(Buffer.from(buffer.subarray(start, end)));
    if (remaining === 0) {
      this.messages.push(Buffer.concat(this.#parts).toString('hex'));
      this.#parts = [];
    }
    return true;
  }
}

const frontend = [
  queryMessage('select 1'),
  parseMessage('s', 'select $1', [23]),
  bindMessage({ statement: 's', parameters: ['7', null], resultFormats: [1] }),
  executeMessage('', 0),
  SYNC,
  copyDataMessage(Buffer.alloc(40, 0x41)),
];
const all = Buffer.concat(frontend);
const hex = frontend.map((message) => message.toString('hex'));

function header(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = type;
  bytes.writeUInt32BE(length >>> 0, 1);
  return bytes;
}

describe('a framer', () => {
  test('gives messages of one chunk as places in that chunk, without copying', () => {
    const sink = new Notes();
    expect(new FrontendFramer().push(all, sink)).toBe(all.length);
    expect(sink.messages).toEqual(hex);
    expect(sink.wholeBuffers.every((buffer) => buffer === all)).toBe(true);
  });

  test.each([[[]], [[FRONTEND.copyData, FRONTEND.query]]])(
    'gives the same when the bytes are cut in two anywhere (streaming %j)',
    (streamed) => {
      for (let cut = 0; cut <= all.length; cut++) {
        const sink = new Notes(...streamed);
        const framer = new FrontendFramer();
        framer.push(all.subarray(0, cut), sink);
        framer.push(all.subarray(cut), sink);
        expect(sink.messages).toEqual(hex);
        expect(framer.atBorder).toBe(true);
      }
    },
  );

  test('gives the same however the bytes are cut', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: all.length }), { maxLength: 30 });
    const streamed = fc.subarray([FRONTEND.copyData, FRONTEND.query, FRONTEND.parse, FRONTEND.bind]);
    fc.assert(
      fc.property(cuts, streamed, (places, types) => {
        const sink = new Notes(...types);
        const framer = new FrontendFramer();
        const borders = [0, ...places.toSorted((a, b) => a - b), all.length];
        for (let i = 1; i < borders.length; i++) framer.push(all.subarray(borders[i - 1], borders[i]), sink);
        expect(sink.messages).toEqual(hex);
        expect(framer.atBorder).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('stops behind a message when told to, and goes on from there', () => {
    const seen: number[] = [];
    const sink: FrameSink = {
      message(type) {
        seen.push(type);
        return false;
      },
      streams: () => false,
      piece: () => true,
    };
    for (let cut = 1; cut <= all.length; cut++) {
      seen.length = 0;
      const framer = new FrontendFramer();
      for (const chunk of [all.subarray(0, cut), all.subarray(cut)]) {
        let at = 0;
        while (at < chunk.length) at = framer.push(chunk, sink, at);
      }
      expect(seen).toEqual(frontend.map((message) => message[0]));
    }
  });

  test('streams a message of any size with nothing held', () => {
    const framer = new BackendFramer();
    const sink = new Notes(BACKEND.dataRow);
    const chunk = Buffer.alloc(64 * 1024);
    const length = 300 * chunk.length;
    framer.push(header(BACKEND.dataRow, 4 + length), sink);
    for (let i = 0; i < 300; i++) {
      framer.push(chunk, sink);
      expect(framer.heldBytes).toBe(0);
    }
    framer.push(readyForQuery('idle'), sink);
    expect(sink.pieces).toBe(301);
    expect(sink.messages).toHaveLength(2);
  });

  test('holds no more than arrived for a message that only claims to be long', () => {
    const framer = new FrontendFramer();
    framer.push(header(FRONTEND.query, 16 * 1024 * 1024), new Notes());
    expect(framer.heldBytes).toBe(5);
  });

  test.each([
    [0x21, 4],
    [0x00, 4],
    [0x7a, 4],
    [BACKEND.rowDescription, 4],
  ])('refuses the type %i in the first byte already', (type, length) => {
    const framer = new FrontendFramer();
    expect(() => framer.push(header(type, length).subarray(0, 1), new Notes())).toThrow(
      expect.objectContaining({ code: 'unknown_message_type' }),
    );
    expect(() => new FrontendFramer().push(header(type, length), new Notes())).toThrow(ProtocolViolation);
  });

  test.each([0, 3, -1, -(2 ** 31), 2 ** 31])('refuses the length %i', (length) => {
    for (const cut of [1, 3, 5]) {
      const framer = new FrontendFramer();
      const bytes = header(FRONTEND.query, length);
      const push = () => {
        framer.push(bytes.subarray(0, cut), new Notes());
        framer.push(bytes.subarray(cut), new Notes());
      };
      expect(push).toThrow(expect.objectContaining({ code: 'bad_message_length' }));
    }
  });

  test('refuses what is over the limit of its type, before its body has come', () => {
    const limits = frontendLimits({ most: { query: 100 } });
    expect(() => new FrontendFramer(limits).push(header(FRONTEND.query, 101), new Notes())).toThrow(
      expect.objectContaining({ code: 'message_too_large' }),
    );
    expect(() => new FrontendFramer().push(header(FRONTEND.sync, 5), new Notes())).toThrow(
      expect.objectContaining({ code: 'message_too_large' }),
    );
    expect(() => new BackendFramer().push(header(BACKEND.errorResponse, 1e8), new Notes())).toThrow(
      expect.objectContaining({ code: 'message_too_large' }),
    );
  });

  test('refuses to put together what is over the limit of whole messages, but streams it', () => {
    const row = dataRow([Buffer.alloc(500)]);
    const limits = backendLimits({ whole: { dataRow: 100 } });
    expect(() => new BackendFramer(limits).push(row.subarray(0, 50), new Notes())).toThrow(
      expect.objectContaining({ code: 'message_too_large' }),
    );
    const split = new BackendFramer(limits);
    split.push(row.subarray(0, 3), new Notes());
    expect(() => split.push(row.subarray(3, 50), new Notes())).toThrow(
      expect.objectContaining({ code: 'message_too_large' }),
    );
    const sink = new Notes(BACKEND.dataRow);
    const framer = new BackendFramer(limits);
    framer.push(row.subarray(0, 50), sink);
    framer.push(row.subarray(50), sink);
    expect(sink.messages).toEqual([row.toString('hex')]);
  });

  test('never fails otherwise than by a ProtocolViolation, whatever it is fed', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 });
    fc.assert(
      fc.property(chunks, fc.boolean(), (pieces, streaming) => {
        const framer = new BackendFramer();
        const sink: FrameSink = { message: () => true, streams: () => streaming, piece: () => true };
        try {
          for (const piece of pieces) expect(framer.push(Buffer.from(piece), sink)).toBe(piece.length);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolViolation);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

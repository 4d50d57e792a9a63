import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FRAME } from '../../../src/recording/events.ts';
import {
  FRAME_HEADER_BYTES,
  frameCrc,
  MAX_PAYLOAD_BYTES,
  readFrameHeader,
  sealFrame,
  writeFrameHeader,
} from '../../../src/recording/format.ts';

const kinds = fc.constantFrom(...Object.values(FRAME));

it('reads what it has written, up to the last microsecond that fits, wherever the frame stands', () => {
  fc.assert(
    fc.property(
      kinds,
      fc.oneof(fc.nat(), fc.integer({ min: 2 ** 31, max: 2 ** 48 - 1 }), fc.constant(2 ** 48 - 1)),
      fc.uint8Array({ maxLength: 400 }),
      fc.nat(50),
      (kind, at, payload, start) => {
        const end = start + FRAME_HEADER_BYTES + payload.length;
        const bytes = Buffer.alloc(end + 8, 0xee);
        bytes.set(payload, start + FRAME_HEADER_BYTES);
        writeFrameHeader(bytes, start, { kind, at, length: payload.length });
        sealFrame(bytes, start, end);
        const header = bytes.subarray(start, start + FRAME_HEADER_BYTES);

        expect(readFrameHeader(header)).toEqual({
          kind,
          at,
          length: payload.length,
          crc: frameCrc(header, payload),
        });
        expect(bytes.subarray(0, start).every((byte) => byte === 0xee)).toBe(true);
        expect(bytes.subarray(end).every((byte) => byte === 0xee)).toBe(true);
      },
    ),
  );
});

it('takes no header of an unknown kind, or of a payload that is too long', () => {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  writeFrameHeader(header, 0, { kind: FRAME.server, at: 1, length: MAX_PAYLOAD_BYTES });
  expect(readFrameHeader(header)?.length).toBe(MAX_PAYLOAD_BYTES);

  header.writeUInt32BE(MAX_PAYLOAD_BYTES + 1, 8);
  expect(readFrameHeader(header)).toBeUndefined();
  header.writeUInt32BE(1, 8);
  header[0] = 99;
  expect(readFrameHeader(header)).toBeUndefined();
});

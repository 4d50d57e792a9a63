import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolViolation } from '../../../../src/base/errors.ts';
import * as packets from '../../../../src/protocols/postgres/codec/startup-packet.ts';

const { decodeStartupPacket, PROTOCOL_3_0, PROTOCOL_3_2, startupMessage } = packets;

const raw = (code: number, body: string | Buffer) => {
  const packet = Buffer.concat([Buffer.alloc(8), Buffer.from(body as string)]);
  packet.writeInt32BE(packet.length, 0);
  packet.writeUInt32BE(code, 4);
  return packet;
};

describe('startup packets', () => {
  test('are read as they were written', () => {
    expect(decodeStartupPacket(packets.sslRequest())).toEqual({ kind: 'ssl-request' });
    expect(decodeStartupPacket(packets.gssEncRequest())).toEqual({ kind: 'gssenc-request' });
    expect(decodeStartupPacket(packets.cancelRequest(-5, Buffer.from('abcd')))).toEqual({
      kind: 'cancel-request',
      processId: -5,
      secret: Buffer.from('abcd'),
    });
    const parameters = [
      ['user', 'app'],
      ['options', ''],
    ] as const;
    expect(decodeStartupPacket(startupMessage(PROTOCOL_3_2, parameters))).toEqual({
      kind: 'startup',
      minor: 2,
      parameters,
    });
    expect(decodeStartupPacket(raw(0x20000, 'anything'))).toEqual({
      kind: 'unsupported-version',
      major: 2,
      minor: 0,
    });
  });

  test.each([
    ['no terminator', raw(PROTOCOL_3_0, 'user\0app\0')],
    ['a name without a value', raw(PROTOCOL_3_0, 'user\0\0')],
    ['an empty name in the middle', raw(PROTOCOL_3_0, 'user\0app\0\0x\0y\0\0')],
    ['bytes behind the end', raw(PROTOCOL_3_0, 'user\0app\0\0x')],
    ['bad UTF-8', raw(PROTOCOL_3_0, Buffer.from([0x75, 0, 0xff, 0, 0]))],
    ['101 pairs', raw(PROTOCOL_3_0, `${'a\0b\0'.repeat(101)}\0`)],
    ['a length that is not its own', Buffer.concat([raw(PROTOCOL_3_0, '\0'), Buffer.from([0])])],
    ['more than a request for TLS', raw(80_877_103, 'x')],
    ['more than a request for GSS', raw(80_877_104, 'x')],
    ['a cancel key of three bytes', packets.cancelRequest(1, Buffer.alloc(3))],
    ['a cancel key of 257 bytes', packets.cancelRequest(1, Buffer.alloc(257))],
  ])('with %s are refused', (_what, packet) => {
    expect(() => decodeStartupPacket(packet)).toThrow(ProtocolViolation);
  });

  test.each([0, 3, 7, -1, -(2 ** 31), 2 ** 31 - 1, 10_001])(
    'of length %i are refused before they are read',
    (length) => {
      expect(() => packets.requireStartupLength(length)).toThrow(
        expect.objectContaining({ code: 'bad_startup_length' }),
      );
    },
  );

  test('never fail otherwise than by a ProtocolViolation when bytes are changed', () => {
    const packet = startupMessage(PROTOCOL_3_0, [
      ['user', 'app'],
      ['database', 'shop'],
    ]);
    fc.assert(
      fc.property(fc.nat(packet.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const changed = Buffer.from(packet);
        changed[at] = value;
        try {
          decodeStartupPacket(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolViolation);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

import { ProtocolViolation } from '../../../base/errors.ts';
import { decodeText } from './reader.ts';

/** The packets that come before typed messages: a length field, a code, the rest (PostgreSQL docs 54.7). */

/** Codes that stand where a protocol version would (docs 54.7). */
const CANCEL_REQUEST = 80_877_102;
const SSL_REQUEST = 80_877_103;
const GSSENC_REQUEST = 80_877_104;

export const PROTOCOL_MAJOR = 3;
export const PROTOCOL_3_0 = 0x0003_0000;
export const PROTOCOL_3_2 = 0x0003_0002;

/** PostgreSQL's MAX_STARTUP_PACKET_LENGTH. */
export const LONGEST_STARTUP = 10_000;
/** Length and code. */
export const SHORTEST_STARTUP = 8;
/** More than any driver sends; the packet's length bounds the rest. */
const MOST_PARAMETERS = 100;

export type StartupPacket =
  | { readonly kind: 'ssl-request' }
  | { readonly kind: 'gssenc-request' }
  | { readonly kind: 'cancel-request'; readonly processId: number; readonly secret: Buffer }
  | {
      readonly kind: 'startup';
      readonly minor: number;
      /** In the order sent. */
      readonly parameters: readonly (readonly [name: string, value: string])[];
    }
  | { readonly kind: 'unsupported-version'; readonly major: number; readonly minor: number };

/** Throws ProtocolViolation `bad_startup_length` unless 8 <= length <= 10 000. `length` as in the packet's first four bytes. */
export function requireStartupLength(length: number): void {
  if (length < SHORTEST_STARTUP || length > LONGEST_STARTUP) {
    throw new ProtocolViolation('bad_startup_length', `a startup packet gives the length ${length}`);
  }
}

/**
 * A whole packet, its length field included. Throws ProtocolViolation `bad_startup_packet`, `bad_startup_length`,
 * `bad_cancel_request`, `invalid_utf8`.
 */
export function decodeStartupPacket(packet: Buffer): StartupPacket {
  if (packet.length < SHORTEST_STARTUP) throw bad('is cut short');
  requireStartupLength(packet.readInt32BE(0));
  if (packet.readInt32BE(0) !== packet.length) throw bad('is not as long as it says');
  const code = packet.readUInt32BE(4);
  switch (code) {
    case SSL_REQUEST:
      if (packet.length !== SHORTEST_STARTUP) throw bad('asks for TLS and says more');
      return { kind: 'ssl-request' };
    case GSSENC_REQUEST:
      if (packet.length !== SHORTEST_STARTUP) throw bad('asks for GSS encryption and says more');
      return { kind: 'gssenc-request' };
    case CANCEL_REQUEST:
      // Process id and 4 to 256 bytes of secret.
      if (packet.length < 16 || packet.length > 12 + 256) {
        throw new ProtocolViolation('bad_cancel_request', 'a cancel request has a key of a bad length');
      }
      return { kind: 'cancel-request', processId: packet.readInt32BE(8), secret: packet.subarray(12) };
    default: {
      const major = code >>> 16;
      const minor = code & 0xffff;
      if (major !== PROTOCOL_MAJOR) return { kind: 'unsupported-version', major, minor };
      return { kind: 'startup', minor, parameters: decodeParameters(packet) };
    }
  }
}

function decodeParameters(packet: Buffer): (readonly [string, string])[] {
  const parameters: (readonly [string, string])[] = [];
  let at = SHORTEST_STARTUP;
  const next = (): string => {
    const nul = packet.indexOf(0, at);
    if (nul < 0) throw bad('has no terminator');
    const text = nul === at ? '' : decodeText(packet, at, nul);
    at = nul + 1;
    return text;
  };
  for (let name = next(); name !== ''; name = next()) {
    parameters.push([name, next()]);
    if (parameters.length > MOST_PARAMETERS) throw bad('has too many parameters');
  }
  // An empty name inside the list ends it early and leaves bytes behind.
  if (at !== packet.length) throw bad('has bytes behind its terminator');
  return parameters;
}

export function sslRequest(): Buffer {
  return request(SSL_REQUEST);
}

export function gssEncRequest(): Buffer {
  return request(GSSENC_REQUEST);
}

export function cancelRequest(processId: number, secret: Uint8Array): Buffer {
  const head = request(CANCEL_REQUEST, 4 + secret.length);
  head.writeInt32BE(processId, 8);
  head.set(secret, 12);
  return head;
}

/** `version` such as PROTOCOL_3_0. The caller's names and values must hold no NUL. */
export function startupMessage(
  version: number,
  parameters: Iterable<readonly [name: string, value: string]>,
): Buffer {
  const texts: Buffer[] = [];
  for (const [name, value] of parameters) texts.push(Buffer.from(`${name}\0${value}\0`));
  const body = Buffer.concat([...texts, Buffer.alloc(1)]);
  const packet = request(version, body.length);
  packet.set(body, SHORTEST_STARTUP);
  return packet;
}

function request(code: number, more = 0): Buffer {
  const packet = Buffer.alloc(SHORTEST_STARTUP + more);
  packet.writeInt32BE(packet.length, 0);
  packet.writeUInt32BE(code, 4);
  return packet;
}

function bad(what: string): ProtocolViolation {
  return new ProtocolViolation('bad_startup_packet', `a startup packet ${what}`);
}

import { FRAME, type FrameKind } from '../../recording/events.ts';
import type { SessionDesk } from '../../session/desk.ts';

/**
 * What a Kubernetes session's recording holds in its frames of bytes: the number of the request (u32, big-endian,
 * requests of one session run side by side), what it is (u8), and the bytes.
 */
export const PART = {
  /** JSON: method, target, headers without credentials. */
  request: 1,
  requestBody: 2,
  stdin: 3,
  /** JSON of a terminal's size. */
  resize: 4,
  /** JSON: status and headers. */
  response: 5,
  responseBody: 6,
  /** JSON: bytes sent, and how many of them were recorded. */
  end: 7,
  stdout: 8,
  stderr: 9,
  /** The Status with which exec and attach end. */
  exit: 10,
} as const;
export type Part = (typeof PART)[keyof typeof PART];

export const PART_HEADER_BYTES = 5;

const CLIENT_PARTS: ReadonlySet<Part> = new Set([PART.request, PART.requestBody, PART.stdin, PART.resize]);

/** Writes a part before its bytes go on. Throws Internal `recording_failed`. */
export function recordPart(desk: SessionDesk, request: number, part: Part, bytes: Uint8Array): void {
  const header = Buffer.alloc(PART_HEADER_BYTES);
  header.writeUInt32BE(request, 0);
  header[4] = part;
  const kind: FrameKind = CLIENT_PARTS.has(part) ? FRAME.client : FRAME.server;
  // A long write becomes several frames, each of which must tell whose it is.
  for (let from = 0; from === 0 || from < bytes.length; from += LONGEST_PART) {
    desk.record(kind, header, bytes.subarray(from, from + LONGEST_PART));
  }
}

export function recordJson(desk: SessionDesk, request: number, part: Part, value: object): void {
  recordPart(desk, request, part, Buffer.from(JSON.stringify(value)));
}

const LONGEST_PART = 128 * 1024;

import { z } from 'zod';
import { jsonOf, replayFrames } from '../../recording/book-events.ts';
import type { Frame, ReplayEvent } from '../../recording/events.ts';
import { PART, PART_HEADER_BYTES } from './frames.ts';

const responseSchema = z.object({ status: z.number() });
const endSchema = z.object({ bytes: z.number(), recorded: z.number() });
const sizeSchema = z.object({ columns: z.number(), rows: z.number() });
const exitSchema = z.object({ code: z.number().nullable() });

/**
 * What a Kubernetes session's recording tells, in the order it happened; requests that ran side by side are told
 * apart by `channel`. Never throws for what the frames hold: what is unreadable becomes a note.
 */
export function replayKubernetes(frames: AsyncIterable<Frame>): AsyncGenerator<ReplayEvent, void, void> {
  return replayFrames(frames, (payload, _, at) => partEvents(payload, at));
}

function partEvents(payload: Uint8Array, at: number): readonly ReplayEvent[] | undefined {
  if (payload.length < PART_HEADER_BYTES) return undefined;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const channel = bytes.readUInt32BE(0);
  const rest = bytes.subarray(PART_HEADER_BYTES);
  const base64 = () => rest.toString('base64');
  switch (bytes[4]) {
    // The decision that follows shows the request whole.
    case PART.request:
    case PART.requestBody:
      return [];
    case PART.stdin:
      return [{ type: 'bytes', at, channel, stream: 'input', base64: base64() }];
    case PART.stdout:
    case PART.responseBody:
      return [{ type: 'bytes', at, channel, stream: 'output', base64: base64() }];
    case PART.stderr:
      return [{ type: 'bytes', at, channel, stream: 'error', base64: base64() }];
    case PART.resize: {
      const size = read(sizeSchema, rest);
      return size && [{ type: 'size', at, channel, ...size }];
    }
    case PART.response: {
      const response = read(responseSchema, rest);
      return response && [{ type: 'complete', at, tag: `HTTP ${response.status}` }];
    }
    case PART.end: {
      const end = read(endSchema, rest);
      if (end === undefined) return undefined;
      if (end.bytes === end.recorded) return [];
      return [
        { type: 'note', at, message: `${end.bytes} bytes were sent, of which ${end.recorded} are recorded` },
      ];
    }
    case PART.exit: {
      const exit = read(exitSchema, rest);
      return exit && [{ type: 'exit', at, channel, code: exit.code, signal: null }];
    }
    default:
      return undefined;
  }
}

function read<T extends z.ZodType>(schema: T, payload: Uint8Array): z.infer<T> | undefined {
  return schema.safeParse(jsonOf(payload)).data;
}

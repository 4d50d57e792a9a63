import { z } from 'zod';
import { FRAME, type Frame, type ReplayEvent } from '../../recording/events.ts';
import { PART, PART_HEADER_BYTES } from './frames.ts';

const openSchema = z.object({
  session: z.string(),
  connection: z.string(),
  identity: z.string(),
  startedAt: z.string(),
  protocol: z.string(),
});
const decisionSchema = z.object({
  text: z.string(),
  outcome: z.string(),
  rule: z.string().nullable(),
  effects: z.array(z.string()),
});
const approvalSchema = z.object({
  id: z.string(),
  status: z.string(),
  by: z.string().nullish(),
  reason: z.string().nullish(),
});
const noteSchema = z.object({ message: z.string() });
const closeSchema = z.object({ reason: z.string() });
const responseSchema = z.object({ status: z.number() });
const endSchema = z.object({ bytes: z.number(), recorded: z.number() });
const sizeSchema = z.object({ columns: z.number(), rows: z.number() });
const exitSchema = z.object({ code: z.number().nullable() });

/**
 * What a Kubernetes session's recording tells, in the order it happened; requests that ran side by side are told
 * apart by `channel`. Never throws for what the frames hold: what is unreadable becomes a note.
 */
export async function* replayKubernetes(
  frames: AsyncIterable<Frame>,
): AsyncGenerator<ReplayEvent, void, void> {
  let at = 0;
  let closed = false;
  for await (const frame of frames) {
    // Microseconds in the file, milliseconds in an event.
    at = frame.at / 1000;
    closed ||= frame.kind === FRAME.close;
    yield* eventsOf(frame, at) ?? [{ type: 'note', at, message: 'an entry that cannot be read' }];
  }
  if (closed) return;
  yield { type: 'end', at, reason: 'the recording ends here: the session is open or was interrupted' };
}

function eventsOf(frame: Frame, at: number): readonly ReplayEvent[] | undefined {
  switch (frame.kind) {
    case FRAME.client:
    case FRAME.server:
      return partEvents(frame.payload, at);
    case FRAME.open: {
      const opened = read(openSchema, frame.payload);
      return opened && [{ type: 'start', at, ...opened }];
    }
    case FRAME.decision: {
      const decided = read(decisionSchema, frame.payload);
      if (decided === undefined) return undefined;
      const { effects, outcome, rule, text } = decided;
      return [{ type: 'statement', at, text, parameters: [], decision: outcome, rule, effects }];
    }
    case FRAME.approval: {
      const approval = read(approvalSchema, frame.payload);
      if (approval === undefined) return undefined;
      const { by, id, reason, status } = approval;
      return [{ type: 'approval', at, id, status, by: by ?? null, reason: reason ?? null }];
    }
    case FRAME.note: {
      const note = read(noteSchema, frame.payload);
      return note && [{ type: 'note', at, message: note.message }];
    }
    case FRAME.close: {
      const close = read(closeSchema, frame.payload);
      return close && [{ type: 'end', at, reason: close.reason }];
    }
    default:
      return frame.kind satisfies never;
  }
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
  try {
    return schema.safeParse(JSON.parse(Buffer.from(payload).toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

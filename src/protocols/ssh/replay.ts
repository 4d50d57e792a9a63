import { z } from 'zod';
import { FRAME, type Frame, type ReplayEvent } from '../../recording/events.ts';
import { PIECE, type RecordedPiece, readPiece } from './frames.ts';

const openSchema = z.object({
  session: z.string(),
  connection: z.string(),
  identity: z.string(),
  startedAt: z.string(),
  protocol: z.string(),
});
const decisionSchema = z.object({
  text: z.string(),
  parameters: z.array(z.string().nullable()).optional(),
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
const sizeSchema = z.object({ cols: z.number(), rows: z.number() });
const exitSchema = z.object({ code: z.number().nullish(), signal: z.string().nullish() });
const fileSchema = z.object({
  path: z.string(),
  direction: z.enum(['read', 'write']),
  bytes: z.number(),
  sha256: z.string().nullable(),
});

/**
 * What an SSH session's recording tells, in the order it happened. Never throws for what the frames hold: what is
 * unreadable becomes a note. Bytes are given as they are, in base64, because they are any program's.
 */
export async function* replaySsh(frames: AsyncIterable<Frame>): AsyncGenerator<ReplayEvent, void, void> {
  let at = 0;
  let closed = false;
  for await (const frame of frames) {
    // Microseconds in the file, milliseconds in an event.
    at = frame.at / 1000;
    closed ||= frame.kind === FRAME.close;
    yield eventOf(frame, at) ?? { type: 'note', at, message: 'an entry that cannot be read' };
  }
  if (closed) return;
  yield { type: 'end', at, reason: 'the recording ends here: the session is open or was interrupted' };
}

function eventOf(frame: Frame, at: number): ReplayEvent | undefined {
  switch (frame.kind) {
    case FRAME.client:
    case FRAME.server: {
      const piece = readPiece(frame.payload);
      return piece && pieceEvent(piece, frame.kind === FRAME.client, at);
    }
    case FRAME.open: {
      const opened = openSchema.safeParse(parse(frame.payload)).data;
      return opened && { type: 'start', at, ...opened };
    }
    case FRAME.decision: {
      const decided = decisionSchema.safeParse(parse(frame.payload)).data;
      if (decided === undefined) return undefined;
      const { text, parameters, outcome, rule, effects } = decided;
      return { type: 'statement', at, text, parameters: parameters ?? [], decision: outcome, rule, effects };
    }
    case FRAME.approval: {
      const approval = approvalSchema.safeParse(parse(frame.payload)).data;
      if (approval === undefined) return undefined;
      const { id, status, by, reason } = approval;
      return { type: 'approval', at, id, status, by: by ?? null, reason: reason ?? null };
    }
    case FRAME.note: {
      const note = noteSchema.safeParse(parse(frame.payload)).data;
      return note && { type: 'note', at, message: note.message };
    }
    case FRAME.close:
      return {
        type: 'end',
        at,
        reason: closeSchema.safeParse(parse(frame.payload)).data?.reason ?? 'closed',
      };
    default:
      return frame.kind satisfies never;
  }
}

function pieceEvent(piece: RecordedPiece, fromClient: boolean, at: number): ReplayEvent | undefined {
  const { channel, bytes } = piece;
  switch (piece.kind) {
    case PIECE.data:
    case PIECE.stderr: {
      const stream = fromClient ? 'input' : piece.kind === PIECE.data ? 'output' : 'error';
      return { type: 'bytes', at, channel, stream, base64: bytes.toString('base64') };
    }
    case PIECE.size: {
      const size = sizeSchema.safeParse(parse(bytes)).data;
      return size && { type: 'size', at, channel, columns: size.cols, rows: size.rows };
    }
    case PIECE.exit: {
      const exit = exitSchema.safeParse(parse(bytes)).data;
      return exit && { type: 'exit', at, channel, code: exit.code ?? null, signal: exit.signal ?? null };
    }
    case PIECE.file: {
      const file = fileSchema.safeParse(parse(bytes)).data;
      return file && { type: 'file', at, channel, ...file };
    }
    default:
      return piece.kind satisfies never;
  }
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString());
  } catch {
    return undefined;
  }
}

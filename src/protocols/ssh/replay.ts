import { z } from 'zod';
import { jsonOf, replayFrames } from '../../recording/book-events.ts';
import type { Frame, ReplayEvent } from '../../recording/events.ts';
import { PIECE, type RecordedPiece, readPiece } from './frames.ts';

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
export function replaySsh(frames: AsyncIterable<Frame>): AsyncGenerator<ReplayEvent, void, void> {
  return replayFrames(frames, (payload, fromClient, at) => {
    const piece = readPiece(payload);
    const event = piece && pieceEvent(piece, fromClient, at);
    return event && [event];
  });
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
      const size = sizeSchema.safeParse(jsonOf(bytes)).data;
      return size && { type: 'size', at, channel, columns: size.cols, rows: size.rows };
    }
    case PIECE.exit: {
      const exit = exitSchema.safeParse(jsonOf(bytes)).data;
      return exit && { type: 'exit', at, channel, code: exit.code ?? null, signal: exit.signal ?? null };
    }
    case PIECE.file: {
      const file = fileSchema.safeParse(jsonOf(bytes)).data;
      return file && { type: 'file', at, channel, ...file };
    }
    default:
      return piece.kind satisfies never;
  }
}

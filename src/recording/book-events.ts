import { z } from 'zod';
import { FRAME, type Frame, type FrameKind, type ReplayEvent } from './events.ts';

/** Frames that the desk writes, alike for every protocol; the other two hold the protocol's own bytes. */
export type BookFrameKind = Exclude<FrameKind, typeof FRAME.client | typeof FRAME.server>;

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

/** What such a frame tells; undefined when it cannot be read. `at` in milliseconds. */
export function bookEvent(kind: BookFrameKind, payload: Uint8Array, at: number): ReplayEvent | undefined {
  const value = jsonOf(payload);
  switch (kind) {
    case FRAME.open: {
      const opened = openSchema.safeParse(value).data;
      return opened && { type: 'start', at, ...opened };
    }
    case FRAME.decision: {
      const decided = decisionSchema.safeParse(value).data;
      if (!decided) return undefined;
      const { text, parameters = [], outcome, rule, effects } = decided;
      return { type: 'statement', at, text, parameters, decision: outcome, rule, effects };
    }
    case FRAME.approval: {
      const approval = approvalSchema.safeParse(value).data;
      if (!approval) return undefined;
      const { id, status, by, reason } = approval;
      return { type: 'approval', at, id, status, by: by ?? null, reason: reason ?? null };
    }
    case FRAME.note: {
      const note = noteSchema.safeParse(value).data;
      return note && { type: 'note', at, message: note.message };
    }
    case FRAME.close:
      return { type: 'end', at, reason: closeSchema.safeParse(value).data?.reason ?? 'closed' };
  }
}

/** Said of a frame that cannot be read. */
export const unreadable = (at: number): ReplayEvent => ({
  type: 'note',
  at,
  message: 'an entry that cannot be read',
});

/** The end of a recording that has none: its daemon was killed, or the session goes on. */
export const cutShort = (at: number): ReplayEvent => ({
  type: 'end',
  at,
  reason: 'the recording ends here: the session is open or was interrupted',
});

/**
 * Plays the frames of a recording in order, the protocol's own bytes through `bytesEvents` (undefined for what cannot
 * be read). Never throws for what the frames hold.
 */
export async function* replayFrames(
  frames: AsyncIterable<Frame>,
  bytesEvents: (payload: Uint8Array, fromClient: boolean, at: number) => readonly ReplayEvent[] | undefined,
): AsyncGenerator<ReplayEvent, void, void> {
  let at = 0;
  let closed = false;
  for await (const { kind, payload, ...frame } of frames) {
    // Microseconds in the file, milliseconds in an event.
    at = frame.at / 1000;
    closed ||= kind === FRAME.close;
    if (kind === FRAME.client || kind === FRAME.server) {
      yield* bytesEvents(payload, kind === FRAME.client, at) ?? [unreadable(at)];
    } else yield bookEvent(kind, payload, at) ?? unreadable(at);
  }
  if (!closed) yield cutShort(at);
}

/** Undefined for what is not JSON. */
export function jsonOf(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString());
  } catch {
    return undefined;
  }
}

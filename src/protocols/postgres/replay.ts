import { z } from 'zod';
import { HoopError } from '../../base/errors.ts';
import { FRAME, type Frame, type ReplayEvent } from '../../recording/events.ts';
import { ClientStream } from './replay/client-stream.ts';
import { Dialogue } from './replay/dialogue.ts';
import { ServerStream } from './replay/server-stream.ts';
import { StatementTexts } from './replay/statement-texts.ts';

const openSchema = z.object({
  session: z.string(),
  connection: z.string(),
  identity: z.string(),
  startedAt: z.string(),
  protocol: z.string(),
});
const approvalSchema = z.object({
  id: z.string(),
  status: z.string(),
  by: z.string().nullish(),
  reason: z.string().nullish(),
});
const noteSchema = z.object({ message: z.string() });
const closeSchema = z.object({ reason: z.string() });

/**
 * What a PostgreSQL session's recording tells, in the order it happened. Memory is bounded by the longest
 * message shown and by what a client may have prepared; it does not grow with the recording. Never throws for
 * what the frames hold: unreadable bytes become a note.
 */
export async function* replayPostgres(frames: AsyncIterable<Frame>): AsyncGenerator<ReplayEvent, void, void> {
  const replay = new Replay();
  for await (const frame of frames) yield* replay.take(frame);
  yield* replay.end();
}

class Replay {
  readonly #dialogue = new Dialogue();
  readonly #client = new ClientStream(this.#dialogue);
  readonly #server = new ServerStream(this.#dialogue);
  readonly #statements = new StatementTexts();
  readonly #unreadable = new Set<'client' | 'server'>();
  #at = 0;
  #closed = false;

  take(frame: Frame): readonly ReplayEvent[] {
    // Microseconds in the file, milliseconds in an event.
    this.#at = frame.at / 1000;
    const events: ReplayEvent[] = [];
    switch (frame.kind) {
      case FRAME.client:
        this.#bytes('client', frame.payload, events);
        break;
      case FRAME.server:
        this.#bytes('server', frame.payload, events);
        break;
      case FRAME.open:
      case FRAME.decision:
      case FRAME.approval:
      case FRAME.note:
      case FRAME.close:
        events.push(this.#json(frame.kind, frame.payload) ?? this.#note('an entry that cannot be read'));
        break;
      default:
        frame.kind satisfies never;
    }
    return events;
  }

  /** What a killed daemon could not write. */
  end(): readonly ReplayEvent[] {
    if (this.#closed) return [];
    return [
      {
        type: 'end',
        at: this.#at,
        reason: 'the recording ends here: the session is open or was interrupted',
      },
    ];
  }

  #bytes(side: 'client' | 'server', payload: Uint8Array, events: ReplayEvent[]): void {
    if (this.#unreadable.has(side)) return;
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    try {
      (side === 'client' ? this.#client : this.#server).push(bytes, this.#at, events);
    } catch (error) {
      if (!(error instanceof HoopError)) throw error;
      this.#unreadable.add(side);
      events.push(this.#note(`what the ${side} sent cannot be read from here on: ${error.message}`));
    }
  }

  #json(kind: Exclude<Frame['kind'], 2 | 3>, payload: Uint8Array): ReplayEvent | undefined {
    const value = parse(payload);
    const at = this.#at;
    switch (kind) {
      case FRAME.open: {
        const opened = openSchema.safeParse(value).data;
        return opened && { type: 'start', at, ...opened };
      }
      case FRAME.decision: {
        const decided = this.#statements.resolve(value);
        if (!decided) return undefined;
        const { text, parameters, outcome, rule, effects } = decided;
        return {
          type: 'statement',
          at,
          text,
          parameters: parameters ?? this.#dialogue.parametersFor(text),
          decision: outcome,
          rule,
          effects,
        };
      }
      case FRAME.approval: {
        const approval = approvalSchema.safeParse(value).data;
        if (!approval) return undefined;
        const { id, status, by, reason } = approval;
        return { type: 'approval', at, id, status, by: by ?? null, reason: reason ?? null };
      }
      case FRAME.note: {
        const note = noteSchema.safeParse(value).data;
        return note && this.#note(note.message);
      }
      case FRAME.close: {
        this.#closed = true;
        return { type: 'end', at, reason: closeSchema.safeParse(value).data?.reason ?? 'closed' };
      }
    }
  }

  #note(message: string): ReplayEvent {
    return { type: 'note', at: this.#at, message };
  }
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString());
  } catch {
    return undefined;
  }
}

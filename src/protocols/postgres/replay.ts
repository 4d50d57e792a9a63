import { HoopError } from '../../base/errors.ts';
import { type BookFrameKind, bookEvent, cutShort, jsonOf, unreadable } from '../../recording/book-events.ts';
import { FRAME, type Frame, type ReplayEvent } from '../../recording/events.ts';
import { ClientStream } from './replay/client-stream.ts';
import { Dialogue } from './replay/dialogue.ts';
import { ServerStream } from './replay/server-stream.ts';
import { StatementTexts } from './replay/statement-texts.ts';

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
        events.push(this.#json(frame.kind, frame.payload) ?? unreadable(this.#at));
        break;
      default:
        frame.kind satisfies never;
    }
    return events;
  }

  /** What a killed daemon could not write. */
  end(): readonly ReplayEvent[] {
    return this.#closed ? [] : [cutShort(this.#at)];
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

  #json(kind: BookFrameKind, payload: Uint8Array): ReplayEvent | undefined {
    const at = this.#at;
    this.#closed ||= kind === FRAME.close;
    if (kind !== FRAME.decision) return bookEvent(kind, payload, at);
    const decided = this.#statements.resolve(jsonOf(payload));
    if (!decided) return undefined;
    const { text, outcome, rule, effects } = decided;
    const parameters = decided.parameters ?? this.#dialogue.parametersFor(text);
    return { type: 'statement', at, text, parameters, decision: outcome, rule, effects };
  }

  #note(message: string): ReplayEvent {
    return { type: 'note', at: this.#at, message };
  }
}

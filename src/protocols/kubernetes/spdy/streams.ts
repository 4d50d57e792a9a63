import { badSpdy } from './frames.ts';
import type { SpdyHeaders } from './header-block.ts';

/** A program has five streams; a port-forward two for each connection. */
const MOST_STREAMS = 4096;

/** What a client may open (k8s.io/api/core/v1, StreamType). */
const PROGRAM_STREAMS = ['error', 'stdin', 'stdout', 'stderr', 'resize'] as const;
const FORWARD_STREAMS = ['error', 'data'] as const;
export type StreamKind = (typeof PROGRAM_STREAMS)[number] | 'data';

/** The streams that a client has opened. Mutable. */
export class ClientStreams {
  readonly #forward: boolean;
  readonly #kinds = new Map<number, StreamKind>();
  #last = 0;

  /** `forward`: those of a port-forward. */
  constructor(forward: boolean) {
    this.#forward = forward;
  }

  /** A stream of a known kind, under a new odd id (SPDY Protocol draft 3.1, section 2.3.2). Throws `bad_spdy`. */
  open(stream: number, headers: SpdyHeaders): void {
    const kind = headers.get('streamtype');
    const known = this.#forward ? FORWARD_STREAMS : PROGRAM_STREAMS;
    const found = known.find((one) => one === kind);
    if (found === undefined) throw badSpdy('a stream is of an unknown type');
    if (stream <= this.#last || stream % 2 === 0) throw badSpdy('a stream has a wrong number');
    const twice = !this.#forward && this.numberOf(found) !== undefined;
    if (twice || this.#kinds.size >= MOST_STREAMS) throw badSpdy('there are too many streams');
    this.#last = stream;
    this.#kinds.set(stream, found);
  }

  /** Throws `bad_spdy` when there is no such stream. */
  kindOf(stream: number): StreamKind {
    const kind = this.#kinds.get(stream);
    if (kind === undefined) throw badSpdy('there is no such stream');
    return kind;
  }

  /** The first of a kind. */
  numberOf(kind: StreamKind): number | undefined {
    for (const [stream, one] of this.#kinds) if (one === kind) return stream;
    return undefined;
  }
}

/** The sizes that came on a terminal's stream at once, one line of JSON each. */
export function sizeLines(bytes: Buffer): readonly Buffer[] {
  const lines = bytes.toString('latin1').split('\n');
  return lines.filter((line) => line.trim() !== '').map((line) => Buffer.from(line, 'latin1'));
}

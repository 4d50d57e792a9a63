import { StringDecoder } from 'node:string_decoder';
import type { ReplayEvent } from '../api/schemas.ts';

/** What a player takes for a recording that had no terminal. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

/**
 * Turns a session's events into asciicast v2, line by line (docs.asciinema.org/manual/asciicast/v2): a header, then
 * `[seconds, "o" | "i" | "r", text]`. Output without a terminal gets the carriage returns that a terminal would add.
 */
export class Asciicast {
  readonly #decoders = new Map<string, StringDecoder>();
  readonly #terminals = new Set<number>();
  readonly #write: (line: string) => void;
  readonly #title: string;
  /** Before the first size or output: the header waits for either. */
  #began = false;
  #startedAt = 0;
  events = 0;

  constructor(title: string, write: (line: string) => void) {
    this.#title = title;
    this.#write = write;
  }

  take(event: ReplayEvent): void {
    switch (event.type) {
      case 'start':
        this.#startedAt = Math.floor(Date.parse(event.startedAt) / 1000);
        return;
      case 'size': {
        const { channel, columns, rows } = event;
        this.#terminals.add(channel);
        if (this.#begin({ columns, rows })) return;
        this.#event(event.at, 'r', `${columns}x${rows}`);
        return;
      }
      case 'bytes': {
        this.#begin(DEFAULT_SIZE);
        const text = this.#decoder(event.channel, event.stream).write(Buffer.from(event.base64, 'base64'));
        const shown = this.#terminals.has(event.channel) ? text : text.replace(/\r?\n/g, '\r\n');
        if (shown !== '') this.#event(event.at, event.stream === 'input' ? 'i' : 'o', shown);
        return;
      }
      default:
        return;
    }
  }

  /** Even an empty recording has a header. */
  end(): void {
    this.#begin(DEFAULT_SIZE);
  }

  #begin({ columns, rows }: { readonly columns: number; readonly rows: number }): boolean {
    if (this.#began) return false;
    this.#began = true;
    const header = {
      version: 2,
      width: columns,
      height: rows,
      timestamp: this.#startedAt,
      title: this.#title,
    };
    this.#write(`${JSON.stringify(header)}\n`);
    return true;
  }

  #event(at: number, code: 'o' | 'i' | 'r', text: string): void {
    this.events++;
    this.#write(`${JSON.stringify([Math.round(at * 1000) / 1_000_000, code, text])}\n`);
  }

  /** A character may be cut between two pieces. */
  #decoder(channel: number, stream: string): StringDecoder {
    const name = `${channel} ${stream}`;
    const known = this.#decoders.get(name) ?? new StringDecoder('utf8');
    this.#decoders.set(name, known);
    return known;
  }
}

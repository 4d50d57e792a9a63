import { StringDecoder } from 'node:string_decoder';
import type { Look } from './look.ts';
import { Screen } from './screen.ts';

/** What the player takes: when, how many rows, and the rows that changed as runs of text with their look. */
export type TerminalFrame = readonly [
  at: number,
  height: number,
  rows: readonly (readonly [row: number, runs: readonly (readonly [text: string, look?: Look])[]])[],
];

/** Output closer together than this is one picture, in milliseconds. */
const PICTURE_MS = 30;

/** The pictures that one program's terminal showed, as changes. Mutable. */
export class TerminalFrames {
  readonly #screen: Screen;
  readonly #decoder = new StringDecoder('utf8');
  readonly #frames: TerminalFrame[] = [];
  #at = 0;
  #dirty = true;
  /** Of what the frames are as JSON, about, in characters. */
  size = 0;

  constructor(at: number, columns: number, rows: number) {
    this.#screen = new Screen(columns, rows);
    this.#at = at;
  }

  resize(at: number, columns: number, rows: number): void {
    this.#before(at);
    this.#screen.resize(columns, rows);
  }

  write(at: number, bytes: Buffer): void {
    this.#before(at);
    this.#screen.write(this.#decoder.write(bytes));
  }

  /** All of them; what was shown last is among them. */
  frames(): readonly TerminalFrame[] {
    this.#take();
    return this.#frames;
  }

  /** The last picture as text. */
  text(): string {
    return this.#screen.text().trimEnd();
  }

  /** Takes a picture of what stood there, when something comes later than it. */
  #before(at: number): void {
    if (at - this.#at >= PICTURE_MS) this.#take();
    if (!this.#dirty) this.#at = at;
    this.#dirty = true;
  }

  #take(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    const rows = this.#screen.changed().map((row) => {
      const runs = this.#screen
        .runs(row)
        .map(({ look, text }) =>
          Object.keys(look).length === 0 ? ([text] as const) : ([text, look] as const),
        );
      return [row, runs] as const;
    });
    if (rows.length === 0) return;
    const frame: TerminalFrame = [Math.round(this.#at), this.#screen.rows, rows];
    this.size += JSON.stringify(frame).length;
    this.#frames.push(frame);
  }
}

import { LONGEST_LINE } from '../../shell/analyze.ts';
import { isUnfinished } from '../../shell/grammar.ts';
import { completionOf, unfinishedName } from '../../shell/line/completion.ts';
import { KeyReader } from '../../shell/line/keys.ts';
import { LineEditor, type LineEvent } from '../../shell/line/line-editor.ts';
import type { LineSetting } from '../../shell/line/line-script.ts';
import { Gate } from './gate.ts';
import { GatedLine, type GatedLineTerms } from './gated-line.ts';
import { ownWords, runsNothing } from './gated-words.ts';
import type { ShellAsked } from './judgement.ts';
import { listedBy } from './listing.ts';
import type { ShellClient, TerminalSize } from './program.ts';
import type { GatedShellTerms } from './shell-terms.ts';
import { EXIT } from './words.ts';

/** What may be typed ahead of the prompt, in bytes; more is not taken. */
const MOST_AHEAD = 256 * 1024;
/** Text that is parsed to find the end of one command, where lines are read as they come, in UTF-16 units. */
const MOST_PARSED = 4 * LONGEST_LINE;
/** Lines that are taken before others of the process get their turn. */
const EVENTS_AT_ONCE = 32;
const NOTHING: Buffer = Buffer.alloc(0);
const DEFAULT_COLUMNS = 80;
/** What a terminal's width may be, in columns. */
const WIDTHS = { least: 20, most: 1000 } as const;

/**
 * A shell whose lines are judged before they run. The gateway itself is what reads and edits the line, so there is no
 * shell's history, completion, alias or key binding that could make another line of it; and each line is run by a
 * shell of its own, whose end is the end of its channel and no text that a program could print.
 */
export class GatedShell<Size extends TerminalSize> {
  readonly #terms: GatedShellTerms<Size>;
  readonly #client: ShellClient<Size>;
  readonly #lines: GatedLineTerms<Size>;
  readonly #keys = new KeyReader();
  /** Undefined without a terminal: then lines are read as they come, and nothing is echoed. */
  readonly #editor: LineEditor | undefined;
  #size: Size | undefined;
  #setting: LineSetting = { directory: undefined, variables: new Map(), status: 0 };
  #line: GatedLine<Size> | undefined;
  #ahead: Buffer = NOTHING;
  #withheld: Buffer = NOTHING;
  #inputEnded = false;
  #opened = false;
  #reading = false;
  /** A directory is being listed to complete a line. */
  #completing = false;
  #over = false;
  #told = false;

  constructor(terms: GatedShellTerms<Size>) {
    const { client, desk, size } = terms;
    this.#terms = terms;
    this.#client = client;
    this.#size = size;
    const gate = new Gate<ShellAsked>({
      ...terms,
      judge: (asked) => terms.judge(asked),
      say: (lines) => client.say(lines),
      gone: () => client.gone,
    });
    this.#lines = {
      desk,
      gate,
      client,
      door: () => terms.door(),
      masking: () => terms.masking(),
      failed: (error) => terms.failed(error),
    };
    if (size === undefined) return;
    this.#editor = new LineEditor(columnsOf(size), (text) => client.send('stdout', Buffer.from(text)));
    client.resized(size);
  }

  /** Opens the shell if the policy lets it; never rejects. */
  async run(): Promise<void> {
    try {
      // The target is reached now, so that nobody types a line for one that is not there.
      const opened = await this.#terms.open(this.#lines.gate);
      if (!opened.passed) return this.#end(opened.code);
      this.#setting = { ...this.#setting, directory: opened.directory };
      this.#terms.desk.commit();
      if (this.#editor !== undefined) {
        this.#client.say(['hoopctl: each line is judged before it runs; this session is recorded']);
      }
      this.#opened = true;
      this.#prompt();
    } catch (error) {
      this.#end(this.#tell(error));
    }
  }

  cut(reason: string): void {
    this.#lines.gate.withdraw(reason);
    this.#client.say([`hoopctl: ${reason}`]);
    this.#line?.stop();
    this.#end(EXIT.failed);
  }

  /** The client has closed the channel. */
  left(): void {
    this.#client.leave();
    this.#lines.gate.withdraw('the client went away');
    this.#line?.stop();
  }

  /** There is room for more output again. */
  drained(): void {
    this.#line?.resume();
    if (this.#opened) this.#read();
  }

  /** The terminal has another size; nothing, where there is none. */
  resize(size: Size): void {
    if (this.#size === undefined) return;
    this.#client.resized(size);
    this.#size = size;
    this.#editor?.resize(columnsOf(size));
    this.#line?.resize(size);
  }

  signal(name: string): void {
    if (/^(INT|TERM|HUP|QUIT|KILL)$/.test(name)) this.#line?.signal(name);
  }

  /** Bytes that the client sent, and that are recorded. */
  typed(bytes: Buffer): void {
    if (this.#over) return;
    if (this.#line === undefined) {
      if (!this.#opened && bytes.includes(3)) this.#lines.gate.withdraw('Ctrl-C was pressed');
      this.#ahead = this.#joined(this.#ahead, bytes);
      if (this.#opened) this.#read();
      return;
    }
    const { ahead, forget, withheld } = this.#line.keys(bytes);
    if (forget) {
      this.#ahead = NOTHING;
      this.#withheld = NOTHING;
    }
    this.#ahead = this.#joined(this.#ahead, ahead);
    this.#withheld = this.#joined(this.#withheld, withheld);
    if (withheld.length === 0 || this.#told) return;
    this.#told = true;
    this.#client.say(['hoopctl: programs get no keys here: what you type while one runs is dropped']);
  }

  #joined(before: Buffer, bytes: Buffer): Buffer {
    if (before.length + bytes.length <= MOST_AHEAD) return Buffer.concat([before, bytes]);
    this.#client.say(['hoopctl: more was sent ahead than is taken']);
    this.#end(EXIT.failed);
    return NOTHING;
  }

  /**
   * Keys that came while a program ran were for it: a password, an answer. They must not be read as a line, which is
   * shown, judged and audited. Where the client has sent all it has, they come from a file and are lines.
   */
  #settleKeys(): void {
    const withheld = this.#withheld;
    this.#withheld = NOTHING;
    if (withheld.length === 0) return;
    if (this.#inputEnded) this.#ahead = Buffer.concat([this.#ahead, withheld]);
    // What has no end yet went on in what is dropped.
    else
      this.#ahead = this.#ahead.subarray(
        0,
        this.#ahead.findLastIndex((byte) => byte === 10 || byte === 13) + 1,
      );
  }

  #prompt(): void {
    if (this.#over) return;
    this.#settleKeys();
    this.#editor?.begin(this.#terms.prompt(this.#setting.directory));
    this.#read();
  }

  /** Takes what was typed up to the end of a line; the rest waits until that has run. */
  #read(): void {
    if (this.#reading || this.#completing || this.#client.gone) return;
    this.#reading = true;
    // A client that does not read what it is shown is not read either.
    for (let events = 0; this.#awaitsLine && !this.#client.full && this.#ahead.length > 0; events++) {
      if (events === EVENTS_AT_ONCE) {
        this.#reading = false;
        setImmediate(() => this.#read());
        return;
      }
      const event = this.#editor === undefined ? this.#plainLine() : this.#edited(this.#editor);
      if (event === undefined) break;
      this.#take(event);
    }
    this.#reading = false;
    if (!this.#awaitsLine || !this.#inputEnded || this.#client.full) return;
    if (this.#editor !== undefined && this.#ahead.length > 0) return;
    // The last line may have no line end; on a terminal what was not entered is nothing.
    const rest = this.#ahead.toString('utf8');
    this.#ahead = NOTHING;
    if (this.#editor === undefined && rest.trim() !== '') this.#take({ kind: 'line', text: rest });
    else this.#end(this.#setting.status);
  }

  get #awaitsLine(): boolean {
    return this.#line === undefined && !this.#over && !this.#completing;
  }

  #edited(editor: LineEditor): LineEvent | undefined {
    while (this.#ahead.length > 0 && !this.#client.full) {
      // Up to the next control character, so that nothing is read past an Enter.
      const end = this.#ahead.findIndex((byte) => byte < 32);
      const piece = this.#ahead.subarray(0, end < 0 ? this.#ahead.length : end + 1);
      this.#ahead = this.#ahead.subarray(piece.length);
      for (const key of this.#keys.read(piece)) {
        const event = editor.take(key);
        if (event !== undefined) return event;
      }
    }
    editor.flush();
    return undefined;
  }

  /** The first whole command of what has come, of one line or several. */
  #plainLine(): LineEvent | undefined {
    let parsed = 0;
    for (let end = this.#ahead.indexOf(10); end >= 0; end = this.#ahead.indexOf(10, end + 1)) {
      const text = this.#ahead.toString('utf8', 0, end);
      parsed += text.length;
      if (text !== '' && parsed < MOST_PARSED && text.length < LONGEST_LINE && isUnfinished(text)) continue;
      this.#ahead = this.#ahead.subarray(end + 1);
      return { kind: 'line', text };
    }
    return undefined;
  }

  #take(event: LineEvent): void {
    switch (event.kind) {
      case 'line':
        return this.#entered(event.text);
      case 'complete':
        return void this.#complete(event.before);
      case 'interrupt':
        this.#setting = { ...this.#setting, status: EXIT.withdrawn };
        return this.#prompt();
      case 'end':
        return this.#end(this.#setting.status);
    }
  }

  /** Names of files, from a listing that the policy allows; nothing else is completed. */
  async #complete(before: string): Promise<void> {
    const name = unfinishedName(before);
    this.#completing = true;
    try {
      const names = name === undefined ? undefined : await listedBy(name.listing, this.#setting, this.#lines);
      this.#editor?.completed(completionOf(name?.beginning ?? '', names ?? []));
    } catch (error) {
      this.#tell(error);
      this.#prompt();
    }
    this.#completing = false;
    this.#read();
  }

  #entered(text: string): void {
    const leaving = /^\s*(?:exit|logout)(?:\s+(\d{1,3}))?\s*$/.exec(text);
    if (leaving !== null)
      return this.#end(leaving[1] === undefined ? this.#setting.status : Number(leaving[1]) & 255);
    const own = this.#editor && ownWords(text.trim(), this.#editor.history);
    if (own !== undefined) this.#client.say(own);
    if (own !== undefined || text.trim() === '' || runsNothing(text)) return this.#prompt();
    const line = new GatedLine(text, this.#setting, this.#size, this.#lines);
    this.#line = line;
    line.run().then(
      (setting) => {
        this.#line = undefined;
        this.#setting = setting;
        this.#prompt();
      },
      (error) => {
        this.#line = undefined;
        this.#setting = { ...this.#setting, status: this.#tell(error) };
        this.#prompt();
      },
    );
  }

  /** The client sends no more. */
  inputEnded(): void {
    this.#inputEnded = true;
    if (this.#line === undefined) {
      if (this.#opened) this.#read();
    } else if (this.#size !== undefined) this.#line.inputEnded();
  }

  #end(code: number): void {
    if (this.#over) return;
    this.#over = true;
    void this.#client.end({ code });
  }

  #tell(error: unknown): number {
    const { code, lines, note } = this.#terms.failure(error);
    if (note !== undefined) this.#client.guard(() => this.#terms.desk.note(note));
    this.#client.say(lines);
    return code;
  }
}

function columnsOf({ cols }: TerminalSize): number {
  if (cols === 0) return DEFAULT_COLUMNS;
  return Math.max(WIDTHS.least, Math.min(WIDTHS.most, cols));
}

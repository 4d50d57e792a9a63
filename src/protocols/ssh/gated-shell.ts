import type { PseudoTtyInfo, ServerChannel } from 'ssh2';
import { LONGEST_LINE } from '../../shell/analyze.ts';
import { isUnfinished } from '../../shell/grammar.ts';
import { completionOf, unfinishedName } from '../../shell/line/completion.ts';
import { KeyReader } from '../../shell/line/keys.ts';
import { LineEditor, type LineEvent } from '../../shell/line/line-editor.ts';
import type { LineSetting } from '../../shell/line/line-script.ts';
import { ClientLane } from './client-lane.ts';
import { Gate } from './gate.ts';
import { GatedLine, type GatedLineTerms } from './gated-line.ts';
import { ownWords, runsNothing } from './gated-words.ts';
import { listedBy } from './listing.ts';
import type { Prepared, ProgramTerms } from './program.ts';
import { EXIT, failureWords } from './words.ts';

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
export class GatedShell {
  readonly #channel: ServerChannel;
  readonly #lane: ClientLane;
  readonly #terms: ProgramTerms;
  readonly #lines: Omit<GatedLineTerms, 'terminal'>;
  readonly #keys = new KeyReader();
  /** Undefined without a terminal: then lines are read as they come, and nothing is echoed. */
  readonly #editor: LineEditor | undefined;
  #terminal: PseudoTtyInfo | undefined;
  #setting: LineSetting = { directory: undefined, variables: new Map(), status: 0 };
  #line: GatedLine | undefined;
  #ahead: Buffer = NOTHING;
  #withheld: Buffer = NOTHING;
  #inputEnded = false;
  #opened = false;
  #reading = false;
  /** A directory is being listed to complete a line. */
  #completing = false;
  #over = false;
  #told = false;

  constructor(
    number: number,
    channel: ServerChannel,
    prepared: Prepared,
    terms: ProgramTerms,
    foreignShell: string | undefined,
  ) {
    const { environment, terminal } = prepared;
    this.#channel = channel;
    this.#terms = terms;
    this.#terminal = terminal;
    this.#lane = new ClientLane({
      number,
      channel,
      desk: terms.desk,
      terminal: terminal !== undefined,
      words: terminal === undefined ? 'stderr' : 'stdout',
      drained: () => {
        this.#line?.resume();
        if (this.#opened) this.#read();
      },
      failed: (error) => terms.failed(error),
    });
    const gate = new Gate({
      desk: terms.desk,
      clientAddress: terms.clientAddress,
      target: terms.target,
      environment,
      terminal: terminal?.term,
      say: (lines) => this.#lane.say(lines),
      gone: () => this.#lane.gone,
    });
    this.#lines = { program: terms, gate, lane: this.#lane, channel, environment, foreignShell };
    if (terminal !== undefined) {
      this.#editor = new LineEditor(columnsOf(terminal), (text) =>
        this.#lane.send('stdout', Buffer.from(text)),
      );
      this.#lane.resized(terminal);
    }
    channel.once('close', () => this.left());
  }

  /** Opens the shell if the policy lets it; never rejects. */
  async run(): Promise<void> {
    const channel = this.#channel;
    channel.on('data', (bytes: Buffer) => this.#lane.received(bytes, () => this.#receive(bytes)));
    channel.once('end', () => this.#ended());
    try {
      const answer = await this.#lines.gate.ask({ kind: 'gated-shell' });
      if (!answer.passed) return this.#end(answer.code);
      // The target is reached now, so that nobody types a line for one that is not there.
      (await this.#terms.door()).request(answer.judged);
      this.#terms.desk.commit();
      if (this.#editor !== undefined) {
        this.#lane.say(['hoopctl: each line is judged before it runs; this session is recorded']);
      }
      this.#opened = true;
      this.#prompt();
    } catch (error) {
      this.#end(this.#tell(error));
    }
  }

  cut(reason: string): void {
    this.#lines.gate.withdraw(reason);
    this.#lane.say([`hoopctl: ${reason}`]);
    this.#line?.stop();
    this.#end(EXIT.failed);
  }

  /** The client has closed the channel. */
  left(): void {
    this.#lane.leave();
    this.#lines.gate.withdraw('the client went away');
    this.#line?.stop();
  }

  resize(size: PseudoTtyInfo): void {
    this.#lane.resized(size);
    this.#terminal = size;
    this.#editor?.resize(columnsOf(size));
    this.#line?.resize(size);
  }

  signal(name: string): void {
    if (/^(INT|TERM|HUP|QUIT|KILL)$/.test(name)) this.#line?.signal(name);
  }

  #receive(bytes: Buffer): void {
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
    this.#lane.say(['hoopctl: programs get no keys here: what you type while one runs is dropped']);
  }

  #joined(before: Buffer, bytes: Buffer): Buffer {
    if (before.length + bytes.length <= MOST_AHEAD) return Buffer.concat([before, bytes]);
    this.#lane.say(['hoopctl: more was sent ahead than is taken']);
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
    this.#editor?.begin(`${this.#terms.desk.target.connection}:${this.#setting.directory ?? '~'}$ `);
    this.#read();
  }

  /** Takes what was typed up to the end of a line; the rest waits until that has run. */
  #read(): void {
    if (this.#reading || this.#completing || this.#lane.gone) return;
    this.#reading = true;
    // A client that does not read what it is shown is not read either.
    for (let events = 0; this.#awaitsLine && !this.#lane.full && this.#ahead.length > 0; events++) {
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
    if (!this.#awaitsLine || !this.#inputEnded || this.#lane.full) return;
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
    while (this.#ahead.length > 0 && !this.#lane.full) {
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
    if (own !== undefined) this.#lane.say(own);
    if (own !== undefined || text.trim() === '' || runsNothing(text)) return this.#prompt();
    const line = new GatedLine(text, this.#setting, { ...this.#lines, terminal: this.#terminal });
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

  #ended(): void {
    this.#inputEnded = true;
    if (this.#line === undefined) {
      if (this.#opened) this.#read();
    } else if (this.#terminal !== undefined) this.#line.inputEnded();
  }

  #end(code: number): void {
    if (this.#over) return;
    this.#over = true;
    void this.#lane.end({ code });
  }

  #tell(error: unknown): number {
    const { code, lines, note } = failureWords(error);
    if (note !== undefined) this.#lane.guard(() => this.#terms.desk.note(note));
    this.#lane.say(lines);
    return code;
  }
}

function columnsOf({ cols }: PseudoTtyInfo): number {
  if (cols === 0) return DEFAULT_COLUMNS;
  return Math.max(WIDTHS.least, Math.min(WIDTHS.most, cols));
}

import { randomBytes } from 'node:crypto';
import type { OutputMasking } from '../../masking/output-masking.ts';
import { carriedAfter, type LineSetting, lineScript } from '../../shell/line/line-script.ts';
import { ReportFilter } from '../../shell/line/report-filter.ts';
import type { SessionDesk } from '../desk.ts';
import type { Gate } from './gate.ts';
import type { ShellAsked } from './judgement.ts';
import type { Exit, RunningProgram, ShellClient, ShellDoor, TerminalSize } from './program.ts';
import { passOutput } from './program-output.ts';
import { EXIT } from './words.ts';

const INTERRUPT = 3;
const END_OF_INPUT = 4;
const QUIT = 28;
/** Stops a program; there is nothing here that would let it go on. */
const SUSPEND = 26;
/** Keys that reach a program in any case: the end of its input, and what its terminal makes signals of. */
const SIGNAL_KEYS: readonly number[] = [INTERRUPT, END_OF_INPUT, QUIT];
/** Keys that wait for somebody's yes, and Ctrl-D and Ctrl-\ for a program that takes none, in bytes. */
const MOST_HELD = 64 * 1024;
const MOST_SIGNALS = 1024;
/** A program that goes on after so many Ctrl-C is left behind. */
const PATIENCE = 3;
/** Signals by number as a shell's exit code has them, 128 added (POSIX, kill). */
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  KILL: 9,
  PIPE: 13,
  TERM: 15,
};

/** What the lines of one shell share. */
export interface GatedLineTerms<Size extends TerminalSize> {
  readonly desk: SessionDesk;
  readonly gate: Gate<ShellAsked>;
  readonly client: ShellClient<Size>;
  /** The way to the target; rejects when it could not be reached. */
  door(): Promise<ShellDoor<Size>>;
  /** Masks for one stream of output, by the policy of this moment. */
  masking(): OutputMasking;
  /** A failure that the session cannot survive. */
  failed(error: unknown): void;
}

/** What is to become of keys that came while a line was under way. */
export interface KeysTaken {
  /** Typed ahead of the next prompt, before anything ran. */
  readonly ahead: Buffer;
  /** They would have gone to a program that gets none. */
  readonly withheld: Buffer;
  /** What waited for the prompt is given up: Ctrl-C was among them. */
  readonly forget: boolean;
}

const NOT_SUSPENDED =
  'hoopctl: a program cannot be put aside here: end it with Ctrl-C, or start it with & or nohup';
const NOTHING = Buffer.alloc(0);
const TAKEN: KeysTaken = { ahead: NOTHING, withheld: NOTHING, forget: false };

/**
 * One line of a gated shell: judged, perhaps held, run by a shell of its own that ends with it. So nothing that a line
 * defines (aliases, functions, traps, options, open files) can change what the next one means.
 */
export class GatedLine<Size extends TerminalSize> {
  readonly #terms: GatedLineTerms<Size>;
  readonly #line: string;
  readonly #setting: LineSetting;
  /** Undefined without a terminal. */
  #size: Size | undefined;
  readonly #terminal: boolean;
  #running: { readonly door: ShellDoor<Size>; readonly program: RunningProgram<Size> } | undefined;
  #input: 'unasked' | 'asking' | 'given' | 'withheld' = 'unasked';
  #held: Buffer[] = [];
  #heldBytes = 0;
  #interrupts = 0;
  /** Ctrl-C came before it ran, or the shell has ended. */
  #cancelled = false;
  #leave: (exit: Exit) => void = () => {};

  /** `size` is its terminal's; undefined for none. */
  constructor(line: string, setting: LineSetting, size: Size | undefined, terms: GatedLineTerms<Size>) {
    this.#line = line;
    this.#setting = setting;
    this.#size = size;
    this.#terminal = size !== undefined;
    this.#terms = terms;
  }

  /** What it leaves to the line behind it, when it has ended or was refused, which the client has been told. Throws what desk and door throw. */
  async run(): Promise<LineSetting> {
    const { client, desk, gate } = this.#terms;
    const setting = this.#setting;
    const answer = await gate.ask({ kind: 'line', line: this.#line, setting });
    if (!answer.passed) return { ...setting, status: answer.code };
    const door = await this.#terms.door();
    if (client.gone || this.#cancelled) return { ...setting, status: EXIT.withdrawn };
    desk.commit();
    const nonce = randomBytes(16).toString('hex');
    const size = this.#size;
    const program = await door.exec(answer.judged, lineScript(this.#line, setting, nonce), size);
    if (client.gone) program.close();
    this.#running = { door, program };
    if (this.#size !== undefined && this.#size !== size) program.resize(this.#size);
    // Without a terminal, what the client sends are lines and no program's input.
    if (!this.#terminal) program.endInput();
    const report = new ReportFilter(nonce);
    const passed = this.#passed(program, report);
    // Ctrl-C came while it was being started, when there was nothing yet that could get it.
    if (this.#cancelled) this.stop();
    const exit = await passed;
    gate.withdraw('the program has ended');
    client.resume();
    return this.#endOf(exit, report.reported);
  }

  /** What the client sends while the line is judged, waits, or runs. */
  keys(bytes: Buffer): KeysTaken {
    if (!this.#terminal) return { ...TAKEN, ahead: bytes };
    if (bytes.includes(SUSPEND)) return this.#notSuspended(bytes);
    const forget = bytes.includes(INTERRUPT);
    if (forget && (this.#running === undefined || this.#input === 'asking')) {
      this.#terms.gate.withdraw('Ctrl-C was pressed');
    }
    if (this.#running === undefined) {
      this.#cancelled ||= forget;
      return { ...TAKEN, ahead: afterInterrupt(bytes), forget };
    }
    if (this.#input === 'asking') return this.#hold(bytes);
    const { program } = this.#running;
    if (this.#input === 'unasked' && bytes.some((byte) => !SIGNAL_KEYS.includes(byte)))
      return this.#ask(bytes);
    if (this.#input === 'given') return this.#give(bytes, program);
    for (const byte of bytes) if (SIGNAL_KEYS.includes(byte)) this.#signalKey(byte, program);
    const withheld = Buffer.from(afterInterrupt(bytes).filter((byte) => !SIGNAL_KEYS.includes(byte)));
    return { ...TAKEN, withheld, forget };
  }

  /** The rest of the keys goes where keys go. */
  #notSuspended(bytes: Buffer): KeysTaken {
    // To a client that does not read it is said often enough.
    if (!this.#terms.client.full) this.#terms.client.say(['', NOT_SUSPENDED]);
    const rest = Buffer.from(bytes.filter((byte) => byte !== SUSPEND));
    return rest.length === 0 ? TAKEN : this.keys(rest);
  }

  #hold(bytes: Buffer): KeysTaken {
    this.#heldBytes += bytes.length;
    if (this.#heldBytes <= MOST_HELD) this.#held.push(bytes);
    else this.#terms.gate.withdraw('more was typed than is kept for it');
    return TAKEN;
  }

  #give(bytes: Buffer, program: RunningProgram<Size>): KeysTaken {
    const { client } = this.#terms;
    if (!program.write(bytes, () => client.resume())) client.pause();
    return TAKEN;
  }

  /** The client sends no more: a program that reads its terminal gets to know. */
  inputEnded(): void {
    this.#running?.program.write(Buffer.of(END_OF_INPUT));
  }

  signal(name: string): void {
    if (this.#running === undefined) this.#terms.gate.withdraw(`the client sent ${name}`);
    else this.#running.program.signal(name);
  }

  resize(size: Size): void {
    this.#size = size;
    this.#running?.program.resize(size);
  }

  resume(): void {
    this.#running?.program.resume();
  }

  /** Ends what runs, without waiting for it. */
  stop(): void {
    this.#cancelled = true;
    this.#running?.program.close();
    this.#leave({ signal: 'HUP', core: false });
  }

  #passed(program: RunningProgram<Size>, report: ReportFilter): Promise<Exit> {
    const { client, masking } = this.#terms;
    let left = false;
    const out = (name: 'stdout' | 'stderr', bytes: Buffer) => {
      if (left) return;
      client.send(name, bytes);
      if (client.full) program.pause();
    };
    const passed = passOutput(program, masking, out, report);
    const stopped = new Promise<Exit>((resolve) => {
      this.#leave = (exit) => {
        left = true;
        // What it still prints goes nowhere.
        this.resume();
        resolve(exit);
      };
    });
    return Promise.race([passed, stopped]);
  }

  #signalKey(byte: number, program: RunningProgram<Size>): void {
    if (program.unsent < MOST_SIGNALS) program.write(Buffer.of(byte));
    if (byte !== INTERRUPT || ++this.#interrupts < PATIENCE) return;
    this.#terms.client.say(['', 'hoopctl: it goes on after three Ctrl-C and is left behind']);
    this.stop();
  }

  /** Asked for when the first key comes, so that a program that wants none needs no rule for it. */
  #ask(bytes: Buffer): KeysTaken {
    const asked = { kind: 'input', line: this.#line } as const;
    if (this.#terms.gate.blocks(asked)) {
      this.#input = 'withheld';
      return this.keys(bytes);
    }
    this.#input = 'asking';
    this.#hold(bytes);
    this.#terms.gate.ask(asked).then(
      (answer) => {
        this.#input = answer.passed ? 'given' : 'withheld';
        if (answer.passed && this.#running !== undefined) {
          this.#running.door.request(answer.judged);
          this.#running.program.write(Buffer.concat(this.#held));
        }
        this.#held = [];
      },
      (error) => this.#terms.failed(error),
    );
    return TAKEN;
  }

  #endOf(exit: Exit, reported: string | undefined): LineSetting {
    const status = 'signal' in exit ? 128 + (SIGNAL_NUMBERS[exit.signal] ?? 0) : (exit.code ?? EXIT.failed);
    const { directory, variables } = this.#setting;
    if (reported === '' && directory !== undefined) {
      this.#terms.client.say([
        `hoopctl: ${directory} cannot be entered any more: nothing was executed, and the next line begins where a login does`,
      ]);
      return { directory: undefined, variables, status };
    }
    return {
      directory: reported ?? directory,
      variables: status === 0 ? carriedAfter(this.#line, variables) : variables,
      status,
    };
  }
}

/** Ctrl-C gives up what was typed before it. */
function afterInterrupt(bytes: Buffer): Buffer {
  return bytes.subarray(bytes.lastIndexOf(INTERRUPT) + 1);
}

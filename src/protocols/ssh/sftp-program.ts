import type { ClientChannel, ServerChannel } from 'ssh2';
import { FRAME } from '../../recording/events.ts';
import type { Gate } from '../../session/command-line/gate.ts';
import { EXIT, stderrText } from '../../session/command-line/words.ts';
import type { Door } from './door.ts';
import { failureWords } from './failure-words.ts';
import { PIECE, pieceHead } from './frames.ts';
import { channelGate } from './gate.ts';
import { type Asked, detects } from './judgement.ts';
import { Outlet } from './outlet.ts';
import type { ProgramTerms } from './program.ts';
import { SftpGovernor } from './sftp/governor.ts';

/** The SFTP subsystem on one channel of the client. What went through is recorded by path, length and hash. */
export class SftpProgram {
  readonly #number: number;
  readonly #terms: ProgramTerms;
  readonly #channel: ServerChannel;
  readonly #outlet: Outlet;
  readonly #gate: Gate<Asked>;
  readonly #governor: SftpGovernor;
  #door: Door | undefined;
  #upstream: ClientChannel | undefined;
  #gone = false;
  #ended = false;

  constructor(number: number, channel: ServerChannel, terms: ProgramTerms) {
    this.#number = number;
    this.#terms = terms;
    this.#channel = channel;
    this.#outlet = new Outlet(channel, () => {
      this.#upstream?.resume();
      this.#resumeClient();
    });
    this.#gate = channelGate(terms, { say: (lines) => this.#say(lines), gone: () => this.#gone });
    this.#governor = new SftpGovernor({
      judge: async (uses, contents) => {
        const unmaskable = contents && detects(terms.desk);
        const answer = await this.#gate.ask({ kind: 'sftp', uses, unmaskable });
        return answer.passed ? answer : undefined;
      },
      open: async (judged) => {
        this.#door = await terms.door();
        return this.#connect(await this.#door.subsystem(judged, 'sftp'));
      },
      spend: (judged) => this.#door?.request(judged),
      toClient: (bytes) => this.#toClient(bytes),
      transferred: (file) => this.#recordFile(file),
      pause: () => channel.pause(),
      resume: () => this.#resumeClient(),
      failed: (error) => this.#fail(error),
    });
  }

  /** From now on the client is served. */
  serve(): void {
    const channel = this.#channel;
    channel.on('error', () => {});
    channel.on('data', (bytes: Buffer) => this.#guard(() => this.#governor.receive(bytes)));
    channel.once('end', () => {
      this.#gate.withdraw('the client sends no more');
      if (this.#upstream === undefined) void this.#end(0);
      else this.#upstream.end();
    });
    channel.once('close', () => this.left());
  }

  /** The client has closed the channel. */
  left(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#gate.withdraw('the client went away');
    this.#guard(() => this.#governor.end());
    this.#upstream?.close();
  }

  cut(reason: string): void {
    this.#gate.withdraw(reason);
    this.#say([`hoopctl: ${reason}`]);
    this.#upstream?.close();
    void this.#end(EXIT.failed);
  }

  resize(): void {}

  signal(): void {}

  #connect(upstream: ClientChannel): ClientChannel {
    this.#upstream = upstream;
    let code: number | undefined;
    upstream.on('error', () => {});
    upstream.on('data', (bytes: Buffer) => this.#guard(() => this.#governor.answered(bytes)));
    upstream.stderr.on('data', (bytes: Buffer) => this.#guard(() => this.#stderr(bytes)));
    upstream.on('drain', () => this.#resumeClient());
    upstream.on('exit', (status: number | null) => {
      code = status ?? EXIT.failed;
    });
    upstream.once('close', () => void this.#end(code ?? 0));
    if (this.#gone) upstream.close();
    return upstream;
  }

  /** Neither what goes to the server nor what waits for the client may grow by what the client sends. */
  #resumeClient(): void {
    const holdsBack = this.#outlet.full || this.#governor.full || this.#upstream?.writableNeedDrain === true;
    if (!holdsBack) this.#channel.resume();
  }

  #toClient(bytes: Buffer): void {
    if (this.#gone) return;
    this.#outlet.push('stdout', bytes);
    if (!this.#outlet.full) return;
    this.#upstream?.pause();
    this.#channel.pause();
  }

  #stderr(bytes: Buffer): void {
    if (this.#gone) return;
    this.#terms.desk.record(FRAME.server, pieceHead(PIECE.stderr, this.#number), bytes);
    this.#outlet.push('stderr', bytes);
  }

  #say(lines: readonly string[]): void {
    this.#guard(() => this.#stderr(stderrText(lines, false)));
  }

  #recordFile(file: object): void {
    const text = Buffer.from(JSON.stringify(file));
    this.#terms.desk.record(FRAME.server, pieceHead(PIECE.file, this.#number), text);
  }

  async #end(code: number): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#guard(() => this.#governor.end());
    await this.#outlet.emptied();
    if (this.#gone) return;
    this.#guard(() => {
      const exit = Buffer.from(JSON.stringify({ code }));
      this.#terms.desk.record(FRAME.server, pieceHead(PIECE.exit, this.#number), exit);
    });
    this.#channel.exit(code);
    this.#channel.end();
  }

  /** A broken stream or a target that is gone ends this channel, not the others. */
  #fail(error: unknown): void {
    const { code, lines, note } = failureWords(error);
    if (note !== undefined) this.#recorded(() => this.#terms.desk.note(note));
    this.#say(lines);
    this.#upstream?.close();
    void this.#end(code);
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (error instanceof Error && 'kind' in error && error.kind === 'protocol-violation') this.#fail(error);
      else this.#terms.failed(error);
    }
  }

  #recorded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#terms.failed(error);
    }
  }
}

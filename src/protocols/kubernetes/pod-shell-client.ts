import type { Exit, OutputStream, ShellClient, TerminalSize } from '../../session/command-line/program.ts';
import { EXIT, stderrText } from '../../session/command-line/words.ts';
import { exitStatus } from './channels.ts';
import { PART, recordJson, recordPart } from './frames.ts';
import type { ProgramPeer } from './program-peer.ts';
import type { KubernetesSession } from './session.ts';

export interface PodShellClientTerms {
  readonly peer: ProgramPeer;
  readonly session: KubernetesSession;
  /** Of the request that opened the shell. */
  readonly number: number;
  readonly terminal: boolean;
  /** A limit of the session is passed: nothing more may be shown. */
  spent(): void;
  /** What cannot be recorded must not go on. */
  failed(error: unknown): void;
}

/** The client of a line-gated shell in a container. */
export class PodShellClient implements ShellClient<TerminalSize> {
  readonly #terms: PodShellClientTerms;
  #gone = false;
  #ended = false;
  #spent = false;
  /** The books failed: there is nothing more to be said. */
  #broken = false;

  constructor(terms: PodShellClientTerms) {
    this.#terms = terms;
  }

  get gone(): boolean {
    return this.#gone;
  }

  get full(): boolean {
    return this.#terms.peer.full;
  }

  leave(): void {
    this.#gone = true;
  }

  pause(): void {
    this.#terms.peer.pause();
  }

  resume(): void {
    this.#terms.peer.resume();
  }

  /** A terminal has one stream for both. */
  send(stream: OutputStream, bytes: Buffer): void {
    if (this.#gone || this.#ended || this.#broken || bytes.length === 0) return;
    this.guard(() => {
      const { number, peer, session, terminal } = this.#terms;
      const { desk } = session;
      if (!this.#spent && desk.metered && desk.spend('bytes', bytes.length) !== undefined) {
        this.#spent = true;
        return this.#terms.spent();
      }
      const shown = terminal ? 'stdout' : stream;
      recordPart(desk, number, PART[shown], bytes);
      peer.output(shown, bytes);
    });
  }

  say(lines: readonly string[]): void {
    this.send('stderr', stderrText(lines, this.#terms.terminal));
  }

  /** Records what came from the client; `then` does something with it and is not called when that failed. */
  received(bytes: Buffer, then: () => void): void {
    this.guard(() => {
      const { number, session } = this.#terms;
      recordPart(session.desk, number, PART.stdin, bytes);
      session.desk.commit();
      then();
    });
  }

  resized({ cols, rows }: TerminalSize): void {
    const { number, session } = this.#terms;
    this.guard(() => recordJson(session.desk, number, PART.resize, { columns: cols, rows }));
  }

  async end(exit: Exit): Promise<void> {
    if (this.#ended || this.#gone) return;
    this.#ended = true;
    const code = ('code' in exit ? exit.code : undefined) ?? EXIT.failed;
    const { number, peer, session } = this.#terms;
    this.guard(() => recordJson(session.desk, number, PART.exit, { code }));
    peer.end(exitStatus(code));
  }

  guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (this.#broken) return;
      this.#broken = true;
      this.#terms.failed(error);
    }
  }
}

import { systemClock } from '../../base/clock.ts';
import { OutputMasking } from '../../masking/output-masking.ts';
import { exitCode, terminalSize } from './channels.ts';
import { PART, recordJson, recordPart } from './frames.ts';
import type { KubernetesSession } from './session.ts';
import type { Surroundings } from './surroundings.ts';

export type OutputStream = 'stdout' | 'stderr';

const OUTPUT_PART = { stdout: PART.stdout, stderr: PART.stderr } as const;

/** The streams of one program, whatever carries them: recorded before they go on, its output masked. */
export class ProgramStreams {
  readonly #session: KubernetesSession;
  readonly #number: number;
  readonly #masking: Readonly<Record<OutputStream, OutputMasking>>;
  /** Told when nothing more may be shown, and why. */
  readonly #stop: (reason: string) => void;
  readonly #failed: (error: unknown) => void;

  constructor(
    session: KubernetesSession,
    number: number,
    around: Pick<Surroundings, 'maskKey'>,
    ends: { readonly stop: (reason: string) => void; readonly failed: (error: unknown) => void },
  ) {
    this.#session = session;
    this.#number = number;
    this.#stop = ends.stop;
    this.#failed = ends.failed;
    const terms = { masks: () => session.desk.masks(), key: around.maskKey, clock: systemClock };
    this.#masking = { stdout: new OutputMasking(terms), stderr: new OutputMasking(terms) };
  }

  /** Before it goes to the cluster. Throws Internal `recording_failed`. */
  input(bytes: Uint8Array): void {
    if (bytes.length > 0) recordPart(this.#session.desk, this.#number, PART.stdin, bytes);
    this.#session.desk.commit();
  }

  /** Before it goes to the cluster. Throws for what is no size. */
  resize(message: Uint8Array): void {
    const size = terminalSize(message);
    if (size === undefined) throw new Error('a size of the terminal cannot be read');
    recordJson(this.#session.desk, this.#number, PART.resize, size);
    this.#session.desk.commit();
  }

  /** What may be shown of it goes to `show`, now or a moment later. */
  output(stream: OutputStream, bytes: Uint8Array, show: (bytes: Buffer) => void): void {
    this.#masking[stream].push(Buffer.from(bytes), (masked) => this.#shown(stream, masked, show));
  }

  /** The stream has ended: what was kept back of it is shown. */
  end(stream: OutputStream, show: (bytes: Buffer) => void): void {
    this.#masking[stream].end((masked) => this.#shown(stream, masked, show));
  }

  /** The program has ended with this Status. */
  exit(status: Uint8Array): void {
    recordJson(this.#session.desk, this.#number, PART.exit, { code: exitCode(status) ?? null });
  }

  #shown(stream: OutputStream, bytes: Buffer, show: (bytes: Buffer) => void): void {
    if (bytes.length === 0) return;
    const { desk } = this.#session;
    try {
      if (desk.metered && desk.spend('bytes', bytes.length) !== undefined) {
        this.#stop('a limit of the session is passed');
        return;
      }
      recordPart(desk, this.#number, OUTPUT_PART[stream], bytes);
      show(bytes);
    } catch (error) {
      // It may come a moment later, by the clock, when nobody else would hear of it.
      this.#failed(error);
    }
  }
}

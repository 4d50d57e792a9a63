import type { ClientChannel, PseudoTtyInfo } from 'ssh2';
import { MOST_UNSENT, socketOf } from './channel-socket.ts';

/** RFC 4254, 6.10, and the ones that OpenSSH adds. Others the library takes for a fault of ours. */
const SIGNALS = /^(ABRT|ALRM|FPE|HUP|ILL|INT|KILL|PIPE|QUIT|SEGV|TERM|USR1|USR2)$/;
/** Signals that wait until the target reads again; a client that sends more of them is not told. */
const MOST_SIGNALS = 16;

/**
 * What a client tells a program beside its input: the size of its terminal, and signals. Neither counts against the
 * window of the channel (RFC 4254, 6.7 and 6.9), so a target that does not read would have them pile up here.
 */
export class TargetNotices {
  readonly #channel: ClientChannel;
  readonly #signals: string[] = [];
  #size: PseudoTtyInfo | undefined;
  #waiting = false;

  constructor(channel: ClientChannel) {
    this.#channel = channel;
  }

  /** Of sizes that wait the last one counts. */
  resize(size: PseudoTtyInfo): void {
    this.#size = size;
    this.#tell();
  }

  /** Unknown ones are dropped. */
  signal(name: string): void {
    if (!SIGNALS.test(name) || this.#signals.length >= MOST_SIGNALS) return;
    this.#signals.push(name);
    this.#tell();
  }

  #tell(): void {
    if (this.#waiting) return;
    const socket = socketOf(this.#channel);
    if (socket !== undefined && socket.writableLength >= MOST_UNSENT) {
      this.#waiting = true;
      socket.once('drain', () => {
        this.#waiting = false;
        this.#tell();
      });
      return;
    }
    const size = this.#size;
    this.#size = undefined;
    if (size !== undefined) this.#channel.setWindow(size.rows, size.cols, size.height, size.width);
    for (const name of this.#signals.splice(0)) this.#channel.signal(name);
  }
}

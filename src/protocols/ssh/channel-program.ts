import type { ClientChannel, PseudoTtyInfo } from 'ssh2';
import type { Exit, RunningProgram } from '../../session/command-line/program.ts';
import { TargetNotices } from './target-notices.ts';

/** RFC 4254, 6.10. A target may call a signal what it likes, and clients may show that. */
const SIGNAL_NAME = /^[A-Z0-9]{1,16}(?:@[A-Za-z0-9.-]{1,64})?$/;

/** The program behind a channel that was opened at the target. To be made before anything of it is read. */
export class ChannelProgram implements RunningProgram<PseudoTtyInfo> {
  readonly #channel: ClientChannel;
  readonly #notices: TargetNotices;
  readonly exit: Promise<Exit>;

  constructor(channel: ClientChannel) {
    this.#channel = channel;
    this.#notices = new TargetNotices(channel);
    channel.on('error', () => {});
    this.exit = exitOf(channel);
  }

  get stdout(): NodeJS.ReadableStream {
    return this.#channel;
  }

  get stderr(): NodeJS.ReadableStream {
    return this.#channel.stderr;
  }

  get unsent(): number {
    return this.#channel.writableLength;
  }

  write(bytes: Buffer, drained?: () => void): boolean {
    if (this.#channel.write(bytes)) return true;
    if (drained !== undefined) this.#channel.once('drain', drained);
    return false;
  }

  endInput(): void {
    this.#channel.end();
  }

  pause(): void {
    this.#channel.pause();
    this.#channel.stderr.pause();
  }

  resume(): void {
    this.#channel.resume();
    this.#channel.stderr.resume();
  }

  resize(size: PseudoTtyInfo): void {
    this.#notices.resize(size);
  }

  signal(name: string): void {
    this.#notices.signal(name);
  }

  close(): void {
    this.#channel.close();
  }
}

/** Resolves when the target has closed the channel. */
function exitOf(channel: ClientChannel): Promise<Exit> {
  let exit: Exit = { code: undefined };
  channel.on('exit', (code: number | null, signal?: string, core?: unknown) => {
    const name = signal?.replace(/^SIG/, '');
    exit =
      name !== undefined && SIGNAL_NAME.test(name)
        ? { signal: name, core: core === true }
        : { code: code ?? undefined };
  });
  return new Promise((resolve) => channel.once('close', () => resolve(exit)));
}

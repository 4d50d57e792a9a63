import type { ClientChannel, ServerChannel, TcpipRequestInfo } from 'ssh2';
import { FRAME } from '../../recording/events.ts';
import type { Gate } from '../../session/command-line/gate.ts';
import { PIECE, pieceHead } from './frames.ts';
import { channelGate } from './gate.ts';
import { type Asked, detects } from './judgement.ts';
import { Outlet } from './outlet.ts';
import type { ProgramTerms } from './program.ts';

/** How a client's request for a connection is answered. */
export interface ForwardRequest {
  readonly info: TcpipRequestInfo;
  accept(): ServerChannel | undefined;
  reject(): void;
}

/** A connection from the target to somewhere else, on one channel of the client. There is nowhere to say why not. */
export class Forward {
  readonly #number: number;
  readonly #terms: ProgramTerms;
  readonly #gate: Gate<Asked>;
  #channel: ServerChannel | undefined;
  #upstream: ClientChannel | undefined;
  #gone = false;

  constructor(number: number, terms: ProgramTerms) {
    this.#number = number;
    this.#terms = terms;
    this.#gate = channelGate(terms, { say: () => {}, gone: () => this.#gone });
  }

  /** Settles when the connection is open or was refused; never rejects. */
  async run({ accept, info, reject }: ForwardRequest): Promise<void> {
    try {
      const { destIP: host, destPort: port } = info;
      if (!/^[A-Za-z0-9._:-]{1,255}$/.test(host) || port < 1 || port > 65_535) return reject();
      const answer = await this.#gate.ask({
        kind: 'forward',
        host,
        port,
        unmaskable: detects(this.#terms.desk),
      });
      if (!answer.passed || this.#gone) return reject();
      const door = await this.#terms.door();
      const upstream = await door.forward(answer.judged, host, port);
      const channel = this.#gone ? undefined : accept();
      if (channel === undefined) upstream.close();
      else this.#join(channel, upstream);
    } catch {
      // The target could not reach it, or is gone.
      reject();
    }
  }

  cut(reason: string): void {
    this.#gone = true;
    this.#gate.withdraw(reason);
    this.#upstream?.close();
    this.#channel?.close();
  }

  /** The client has gone with its connection. */
  left(): void {
    this.#gone = true;
    this.#gate.withdraw('the client went away');
    this.#upstream?.close();
  }

  resize(): void {}

  signal(): void {}

  #join(channel: ServerChannel, upstream: ClientChannel): void {
    this.#channel = channel;
    this.#upstream = upstream;
    const { desk } = this.#terms;
    const outlet = new Outlet(channel, () => upstream.resume());
    const head = pieceHead(PIECE.data, this.#number);
    channel.on('data', (bytes: Buffer) =>
      this.#guard(() => {
        desk.record(FRAME.client, head, bytes);
        desk.commit();
        if (!upstream.write(bytes)) channel.pause();
      }),
    );
    upstream.on('drain', () => channel.resume());
    upstream.on('data', (bytes: Buffer) =>
      this.#guard(() => {
        desk.record(FRAME.server, head, bytes);
        outlet.push('stdout', bytes);
        if (outlet.full) upstream.pause();
      }),
    );
    channel.once('end', () => upstream.end());
    upstream.once('end', () => void outlet.emptied().then(() => channel.end()));
    channel.once('close', () => upstream.close());
    for (const one of [channel, upstream]) one.on('error', () => {});
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#terms.failed(error);
    }
  }
}

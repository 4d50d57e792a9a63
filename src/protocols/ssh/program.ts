import type { ClientChannel, PseudoTtyInfo, ServerChannel } from 'ssh2';
import type { OutputMasking } from '../../masking/output-masking.ts';
import type { Judged, SessionDesk } from '../../session/desk.ts';
import { ClientLane } from './client-lane.ts';
import type { Door, Start } from './door.ts';
import { Gate } from './gate.ts';
import type { Asked } from './judgement.ts';
import { passOutput } from './program-output.ts';
import { EXIT, failureWords } from './words.ts';

/** What a channel needs of the connection around it. */
export interface ProgramTerms {
  readonly desk: SessionDesk;
  /** The way to the target; rejects when it could not be reached. */
  readonly door: () => Promise<Door>;
  readonly clientAddress: string;
  /** `SSH web-1:22 as deploy`. */
  readonly target: string;
  /** Masks for one stream of output, by the policy of this moment. */
  masking(): OutputMasking;
  /** A failure that the session cannot survive. */
  failed(error: unknown): void;
}

/** The parts of a channel that were asked for before its program was. */
export interface Prepared {
  readonly environment: ReadonlyMap<string, string>;
  readonly terminal: PseudoTtyInfo | undefined;
}

/** What a program of a channel can be. */
export type ProgramAsked = Extract<Asked, { kind: 'exec' | 'shell' | 'subsystem' }>;

/** One program on the target for one channel of the client: judged, perhaps held, started, its bytes passed on. */
export class Program {
  readonly #terms: ProgramTerms;
  readonly #channel: ServerChannel;
  readonly #lane: ClientLane;
  readonly #prepared: Prepared;
  readonly #gate: Gate;
  #upstream: ClientChannel | undefined;
  #cut = false;

  constructor(number: number, channel: ServerChannel, prepared: Prepared, terms: ProgramTerms) {
    this.#channel = channel;
    this.#prepared = prepared;
    this.#terms = terms;
    const terminal = prepared.terminal !== undefined;
    this.#lane = new ClientLane({
      number,
      channel,
      desk: terms.desk,
      terminal,
      drained: () => {
        this.#upstream?.resume();
        this.#upstream?.stderr.resume();
      },
      failed: (error) => terms.failed(error),
    });
    this.#gate = new Gate({
      desk: terms.desk,
      clientAddress: terms.clientAddress,
      target: terms.target,
      environment: prepared.environment,
      terminal: prepared.terminal?.term,
      say: (lines) => this.#lane.say(lines),
      gone: () => this.#lane.gone,
    });
    channel.pause();
    channel.once('close', () => this.#clientGone());
    if (prepared.terminal !== undefined) this.#lane.resized(prepared.terminal);
  }

  /** Runs what was asked; never rejects. */
  async run(asked: ProgramAsked): Promise<void> {
    try {
      const answer = await this.#gate.ask(asked);
      if (this.#lane.gone) return;
      if (!answer.passed) {
        await this.#lane.end({ code: answer.code });
        return;
      }
      const door = await this.#terms.door();
      if (this.#lane.gone || this.#cut) return;
      this.#terms.desk.commit();
      this.#connect(await this.#start(door, answer.judged, asked));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The session ends: the reason is the last thing the client reads of this channel. */
  cut(reason: string): void {
    this.#cut = true;
    this.#gate.withdraw(reason);
    this.#lane.say([`hoopctl: ${reason}`]);
    this.#upstream?.close();
    void this.#lane.end({ code: EXIT.failed });
  }

  resize(size: PseudoTtyInfo): void {
    this.#lane.resized(size);
    this.#upstream?.setWindow(size.rows, size.cols, size.height, size.width);
  }

  signal(name: string): void {
    if (this.#upstream === undefined) {
      if (/^(INT|TERM|HUP|QUIT|KILL)$/.test(name)) this.#gate.withdraw(`the client sent ${name}`);
      return;
    }
    if (/^[A-Z0-9]{1,16}$/.test(name)) this.#upstream.signal(name);
  }

  #start(door: Door, judged: Judged, asked: ProgramAsked) {
    const { environment, terminal } = this.#prepared;
    const start: Start = { environment, terminal };
    switch (asked.kind) {
      case 'exec':
        return door.exec(judged, asked.line, start);
      case 'shell':
        return door.shell(judged, start);
      case 'subsystem':
        return door.subsystem(judged, asked.name);
    }
  }

  #connect(upstream: ClientChannel): void {
    this.#upstream = upstream;
    if (this.#lane.gone) {
      upstream.close();
      return;
    }
    this.#passInput(upstream);
    const passed = passOutput(upstream, this.#terms.masking, (lane, bytes) => {
      this.#lane.send(lane, bytes);
      if (!this.#lane.full) return;
      upstream.pause();
      upstream.stderr.pause();
    });
    void passed.then((exit) => this.#lane.end(exit));
  }

  #passInput(upstream: ClientChannel): void {
    const channel = this.#channel;
    channel.on('data', (bytes: Buffer) => {
      this.#lane.received(bytes, () => {
        if (!upstream.write(bytes)) channel.pause();
      });
    });
    upstream.on('drain', () => channel.resume());
    channel.once('end', () => upstream.end());
    upstream.on('error', () => {});
    channel.resume();
  }

  #clientGone(): void {
    this.#gate.withdraw('the client went away');
    this.#upstream?.close();
  }

  #fail(error: unknown): void {
    const { code, lines, note } = failureWords(error);
    if (note !== undefined) this.#lane.guard(() => this.#terms.desk.note(note));
    this.#lane.say(lines);
    void this.#lane.end({ code });
  }
}

import type { ClientChannel, PseudoTtyInfo, ServerChannel } from 'ssh2';
import type { OutputMasking } from '../../masking/output-masking.ts';
import type { Gate } from '../../session/command-line/gate.ts';
import { passOutput } from '../../session/command-line/program-output.ts';
import { EXIT } from '../../session/command-line/words.ts';
import type { Judged, SessionDesk } from '../../session/desk.ts';
import { ChannelProgram } from './channel-program.ts';
import { ClientLane } from './client-lane.ts';
import type { Door, Start } from './door.ts';
import { failureWords } from './failure-words.ts';
import { channelGate } from './gate.ts';
import type { Asked } from './judgement.ts';

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

/** What may be typed on a terminal before the program starts, in bytes; more stays in the channel. */
const MOST_AHEAD = 64 * 1024;
const INTERRUPT = 3;

/** One program on the target for one channel of the client: judged, perhaps held, started, its bytes passed on. */
export class Program {
  readonly #terms: ProgramTerms;
  readonly #channel: ServerChannel;
  readonly #lane: ClientLane;
  readonly #prepared: Prepared;
  readonly #gate: Gate<Asked>;
  #upstream: ClientChannel | undefined;
  #program: ChannelProgram | undefined;
  /** Typed before there was a program. */
  #ahead: Buffer[] = [];
  #aheadBytes = 0;
  #inputEnded = false;
  /** The terminal, when it got another size since the program was asked for or started. */
  #size: PseudoTtyInfo | undefined;
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
    this.#gate = channelGate(terms, {
      environment: prepared.environment,
      terminal: prepared.terminal?.term,
      say: (lines) => this.#lane.say(lines),
      gone: () => this.#lane.gone,
    });
    channel.once('close', () => this.#clientGone());
    channel.on('data', (bytes: Buffer) => this.#lane.received(bytes, () => this.#typed(bytes)));
    channel.once('end', () => {
      this.#inputEnded = true;
      this.#upstream?.end();
    });
    // On a terminal Ctrl-C is a byte like others, so it is read while the program waits for its approval.
    if (prepared.terminal === undefined) channel.pause();
    else this.#lane.resized(prepared.terminal);
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

  /** The client has closed the channel. What runs gets the rest of its input first; what waits never begins. */
  left(): void {
    if (this.#upstream !== undefined) return;
    this.#lane.leave();
    this.#clientGone();
  }

  resize(size: PseudoTtyInfo): void {
    this.#lane.resized(size);
    this.#size = size;
    this.#program?.resize(size);
  }

  signal(name: string): void {
    if (this.#program === undefined) {
      if (/^(INT|TERM|HUP|QUIT|KILL)$/.test(name)) this.#gate.withdraw(`the client sent ${name}`);
      return;
    }
    this.#program.signal(name);
  }

  #start(door: Door, judged: Judged, asked: ProgramAsked) {
    const { environment } = this.#prepared;
    const start: Start = { environment, terminal: this.#size ?? this.#prepared.terminal };
    this.#size = undefined;
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
    upstream.on('error', () => {});
    if (this.#lane.gone || this.#cut) {
      upstream.close();
      return;
    }
    upstream.on('drain', () => this.#channel.resume());
    const size = this.#size;
    const program = new ChannelProgram(upstream);
    this.#program = program;
    if (size !== undefined) program.resize(size);
    for (const bytes of this.#ahead.splice(0)) upstream.write(bytes);
    if (this.#inputEnded) upstream.end();
    this.#channel.resume();
    const passed = passOutput(program, this.#terms.masking, (lane, bytes) => {
      this.#lane.send(lane, bytes);
      if (this.#lane.full) program.pause();
    });
    void passed.then((exit) => this.#lane.end(exit));
  }

  #typed(bytes: Buffer): void {
    const upstream = this.#upstream;
    if (upstream !== undefined) {
      if (!upstream.write(bytes)) this.#channel.pause();
      return;
    }
    if (bytes.includes(INTERRUPT)) this.#gate.withdraw('Ctrl-C was pressed');
    this.#ahead.push(bytes);
    this.#aheadBytes += bytes.length;
    if (this.#aheadBytes > MOST_AHEAD) this.#channel.pause();
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

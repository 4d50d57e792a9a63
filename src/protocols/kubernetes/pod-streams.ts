import type { WebSocket } from 'ws';
import { STREAM } from './channels.ts';
import { PART, recordPart } from './frames.ts';
import { type OutputStream, ProgramStreams } from './program-streams.ts';
import type { KubernetesSession } from './session.ts';
import { statusBody, unavailable } from './status.ts';
import type { Surroundings } from './surroundings.ts';
import { bytesOf, closeSoon, HIGH_WATER } from './web-socket.ts';

export interface PodStreamsParts {
  /** Both paused; nothing of them was read yet. */
  readonly client: WebSocket;
  readonly target: WebSocket;
  readonly session: KubernetesSession;
  readonly number: number;
  readonly around: Surroundings;
  /** A port-forward: its bytes are passed on and recorded as they are. */
  readonly tunnel: boolean;
}

/** Output streams by their numbers. */
const OUTPUTS: ReadonlyMap<number, OutputStream> = new Map([
  [STREAM.stdout, 'stdout'],
  [STREAM.stderr, 'stderr'],
]);

/** The streams of one exec, attach or port-forward between a client and the cluster, until either side ends. */
export class PodStreams {
  readonly #parts: PodStreamsParts;
  readonly #program: ProgramStreams;
  readonly #stopCut: () => void;
  #resolve: () => void = () => {};
  #over = false;
  readonly done: Promise<void>;

  constructor(parts: PodStreamsParts) {
    this.#parts = parts;
    const { around, client, session, target } = parts;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#program = new ProgramStreams(session, parts.number, around, {
      stop: (reason) => this.#cut(reason),
      failed: () => this.#end(1011),
    });
    this.#stopCut = session.onCut((reason) => this.#cut(reason));
    client.on('message', (data, binary) => this.#guard(() => this.#fromClient(bytesOf(data), binary)));
    target.on('message', (data, binary) => this.#guard(() => this.#fromTarget(bytesOf(data), binary)));
    client.on('close', (code) => this.#end(code));
    target.on('close', (code) => this.#guard(() => this.#targetClosed(code)));
    client.on('error', () => this.#end(1002));
    target.on('error', () => this.#end(1011));
    client.resume();
    target.resume();
  }

  #fromClient(message: Buffer, binary: boolean): void {
    if (!binary) return this.#end(1003);
    this.#recordClient(message);
    send(this.#parts.target, message, this.#parts.client);
  }

  #recordClient(message: Buffer): void {
    if (this.#parts.tunnel) return this.#program.input(message);
    switch (message[0]) {
      case STREAM.stdin:
        return this.#program.input(message.subarray(1));
      case STREAM.resize:
        return this.#program.resize(message.subarray(1));
      case STREAM.close:
        return;
      default:
        throw new Error('a client has no such stream');
    }
  }

  #fromTarget(message: Buffer, binary: boolean): void {
    if (!binary) return this.#end(1003);
    if (this.#parts.tunnel) {
      recordPart(this.#parts.session.desk, this.#parts.number, PART.stdout, message);
      this.#toClient(message);
      return;
    }
    const [number = 0] = message;
    const output = OUTPUTS.get(number);
    if (output !== undefined) this.#output(number, output, message);
    else if (number === STREAM.error) this.#errorStream(message);
    else if (number === STREAM.close) this.#closeStream(message);
    // An empty message only says that a stream stands.
    else if (message.length > 1) throw new Error('the cluster sent a stream that there is not');
  }

  #output(number: number, stream: OutputStream, message: Buffer): void {
    // An empty message says that the stream stands.
    if (message.length === 1) return this.#toClient(message);
    this.#program.output(stream, message.subarray(1), (bytes) => this.#show(number, bytes));
  }

  #show(number: number, bytes: Buffer): void {
    if (!this.#over) this.#toClient(Buffer.concat([Buffer.from([number]), bytes]));
  }

  #flush(): void {
    for (const [number, stream] of OUTPUTS) this.#program.end(stream, (bytes) => this.#show(number, bytes));
  }

  /** The program has ended: what was kept back of its output comes before. */
  #errorStream(message: Buffer): void {
    if (message.length > 1) {
      this.#flush();
      this.#program.exit(message.subarray(1));
    }
    this.#toClient(message);
  }

  #closeStream(message: Buffer): void {
    this.#flush();
    this.#toClient(message);
  }

  #toClient(message: Buffer): void {
    send(this.#parts.client, message, this.#parts.target);
  }

  #targetClosed(code: number): void {
    if (!this.#parts.tunnel) this.#flush();
    this.#end(code);
  }

  #cut(reason: string): void {
    if (this.#over) return;
    if (!this.#parts.tunnel) {
      const status = statusBody(unavailable(`the session is over: ${reason}`));
      this.#parts.client.send(Buffer.concat([Buffer.from([STREAM.error]), status]));
    }
    this.#end(1000);
  }

  /** What can't be recorded, masked or understood ends it. */
  #guard(run: () => void): void {
    if (this.#over) return;
    try {
      run();
    } catch {
      this.#end(1011);
    }
  }

  #end(code: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopCut();
    const { client, target } = this.#parts;
    closeSoon(client, code);
    closeSoon(target, code);
    this.#resolve();
  }
}

/** Sends a message; while too much waits to go, `from` is not read. */
function send(to: WebSocket, message: Buffer, from: WebSocket): void {
  to.send(message, () => {
    if (from.isPaused && to.bufferedAmount < HIGH_WATER) from.resume();
  });
  if (to.bufferedAmount >= HIGH_WATER) from.pause();
}

import type { RawData, WebSocket } from 'ws';
import { systemClock } from '../../base/clock.ts';
import { OutputMasking } from '../../masking/output-masking.ts';
import { exitCode, STREAM, terminalSize } from './channels.ts';
import { PART, type Part, recordJson, recordPart } from './frames.ts';
import type { KubernetesSession } from './session.ts';
import { statusBody, unavailable } from './status.ts';
import type { Surroundings } from './surroundings.ts';

/** What may wait to be sent to one side before the other is no longer read, in bytes. */
const HIGH_WATER = 1024 * 1024;

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

/** Output streams that are masked and recorded. */
const OUTPUTS: readonly { readonly stream: number; readonly part: Part }[] = [
  { stream: STREAM.stdout, part: PART.stdout },
  { stream: STREAM.stderr, part: PART.stderr },
];

/** The streams of one exec, attach or port-forward between a client and the cluster, until either side ends. */
export class PodStreams {
  readonly #parts: PodStreamsParts;
  readonly #masking = new Map<number, OutputMasking>();
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
    const terms = { masks: () => session.desk.masks(), key: around.maskKey, clock: systemClock };
    for (const { stream } of OUTPUTS) this.#masking.set(stream, new OutputMasking(terms));
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
    const { client, session, target } = this.#parts;
    if (!binary) return this.#end(1003);
    this.#recordClient(message);
    session.desk.commit();
    send(target, message, client);
  }

  #recordClient(message: Buffer): void {
    const { number, session, tunnel } = this.#parts;
    const { desk } = session;
    if (tunnel) return recordPart(desk, number, PART.stdin, message);
    const payload = message.subarray(1);
    switch (message[0]) {
      case STREAM.stdin:
        if (payload.length > 0) recordPart(desk, number, PART.stdin, payload);
        return;
      case STREAM.resize: {
        const size = terminalSize(payload);
        if (size === undefined) throw new Error('a size of the terminal cannot be read');
        return recordJson(desk, number, PART.resize, size);
      }
      case STREAM.close:
        return;
      default:
        throw new Error('a client has no such stream');
    }
  }

  #fromTarget(message: Buffer, binary: boolean): void {
    const { number, session, tunnel } = this.#parts;
    if (!binary) return this.#end(1003);
    if (tunnel) {
      recordPart(session.desk, number, PART.stdout, message);
      this.#toClient(message);
      return;
    }
    const [stream] = message;
    const output = OUTPUTS.find((one) => one.stream === stream);
    if (output !== undefined) this.#output(output, message);
    else if (stream === STREAM.error) this.#errorStream(message);
    else if (stream === STREAM.close) this.#closeStream(message);
    // An empty message only says that a stream stands.
    else if (message.length > 1) throw new Error('the cluster sent a stream that there is not');
  }

  #output({ part, stream }: { readonly stream: number; readonly part: Part }, message: Buffer): void {
    const payload = message.subarray(1);
    // An empty message says that the stream stands.
    if (payload.length === 0) return this.#toClient(message);
    this.#masking
      .get(stream)
      ?.push(Buffer.from(payload), (bytes) => this.#guard(() => this.#show(stream, part, bytes)));
  }

  #show(stream: number, part: Part, bytes: Buffer): void {
    const { number, session } = this.#parts;
    if (this.#over || bytes.length === 0) return;
    if (session.desk.metered && session.desk.spend('bytes', bytes.length) !== undefined) {
      return this.#cut('a limit of the session is passed');
    }
    recordPart(session.desk, number, part, bytes);
    this.#toClient(Buffer.concat([Buffer.from([stream]), bytes]));
  }

  #flush(streams: readonly number[] = OUTPUTS.map((one) => one.stream)): void {
    for (const { part, stream } of OUTPUTS) {
      if (streams.includes(stream))
        this.#masking.get(stream)?.end((bytes) => this.#show(stream, part, bytes));
    }
  }

  /** The program has ended: what was kept back of its output comes before. */
  #errorStream(message: Buffer): void {
    const { number, session } = this.#parts;
    const payload = message.subarray(1);
    if (payload.length > 0) {
      this.#flush();
      recordJson(session.desk, number, PART.exit, { code: exitCode(payload) ?? null });
    }
    this.#toClient(message);
  }

  #closeStream(message: Buffer): void {
    this.#flush([message[1] ?? 0]);
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

/** Codes that only say how a connection was lost may not be sent (RFC 6455 section 7.4.1). */
function closeSoon(socket: WebSocket, code: number): void {
  const sendable =
    code >= 1000 && code <= 4999 && code !== 1004 && code !== 1005 && code !== 1006 && code !== 1015;
  socket.close(sendable ? code : 1000);
  const timer = setTimeout(() => socket.terminate(), 2000);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

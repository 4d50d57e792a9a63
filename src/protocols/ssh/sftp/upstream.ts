import type { ClientChannel } from 'ssh2';
import { broken, FieldReader, PacketFramer, packet, TYPE, withId } from './packets.ts';

/** What becomes of a server's answer. */
type Waiting =
  /** Goes to the client under its own id, once `see` has looked at it. */
  | { readonly to: 'client'; readonly id: number; readonly see: ((answer: Buffer) => void) | undefined }
  /** Ours: an answer to something the gateway asked. */
  | { readonly to: 'gateway'; readonly settle: (answer: Buffer | undefined) => void };

/**
 * The server's side of one SFTP stream. Requests get ids of our own, so that the gateway's questions and the client's
 * never meet; an answer nobody waits for ends the stream.
 */
export class SftpServerSide {
  readonly #channel: ClientChannel;
  readonly #framer = new PacketFramer();
  readonly #waiting = new Map<number, Waiting>();
  readonly #toClient: (answer: Buffer) => void;
  readonly #ready: Promise<void>;
  #greeted: () => void = () => {};
  #nextId = 0;

  constructor(channel: ClientChannel, toClient: (answer: Buffer) => void) {
    this.#channel = channel;
    this.#toClient = toClient;
    this.#ready = new Promise((resolve) => {
      this.#greeted = resolve;
    });
    channel.write(packet(TYPE.init, 3));
  }

  /** When the server has said which version it speaks. */
  ready(): Promise<void> {
    return this.#ready;
  }

  get outstanding(): number {
    return this.#waiting.size;
  }

  /** Sends a client's request; false when the server is slower than its client. */
  send(request: Buffer, id: number, see?: (answer: Buffer) => void): boolean {
    const own = this.#take({ to: 'client', id, see });
    return this.#channel.write(withId(request, own));
  }

  /** The server's own path for a path, links resolved; undefined when it has none. */
  async realpath(path: string): Promise<string | undefined> {
    const answer = await new Promise<Buffer | undefined>((settle) => {
      const id = this.#take({ to: 'gateway', settle });
      this.#channel.write(packet(TYPE.realpath, id, path));
    });
    if (answer === undefined || answer[4] !== TYPE.name) return undefined;
    const fields = new FieldReader(answer);
    fields.u32();
    if (fields.u32() !== 1) return undefined;
    const found = fields.path();
    return found.startsWith('/') ? found : undefined;
  }

  /** Bytes from the server. Throws ProtocolViolation. */
  receive(bytes: Buffer): void {
    for (const answer of this.#framer.push(bytes)) this.#answer(answer);
  }

  /** The stream has ended. */
  closed(): void {
    this.#greeted();
    for (const waiting of this.#waiting.values()) if (waiting.to === 'gateway') waiting.settle(undefined);
    this.#waiting.clear();
  }

  #answer(answer: Buffer): void {
    if (answer[4] === TYPE.version) {
      if (new FieldReader(answer).u32() < 3) throw broken('the server speaks an old version');
      this.#greeted();
      return;
    }
    const id = new FieldReader(answer).u32();
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) throw broken('the server answers what nobody asked');
    this.#waiting.delete(id);
    if (waiting.to === 'gateway') {
      waiting.settle(answer);
      return;
    }
    waiting.see?.(answer);
    this.#toClient(withId(answer, waiting.id));
  }

  #take(waiting: Waiting): number {
    do this.#nextId = (this.#nextId + 1) >>> 0;
    while (this.#waiting.has(this.#nextId));
    this.#waiting.set(this.#nextId, waiting);
    return this.#nextId;
  }
}

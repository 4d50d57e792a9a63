import { connect, type Socket } from 'node:net';
import {
  decodeAuthentication,
  decodeCommandComplete,
  decodeDataRow,
  decodeReadyForQuery,
  decodeResponseFields,
} from '../../src/protocols/postgres/codec/backend-messages.ts';
import { BackendFramer } from '../../src/protocols/postgres/codec/framer.ts';
import {
  passwordMessage,
  saslInitialResponse,
  saslResponse,
} from '../../src/protocols/postgres/codec/frontend-builders.ts';
import { PROTOCOL_3_0, startupMessage } from '../../src/protocols/postgres/codec/startup-packet.ts';
import { newNonce } from '../../src/protocols/postgres/scram.ts';
import { ScramClient } from '../../src/protocols/postgres/scram-client.ts';

/** A message from the server side: its type as a letter, and all its bytes. */
export interface WireMessage {
  readonly type: string;
  readonly bytes: Buffer;
}

export interface WireLogin {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** From a `postgres://` URL. */
export function loginOf(url: string): WireLogin {
  const { port, username, password, pathname } = new URL(url);
  return {
    port: Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
  };
}

/** How long `until` waits before it fails: a hang is a failure, not a timeout of the whole test. */
const PATIENCE_MS = 10_000;

/** Speaks the protocol byte by byte: sends whatever it is told, keeps whatever it gets. */
export class WireClient {
  readonly socket: Socket;
  /** Everything received and not yet taken by `until`. */
  readonly pending: WireMessage[] = [];
  /** The cancel key of the session. */
  key: { readonly processId: number; readonly secret: Buffer } = { processId: 0, secret: Buffer.alloc(0) };
  closed = false;
  readonly #framer = new BackendFramer();
  #wake: () => void = () => {};

  constructor(port: number, host = '127.0.0.1') {
    this.socket = connect({ port, host, allowHalfOpen: true });
    this.socket.setNoDelay(true);
    const sink = {
      message: (type: number, buffer: Buffer, start: number, end: number) => {
        this.pending.push({
          type: String.fromCharCode(type),
          bytes: Buffer.from(buffer.subarray(start, end)),
        });
        return true;
      },
      streams: () => false,
      piece: () => true,
    };
    this.socket.on('data', (chunk: Buffer) => {
      this.#framer.push(chunk, sink);
      this.#wake();
    });
    this.socket.on('error', () => {});
    const over = () => {
      this.closed = true;
      this.#wake();
    };
    this.socket.on('close', over);
    this.socket.on('end', over);
  }

  /** Logs in and waits for the first ReadyForQuery; what came before it is dropped. */
  static async login({ port, user, password, database, parameters = {} }: WireLogin): Promise<WireClient> {
    const client = new WireClient(port);
    client.send(
      startupMessage(
        PROTOCOL_3_0,
        new Map([['user', user], ['database', database], ...Object.entries(parameters)]),
      ),
    );
    await client.#authenticate(password);
    for (const message of await client.untilReady()) {
      if (message.type === 'K') {
        client.key = { processId: message.bytes.readInt32BE(5), secret: message.bytes.subarray(9) };
      }
    }
    return client;
  }

  async #authenticate(password: string): Promise<void> {
    let scram: ScramClient | undefined;
    for (;;) {
      const [message] = await this.until((one) => one.type === 'R' || one.type === 'E');
      if (message === undefined || message.type === 'E')
        throw new Error(`login failed: ${errorOf(message)?.message}`);
      const asked = decodeAuthentication(message.bytes, 0, message.bytes.length);
      if (asked.kind === 'ok') return;
      if (asked.kind === 'cleartext') this.send(passwordMessage(password));
      else if (asked.kind === 'sasl') {
        scram = new ScramClient(password, { use: 'none' }, newNonce());
        this.send(saslInitialResponse(scram.mechanism, scram.first()));
      } else if (asked.kind === 'sasl-continue' && scram)
        this.send(saslResponse(await scram.answer(asked.data)));
      else if (asked.kind === 'sasl-final' && scram) scram.verify(asked.data);
      else throw new Error(`login by ${asked.kind} is not spoken here`);
    }
  }

  /** All of it in one write. */
  send(...parts: readonly (Uint8Array | string)[]): this {
    this.socket.write(Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array))));
    return this;
  }

  /** Takes messages up to and including the first for which `last` holds, or all when the connection ends. */
  async until(last: (message: WireMessage) => boolean): Promise<WireMessage[]> {
    const taken: WireMessage[] = [];
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    const timeUp = () => this.#wake();
    deadline.addEventListener('abort', timeUp);
    try {
      for (;;) {
        for (let next = this.pending.shift(); next; next = this.pending.shift()) {
          taken.push(next);
          if (last(next)) return taken;
        }
        if (this.closed) return taken;
        if (deadline.aborted) throw new Error(`nothing more came after ${typesOf(taken)}`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      deadline.removeEventListener('abort', timeUp);
    }
  }

  /** Takes messages up to ReadyForQuery. */
  untilReady(): Promise<WireMessage[]> {
    return this.until((message) => message.type === 'Z');
  }

  /** Everything up to the end of the connection. */
  untilClosed(): Promise<WireMessage[]> {
    return this.until(() => false);
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.socket.destroy();
  }
}

/** `TDDCZ` */
export function typesOf(messages: readonly WireMessage[]): string {
  return messages.map((message) => message.type).join('');
}

export function errorOf(message: WireMessage | undefined) {
  return message && decodeResponseFields(message.bytes, 0, message.bytes.length);
}

/** SQLSTATEs of the errors among them. */
export function errorsOf(messages: readonly WireMessage[]): string[] {
  return messages.filter(({ type }) => type === 'E').map((one) => errorOf(one)?.sqlstate ?? '');
}

/** Values of the rows among them, as text. */
export function rowsOf(messages: readonly WireMessage[]): (string | null)[][] {
  return messages
    .filter(({ type }) => type === 'D')
    .map(({ bytes }) =>
      decodeDataRow(bytes, 0, bytes.length).map((value) => value?.toString('utf8') ?? null),
    );
}

/** Command tags among them. */
export function tagsOf(messages: readonly WireMessage[]): string[] {
  return messages
    .filter(({ type }) => type === 'C')
    .map(({ bytes }) => decodeCommandComplete(bytes, 0, bytes.length));
}

/** `idle`, `open` or `failed`, of the last ReadyForQuery among them. */
export function statusOf(messages: readonly WireMessage[]): string | undefined {
  const ready = messages.findLast(({ type }) => type === 'Z');
  return ready && decodeReadyForQuery(ready.bytes, 0, ready.bytes.length);
}

/** A message with any type and any claimed length. */
export function rawMessage(type: string | number, body: Uint8Array | string = '', length?: number): Buffer {
  const bytes = Buffer.from(body as Uint8Array);
  const head = Buffer.alloc(5);
  head[0] = typeof type === 'number' ? type : type.charCodeAt(0);
  head.writeUInt32BE((length ?? bytes.length + 4) >>> 0, 1);
  return Buffer.concat([head, bytes]);
}

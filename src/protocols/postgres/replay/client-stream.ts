import type { ReplayEvent } from '../../../recording/events.ts';
import { type FrameSink, FrontendFramer } from '../codec/framer.ts';
import {
  decodeBind,
  decodeBody,
  decodeClose,
  decodeDescribe,
  decodeExecute,
  decodeParse,
} from '../codec/frontend-messages.ts';
import { FRONTEND } from '../codec/message-types.ts';
import type { Dialogue } from './dialogue.ts';
import { LONGEST_SHOWN, LongMessage } from './long-messages.ts';

/** The client's bytes: what it asked, and its COPY data. */
export class ClientStream implements FrameSink {
  readonly #framer = new FrontendFramer();
  readonly #dialogue: Dialogue;
  readonly #long = new LongMessage();
  #out: ReplayEvent[] = [];
  #at = 0;

  constructor(dialogue: Dialogue) {
    this.#dialogue = dialogue;
  }

  /** Throws ProtocolViolation where the client broke the protocol; nothing after that can be read. */
  push(bytes: Buffer, at: number, out: ReplayEvent[]): void {
    this.#out = out;
    this.#at = at;
    this.#framer.push(bytes, this);
  }

  message(type: number, buffer: Buffer, start: number, end: number): boolean {
    const dialogue = this.#dialogue;
    switch (type) {
      case FRONTEND.query:
        dialogue.query();
        break;
      case FRONTEND.parse:
        dialogue.parse(decodeParse(buffer, start, end));
        break;
      case FRONTEND.bind:
        dialogue.bind(decodeBind(ownBytes(buffer, start, end), 0, end - start));
        break;
      case FRONTEND.describe: {
        const { what, name } = decodeDescribe(buffer, start, end);
        dialogue.describe(what, name);
        break;
      }
      case FRONTEND.execute:
        dialogue.execute(decodeExecute(buffer, start, end).portal);
        break;
      case FRONTEND.close: {
        const { what, name } = decodeClose(buffer, start, end);
        dialogue.close(what, name);
        break;
      }
      case FRONTEND.sync:
        dialogue.sync();
        break;
      case FRONTEND.copyData:
        if (dialogue.copyIn) this.#copy(decodeBody(buffer, start, end));
        break;
      case FRONTEND.copyDone:
      case FRONTEND.copyFail:
        dialogue.copyIn = false;
        break;
    }
    return true;
  }

  streams(type: number, length: number): boolean {
    return type === FRONTEND.copyData && length > LONGEST_SHOWN;
  }

  piece(_type: number, _buffer: Buffer, start: number, end: number, remaining: number): boolean {
    const told = this.#long.piece('COPY data of the client', end - start, remaining, this.#at);
    if (told) this.#out.push(told);
    return true;
  }

  #copy(data: Buffer): void {
    const text = this.#dialogue.copyFormat === 0 ? data.toString() : `\\x${data.toString('hex')}`;
    this.#out.push({ type: 'copy', at: this.#at, direction: 'in', data: text });
  }
}

/** A Bind is remembered until its decision: not together with the whole chunk it came in. */
function ownBytes(buffer: Buffer, start: number, end: number): Buffer {
  return Buffer.from(buffer.subarray(start, end));
}

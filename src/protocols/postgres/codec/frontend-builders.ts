import type { FormatCode } from './frontend-messages.ts';
import { FRONTEND } from './message-types.ts';
import { MessageWriter } from './writer.ts';

/** Messages hoopctl sends to a target on its own account (PostgreSQL docs 54.7). */

export function queryMessage(text: string): Buffer {
  return new MessageWriter().begin(FRONTEND.query).string(text).end().take();
}

export function parseMessage(name: string, text: string, parameterTypes: readonly number[] = []): Buffer {
  const writer = new MessageWriter().begin(FRONTEND.parse).string(name).string(text);
  writer.int16(parameterTypes.length);
  for (const type of parameterTypes) writer.int32(type);
  return writer.end().take();
}

export interface BindWords {
  readonly portal?: string;
  readonly statement?: string;
  readonly parameterFormats?: readonly FormatCode[];
  readonly parameters?: readonly (Uint8Array | string | null)[];
  readonly resultFormats?: readonly FormatCode[];
}

export function bindMessage(words: BindWords): Buffer {
  const { parameterFormats = [], parameters = [], resultFormats = [] } = words;
  const writer = new MessageWriter().begin(FRONTEND.bind);
  writer.string(words.portal ?? '').string(words.statement ?? '');
  writer.int16(parameterFormats.length);
  for (const format of parameterFormats) writer.int16(format);
  writer.int16(parameters.length);
  for (const parameter of parameters) {
    if (parameter === null) {
      writer.int32(-1);
      continue;
    }
    const bytes = typeof parameter === 'string' ? Buffer.from(parameter) : parameter;
    writer.int32(bytes.length).bytes(bytes);
  }
  writer.int16(resultFormats.length);
  for (const format of resultFormats) writer.int16(format);
  return writer.end().take();
}

export function describeMessage(what: 'statement' | 'portal', name: string): Buffer {
  return named(FRONTEND.describe, what, name);
}

export function closeMessage(what: 'statement' | 'portal', name: string): Buffer {
  return named(FRONTEND.close, what, name);
}

function named(type: number, what: 'statement' | 'portal', name: string): Buffer {
  const kind = what === 'statement' ? 0x53 : 0x50;
  return new MessageWriter().begin(type).byte(kind).string(name).end().take();
}

/** `rowLimit` 0: all rows. */
export function executeMessage(portal: string, rowLimit = 0): Buffer {
  return new MessageWriter().begin(FRONTEND.execute).string(portal).int32(rowLimit).end().take();
}

/** Bodiless messages, shared: do not write to them. */
export const SYNC = bare(FRONTEND.sync);
export const FLUSH = bare(FRONTEND.flush);
export const TERMINATE = bare(FRONTEND.terminate);
export const FRONTEND_COPY_DONE = bare(FRONTEND.copyDone);

function bare(type: number): Buffer {
  return Buffer.from([type, 0, 0, 0, 4]);
}

/** CopyData has one form in both directions. */
export function copyDataMessage(data: Uint8Array): Buffer {
  return new MessageWriter().begin(FRONTEND.copyData).bytes(data).end().take();
}

export function copyFailMessage(reason: string): Buffer {
  return new MessageWriter().begin(FRONTEND.copyFail).string(reason).end().take();
}

/** Cleartext or md5 form. */
export function passwordMessage(password: string): Buffer {
  return new MessageWriter().begin(FRONTEND.password).string(password).end().take();
}

export function saslInitialResponse(mechanism: string, data: Uint8Array): Buffer {
  const writer = new MessageWriter().begin(FRONTEND.password).string(mechanism);
  return writer.int32(data.length).bytes(data).end().take();
}

export function saslResponse(data: Uint8Array): Buffer {
  return new MessageWriter().begin(FRONTEND.password).bytes(data).end().take();
}

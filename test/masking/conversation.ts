import { decodeDataRow } from '../../src/protocols/postgres/codec/backend-messages.ts';
import {
  bindMessage,
  describeMessage,
  executeMessage,
  parseMessage,
  queryMessage,
  SYNC,
} from '../../src/protocols/postgres/codec/frontend-builders.ts';
import type { WireClient, WireMessage } from '../servers/wire-client.ts';

/** How a case's statements are sent and its values asked for. */
export interface Mode {
  readonly protocol: 'simple' | 'extended';
  readonly format: 'text' | 'binary';
  readonly tls: boolean;
}

export const MODES: readonly Mode[] = [
  { protocol: 'simple', format: 'text', tls: false },
  { protocol: 'extended', format: 'text', tls: false },
  { protocol: 'extended', format: 'binary', tls: false },
  { protocol: 'simple', format: 'text', tls: true },
  { protocol: 'extended', format: 'text', tls: true },
  { protocol: 'extended', format: 'binary', tls: true },
];

export const modeName = ({ protocol, format, tls }: Mode) => `${protocol} ${format} ${tls ? 'TLS' : 'plain'}`;

export interface Answer {
  readonly messages: readonly WireMessage[];
  /** The gateway refused a statement. */
  readonly refused: boolean;
}

/** Runs statements one after the other and keeps every message that came. */
export async function converse(
  client: WireClient,
  statements: readonly string[],
  parameters: readonly string[],
  mode: Mode,
): Promise<Answer> {
  const messages: WireMessage[] = [];
  for (const sql of statements) {
    client.send(...packets(sql, parameters, mode));
    messages.push(...(await client.untilReady()));
    if (client.closed) break;
  }
  // Notifications come when the session is idle.
  client.send(queryMessage(''));
  if (!client.closed) messages.push(...(await client.untilReady()));
  return { messages, refused: messages.some(isRefusal) };
}

function packets(sql: string, parameters: readonly string[], mode: Mode): Buffer[] {
  if (mode.protocol === 'simple' && parameters.length === 0) return [queryMessage(sql)];
  const binary = mode.format === 'binary' && mode.protocol === 'extended';
  return [
    parseMessage('', sql),
    bindMessage({
      portal: '',
      statement: '',
      parameters,
      resultFormats: binary ? [1] : [],
    }),
    describeMessage('portal', ''),
    executeMessage(''),
    SYNC,
  ];
}

function isRefusal(message: WireMessage): boolean {
  return message.type === 'E' && message.bytes.includes('Rhoopctl_');
}

/** All bytes that came, one after the other. */
export function bytesOf({ messages }: Answer): Buffer {
  return Buffer.concat(messages.map((message) => message.bytes));
}

/** A value this short is looked for as a whole field of a row: within other bytes it would be found by chance. */
const SHORT = 5;

/** Whether the value is anywhere in the answer, in any form. */
export function shows(answer: Answer, value: string): boolean {
  if (value.length < SHORT) {
    return answer.messages.some(
      ({ type, bytes }) =>
        type === 'D' &&
        decodeDataRow(bytes, 0, bytes.length).some((field) => field?.toString('latin1') === value),
    );
  }
  const bytes = bytesOf(answer);
  return formsOf(value).some((form) => bytes.includes(form));
}

/** The bytes under which a value could come: as text, and, for a number, in PostgreSQL's binary forms. */
function formsOf(value: string): readonly Buffer[] {
  const forms = [Buffer.from(value), Buffer.from(Buffer.from(value).toString('hex'))];
  if (/^\d{9,18}$/.test(value)) {
    const int8 = Buffer.alloc(8);
    int8.writeBigInt64BE(BigInt(value));
    const float8 = Buffer.alloc(8);
    float8.writeDoubleBE(Number(value));
    forms.push(int8, float8);
    if (Number(value) < 2 ** 31) {
      const int4 = Buffer.alloc(4);
      int4.writeInt32BE(Number(value));
      forms.push(int4);
    }
  }
  return forms;
}

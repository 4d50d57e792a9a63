import { HoopError } from '../../src/base/errors.ts';
import * as backend from '../../src/protocols/postgres/codec/backend-messages.ts';
import { BackendFramer, FrontendFramer } from '../../src/protocols/postgres/codec/framer.ts';
import * as frontend from '../../src/protocols/postgres/codec/frontend-messages.ts';
import { clientMessage, mutate, Random, serverMessage } from './mutations.ts';

export interface CodecReport {
  readonly messages: number;
  /** Refused as broken. */
  readonly refused: number;
  readonly crashes: readonly string[];
}

type Decode = (buffer: Buffer, start: number, end: number) => unknown;

const FRONTEND: Readonly<Record<string, Decode>> = {
  Q: frontend.decodeQuery,
  P: frontend.decodeParse,
  B: frontend.decodeBind,
  E: frontend.decodeExecute,
  D: frontend.decodeDescribe,
  C: frontend.decodeClose,
  F: frontend.decodeFunctionCall,
};
const BACKEND: Readonly<Record<string, Decode>> = {
  D: backend.decodeDataRow,
  C: backend.decodeCommandComplete,
  E: backend.decodeResponseFields,
  N: backend.decodeResponseFields,
  S: backend.decodeParameterStatus,
  Z: backend.decodeReadyForQuery,
  A: backend.decodeNotificationResponse,
};

/**
 * Mutated messages of both directions through framing and decoding alone: whatever comes is decoded or refused with
 * an error of the house, never anything else.
 */
export function fuzzCodec(messages: number, seed: number): CodecReport {
  const random = new Random(seed);
  const crashes: string[] = [];
  let refused = 0;
  const sides = [
    { make: clientMessage, decoders: FRONTEND, framer: () => new FrontendFramer() },
    { make: serverMessage, decoders: BACKEND, framer: () => new BackendFramer() },
  ].map((side) => ({ ...side, now: side.framer() }));
  for (let i = 0; i < messages && crashes.length === 0; i++) {
    const side = sides[i % 2];
    if (side === undefined) break;
    // A length that is too long would swallow all that follows.
    if (i % 16 < 2) side.now = side.framer();
    const sink = {
      message(type: number, buffer: Buffer, start: number, end: number) {
        side.decoders[String.fromCharCode(type)]?.(buffer, start, end);
        return true;
      },
      streams: () => false,
      piece: () => true,
    };
    try {
      side.now.push(mutate(side.make(random), random), sink);
    } catch (error) {
      if (!(error instanceof HoopError))
        crashes.push(error instanceof Error ? (error.stack ?? '') : String(error));
      refused++;
      side.now = side.framer();
    }
  }
  return { messages, refused, crashes };
}

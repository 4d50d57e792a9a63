import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PART, recordJson, recordPart } from './frames.ts';
import { returnedHeaders } from './request-headers.ts';
import type { ResponseMasks } from './results/response-masks.ts';
import type { KubernetesSession } from './session.ts';

export interface ResponseTerms {
  readonly session: KubernetesSession;
  readonly number: number;
  readonly masks: ResponseMasks;
  readonly recordBytes: number;
  /** Said in Warning headers. */
  readonly warnings: readonly string[];
  readonly headOnly: boolean;
}

/**
 * Passes the cluster's answer on, masked and recorded, as it comes: nothing is held back but what a mask needs to
 * see whole. Rejects when either side breaks.
 */
export async function passResponse(
  answer: IncomingMessage,
  response: ServerResponse,
  terms: ResponseTerms,
): Promise<void> {
  const { desk } = terms.session;
  const status = answer.statusCode ?? 502;
  const masking = terms.masks.streamFor(answer.headers['content-type'] ?? '', status);
  const headers: Record<string, string | string[]> = returnedHeaders(answer.headers);
  const length = answer.headers['content-length'];
  // Masking changes how long it is, so it goes in chunks then.
  if (masking === undefined && length !== undefined) headers['content-length'] = length;
  const warnings = terms.warnings.map(
    (words) => `299 - "hoopctl: ${words.replaceAll(/[^\x20-\x7e]|["\\]/g, "'")}"`,
  );
  const fromCluster = answer.headers.warning;
  if (warnings.length > 0)
    headers.warning = fromCluster === undefined ? warnings : [fromCluster, ...warnings];
  recordJson(desk, terms.number, PART.response, { status, type: answer.headers['content-type'] ?? '' });
  response.writeHead(status, headers);
  if (terms.headOnly) {
    answer.resume();
    response.end();
    return;
  }
  response.flushHeaders();
  const recorder = new ResponseRecorder(terms);
  const stages: (Readable | Transform)[] = masking === undefined ? [answer] : [answer, masking];
  await pipeline([...stages, recorder, response]);
}

/** How much of an answer may be on its way through here, in bytes. */
const AHEAD = 512 * 1024;

/** Records what the requester is about to get, up to the cap, and looks whether it may still get it. */
class ResponseRecorder extends Transform {
  readonly #terms: ResponseTerms;
  readonly #policy: string;
  #bytes = 0;

  constructor(terms: ResponseTerms) {
    super({ highWaterMark: AHEAD });
    this.#terms = terms;
    this.#policy = terms.session.desk.policy().hash;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const { number, recordBytes, session } = this.#terms;
    try {
      // A stream that outlives the policy it was allowed by begins anew, and is judged then.
      if (session.desk.policy().hash !== this.#policy) {
        done(new Error('the policy changed'));
        return;
      }
      if (session.desk.metered && session.desk.spend('bytes', chunk.length) !== undefined) {
        done(new Error('a limit of the session is passed'));
        return;
      }
      const left = recordBytes - this.#bytes;
      if (left > 0) recordPart(session.desk, number, PART.responseBody, chunk.subarray(0, left));
      this.#bytes += chunk.length;
      done(null, chunk);
    } catch (error) {
      done(error instanceof Error ? error : new Error('it cannot be recorded'));
    }
  }

  override _flush(done: TransformCallback): void {
    const { number, recordBytes, session } = this.#terms;
    try {
      const recorded = Math.min(this.#bytes, recordBytes);
      recordJson(session.desk, number, PART.end, { bytes: this.#bytes, recorded });
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error('it cannot be recorded'));
    }
  }
}

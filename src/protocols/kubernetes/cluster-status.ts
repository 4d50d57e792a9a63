import type { IncomingMessage } from 'node:http';
import type { Status } from './status.ts';

const LONGEST_STATUS = 64 * 1024;
const PLAIN_REASON = /^[A-Za-z]{1,64}$/;

/** The cluster's own words on why it does not do something; undefined where its answer is no Status. */
export async function readStatus(answer: IncomingMessage): Promise<Status | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > LONGEST_STATUS) break;
      chunks.push(chunk);
    }
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof body === 'object' && body !== null && 'message' in body && 'reason' in body) {
      return { code: codeOf(answer), reason: String(body.reason), message: String(body.message) };
    }
  } catch {
    // Not a Status.
  }
  return undefined;
}

/** Reasons whose words name objects and no values. */
const HARMLESS: ReadonlySet<string> = new Set(['NotFound', 'Conflict']);

/**
 * The same without what it may quote of the object that a write was about: where a patch cannot be applied, the API
 * server's words hold all of the object.
 */
export function withoutQuotes(said: Status | undefined, code: number): Status {
  if (said !== undefined && HARMLESS.has(said.reason)) return said;
  const reason = said !== undefined && PLAIN_REASON.test(said.reason) ? said.reason : 'Invalid';
  return { code, reason, message: WITHHELD };
}

/** Instead of words that may quote masked values. */
export const WITHHELD =
  'hoopctl: the cluster refused it; its words are withheld, since they may quote fields that are masked';

/** The status of an answer; that of a bad gateway where there is none. */
export function codeOf(answer: IncomingMessage): number {
  return answer.statusCode ?? 502;
}

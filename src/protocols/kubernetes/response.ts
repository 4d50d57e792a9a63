import type { IncomingMessage, ServerResponse } from 'node:http';
import { NotReachable } from '../../base/errors.ts';
import { sendStatus } from './client-side.ts';
import { codeOf, readStatus, withoutQuotes } from './cluster-status.ts';
import { PART, recordJson, recordPart } from './frames.ts';
import { returnedHeaders } from './request-headers.ts';
import type { AnswerMasking, ResponseMasks } from './results/response-masks.ts';
import type { KubernetesSession } from './session.ts';
import { statusBody } from './status.ts';

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
 * see whole. Rejects when either side breaks; the client's connection is broken then, too.
 */
export async function passResponse(
  answer: IncomingMessage,
  response: ServerResponse,
  terms: ResponseTerms,
): Promise<void> {
  const { desk } = terms.session;
  const status = codeOf(answer);
  // It was asked for plain bytes; others could be neither masked nor read in a recording.
  const encoding = answer.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new NotReachable('cluster_unreachable', 'the cluster answers in an encoding that nobody asked for');
  }
  if (status >= 400 && terms.masks.withholdsRefusals) return passRefusal(answer, response, terms);
  const masking = terms.masks.maskingFor(answer.headers['content-type'] ?? '');
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
  await new Passage(answer, response, masking, terms).done;
}

async function passRefusal(
  answer: IncomingMessage,
  response: ServerResponse,
  { number, session }: ResponseTerms,
): Promise<void> {
  const status = withoutQuotes(await readStatus(answer), codeOf(answer));
  recordJson(session.desk, number, PART.response, { status: status.code, type: 'application/json' });
  recordPart(session.desk, number, PART.responseBody, statusBody(status));
  sendStatus(response, status);
}

/** One answer on its way: each piece is masked, recorded, and then shown. */
class Passage {
  readonly #answer: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #masking: AnswerMasking | undefined;
  readonly #terms: ResponseTerms;
  readonly #policy: string;
  readonly done: Promise<void>;
  #settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  #bytes = 0;
  #corked = false;

  constructor(
    answer: IncomingMessage,
    response: ServerResponse,
    masking: AnswerMasking | undefined,
    terms: ResponseTerms,
  ) {
    this.#answer = answer;
    this.#response = response;
    this.#masking = masking;
    this.#terms = terms;
    this.#policy = terms.session.desk.policy().hash;
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    answer.on('data', (chunk: Buffer) => this.#guard(() => this.#came(chunk)));
    answer.once('end', () => this.#guard(() => this.#ended()));
    answer.once('close', () => this.#fail(new Error('the cluster closed the connection')));
    answer.once('error', (error) => this.#fail(error));
    response.on('drain', () => answer.resume());
    response.once('close', () => this.#fail(new Error('the client went away')));
  }

  #came(chunk: Buffer): void {
    // A stream that outlives the policy it was allowed by begins anew, and is judged then.
    if (this.#terms.session.desk.policy().hash !== this.#policy) throw new Error('the policy changed');
    if (this.#masking === undefined) this.#show(chunk);
    else this.#masking.push(chunk, this.#showLater);
  }

  /** A mask may let go of what it kept a moment later, by the clock. */
  readonly #showLater = (bytes: Buffer): void => this.#guard(() => this.#show(bytes));

  #show(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const { number, recordBytes, session } = this.#terms;
    const { desk } = session;
    if (desk.metered && desk.spend('bytes', bytes.length) !== undefined)
      throw new Error('a limit of the session is passed');
    const left = recordBytes - this.#bytes;
    if (left > 0) recordPart(desk, number, PART.responseBody, bytes.subarray(0, left));
    this.#bytes += bytes.length;
    this.#cork();
    if (!this.#response.write(bytes)) this.#answer.pause();
  }

  /** What comes in one turn of the event loop goes out in one write. The socket is corked, not the message, whose end would overtake what it keeps. */
  #cork(): void {
    const { socket } = this.#response;
    if (this.#corked || socket === null) return;
    this.#corked = true;
    socket.cork();
    setImmediate(() => {
      this.#corked = false;
      socket.uncork();
    });
  }

  #ended(): void {
    this.#masking?.end(this.#showLater);
    const settle = this.#settle;
    if (settle === undefined) return;
    const { number, recordBytes, session } = this.#terms;
    const recorded = Math.min(this.#bytes, recordBytes);
    recordJson(session.desk, number, PART.end, { bytes: this.#bytes, recorded });
    this.#settle = undefined;
    this.#response.end(() => settle.resolve());
    // The client may be gone before the last byte.
    this.#response.once('close', () => settle.resolve());
  }

  /** What can't be masked or recorded is not shown. */
  #guard(run: () => void): void {
    if (this.#settle === undefined) return;
    try {
      run();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const settle = this.#settle;
    if (settle === undefined) return;
    this.#settle = undefined;
    this.#answer.destroy();
    this.#response.destroy();
    settle.reject(error);
  }
}

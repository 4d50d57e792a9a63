import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { HoopError, ProtocolViolation } from '../../base/errors.ts';
import { REDACTED } from '../../masking/strategies.ts';
import { sendStatus } from './client-side.ts';
import { PART, recordJson, recordPart } from './frames.ts';
import { judgeRequest, type Verdict } from './judging.ts';
import { LONGEST_BODY } from './request-body.ts';
import type { ApiRequest, RequestFacts } from './request-facts.ts';
import { outgoingHeaders, type RequestHead } from './request-headers.ts';
import { readTarget } from './request-target.ts';
import { passResponse } from './response.ts';
import { acceptFor, type ResponseMasks, responseMasks } from './results/response-masks.ts';
import type { KubernetesSession } from './session.ts';
import { BAD_REQUEST, forbidden, internalError, type Status, TOO_LARGE, unavailable } from './status.ts';
import type { Surroundings } from './surroundings.ts';

/** A body that was announced must be there in this time. */
const BODY_MS = 60_000;

/** One request from its head to the last byte of its answer. Never rejects. */
export async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  head: RequestHead,
  session: KubernetesSession,
  around: Surroundings,
): Promise<void> {
  const cut = new AbortController();
  const stop = session.onCut((reason) => {
    cut.abort(reason);
    sendStatus(response, unavailable(`the session is over: ${reason}`));
  });
  response.once('close', () => {
    stop();
    cut.abort('the client went away');
  });
  try {
    await new Exchange(request, response, head, session, around, cut.signal).run();
  } catch (error) {
    sendStatus(response, statusOf(error));
  }
}

class Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #head: RequestHead;
  readonly #session: KubernetesSession;
  readonly #around: Surroundings;
  readonly #signal: AbortSignal;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    head: RequestHead,
    session: KubernetesSession,
    around: Surroundings,
    signal: AbortSignal,
  ) {
    this.#request = request;
    this.#response = response;
    this.#head = head;
    this.#session = session;
    this.#around = around;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const api = await this.#read();
    const number = this.#session.nextRequest();
    this.#record(number, api);
    requireNoMarks(api);
    const verdict = await judgeRequest(api, this.#session, this.#around, this.#signal);
    if (verdict.outcome === 'refused') sendStatus(this.#response, verdict.status);
    // Its lines come by streams, and nothing but they may be what is run.
    else if (verdict.gated !== undefined) sendStatus(this.#response, BAD_REQUEST('a shell needs an upgrade'));
    else await this.#forward(number, api, verdict);
  }

  async #read(): Promise<ApiRequest> {
    const target = readTarget(this.#request.url ?? '');
    const { contentType, impersonates, method } = this.#head;
    const bytes = await readBytes(this.#request);
    const body = bytes.length === 0 ? undefined : { type: contentType, bytes };
    return { method, target, body, impersonates };
  }

  #record(number: number, api: ApiRequest): void {
    const { desk } = this.#session;
    const { 'user-agent': client = '', accept = '' } = this.#request.headers;
    recordJson(desk, number, PART.request, { method: api.method, target: api.target.raw, client, accept });
    if (api.body !== undefined) recordPart(desk, number, PART.requestBody, api.body.bytes);
  }

  async #forward(
    number: number,
    api: ApiRequest,
    { by, facts, key }: Extract<Verdict, { outcome: 'allowed' }>,
  ): Promise<void> {
    const around = this.#around;
    const { masks, headers } = this.#outgoing(api, facts);
    const { method, target } = api;
    const door = around.doorOf(this.#session);
    const answer = await door.send(
      key,
      { method, target: target.raw, headers },
      api.body?.bytes,
      this.#signal,
    );
    try {
      await passResponse(answer, this.#response, {
        session: this.#session,
        number,
        masks,
        recordBytes: around.recordBytes,
        warnings: warningsFor(api, by),
        headOnly: method === 'HEAD',
      });
    } finally {
      answer.destroy();
    }
  }

  #outgoing(api: ApiRequest, facts: RequestFacts): { masks: ResponseMasks; headers: OutgoingHttpHeaders } {
    const { desk } = this.#session;
    const masks = responseMasks(desk.masks(), facts.info, this.#around.maskKey, desk.policy());
    const accept = acceptFor(this.#request.headers.accept, facts.info, masks);
    const as = this.#around.impersonate ? desk.requester : undefined;
    const headers = outgoingHeaders(this.#request.headers, api.body, accept, as);
    return { masks, headers };
  }
}

/** What kubectl shows beside the answer. */
function warningsFor(api: ApiRequest, approvedBy: string | undefined): readonly string[] {
  const words: string[] = [];
  if (approvedBy !== undefined) words.push(`approved by ${approvedBy}`);
  if (api.impersonates !== undefined) {
    words.push("impersonation headers were removed; the request ran as the connection's own account");
  }
  return words;
}

const MARK = Buffer.from(REDACTED);
/** The same as a Secret's data has it. */
const ENCODED_MARK = Buffer.from(MARK.toString('base64'));

/** What was masked on its way out would overwrite the real values when it came back. */
function requireNoMarks({ body }: ApiRequest): void {
  if (body === undefined || !(body.bytes.includes(MARK) || body.bytes.includes(ENCODED_MARK))) return;
  throw new ProtocolViolation(
    'masked_body',
    `the body holds ${REDACTED} in the place of values that were masked; writing it would overwrite them`,
  );
}

/** What is to be told of a failure: no host, no path of this machine, no secret. */
export function statusOf(error: unknown): Status {
  if (!(error instanceof HoopError)) return internalError('internal error');
  const words = error.next === undefined ? error.message : `${error.message}; ${error.next}`;
  switch (error.kind) {
    case 'protocol-violation':
    case 'usage':
      return error.code === 'too_large' ? TOO_LARGE : BAD_REQUEST(error.message);
    case 'not-reachable':
      return unavailable(error.message);
    case 'internal':
      return internalError(error.message);
    default:
      return forbidden(words);
  }
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const late = setTimeout(() => request.destroy(), BODY_MS);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > LONGEST_BODY) throw tooLarge();
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(late);
  }
  return Buffer.concat(chunks);
}

function tooLarge(): HoopError {
  return new ProtocolViolation('too_large', 'the request is too long');
}

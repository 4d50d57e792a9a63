import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Conflict, HoopError, ProtocolViolation } from '../../base/errors.ts';
import type { Decision } from '../../policy/decision.ts';
import type { Judged, StatementToRecord } from '../../session/desk.ts';
import { sendStatus } from './client-side.ts';
import { PART, recordJson, recordPart } from './frames.ts';
import { type Held, holdRequest } from './holding.ts';
import { LONGEST_BODY } from './request-body.ts';
import {
  type ApiRequest,
  effectWords,
  type RequestFacts,
  requestFacts,
  statementText,
} from './request-facts.ts';
import { outgoingHeaders, type RequestHead } from './request-headers.ts';
import { readTarget } from './request-target.ts';
import { passResponse } from './response.ts';
import { acceptFor, type ResponseMasks, responseMasks } from './results/response-masks.ts';
import type { KubernetesSession } from './session.ts';
import {
  BAD_REQUEST,
  blockedStatus,
  forbidden,
  internalError,
  type Status,
  TOO_LARGE,
  unavailable,
} from './status.ts';
import type { Surroundings } from './surroundings.ts';

/** A body that was announced must be there in this time. */
const BODY_MS = 60_000;
/** A decision of a policy that was just replaced is made again this often. */
const MOST_ATTEMPTS = 3;

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
  #approvedBy: string | undefined;

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
    await this.#around.groups.refresh();
    if (this.#signal.aborted) return;
    const judged = await this.#judge(api);
    if (judged === undefined) return;
    await this.#forward(number, api, judged.facts, judged.key);
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

  /** The key for a request that may go on, once it may; undefined when it was answered. */
  async #judge(api: ApiRequest): Promise<{ readonly facts: RequestFacts; readonly key: Judged } | undefined> {
    const { desk } = this.#session;
    for (let attempt = 1; ; attempt++) {
      const facts = requestFacts(api, this.#around.groups.servedLocally);
      const decision = desk.decide(facts.facts);
      const statement = statementOf(api, facts, decision);
      try {
        switch (decision.outcome) {
          case 'allow':
            return { facts, key: desk.pass(statement) };
          case 'block':
            desk.refuse(statement);
            sendStatus(
              this.#response,
              blockedStatus(decision, desk.target.connection, `${api.method} ${api.target.raw}`),
            );
            return undefined;
          case 'approve': {
            const key = await this.#hold({ api, facts, statement });
            return key === undefined ? undefined : { facts, key };
          }
          default:
            return decision satisfies never;
        }
      } catch (error) {
        const again = error instanceof Conflict && error.code === 'policy_changed' && attempt < MOST_ATTEMPTS;
        if (!again) throw error;
      }
    }
  }

  async #hold(held: Held): Promise<Judged | undefined> {
    const answer = await holdRequest(held, this.#session, this.#around, this.#signal);
    if (answer.outcome === 'approved') {
      this.#approvedBy = answer.by;
      return answer.judged;
    }
    sendStatus(this.#response, answer.status);
    return undefined;
  }

  async #forward(number: number, api: ApiRequest, facts: RequestFacts, key: Judged): Promise<void> {
    const { around, masks, headers } = this.#outgoing(api, facts);
    const { method, target } = api;
    const door = around.doorOf(this.#session);
    const outgoing = await door.send(key, { method, target: target.raw, headers }, api.body?.bytes);
    const abort = () => outgoing.destroy();
    this.#signal.addEventListener('abort', abort);
    if (this.#signal.aborted) abort();
    try {
      const answer = await answerOf(outgoing).catch((error: unknown) => {
        throw around.cluster.unreachable(error);
      });
      if (answer.statusCode === 401) around.cluster.refused();
      await passResponse(answer, this.#response, {
        session: this.#session,
        number,
        masks,
        recordBytes: around.recordBytes,
        warnings: this.#warnings(api),
        headOnly: method === 'HEAD',
      });
    } finally {
      this.#signal.removeEventListener('abort', abort);
      outgoing.destroy();
    }
  }

  #outgoing(
    api: ApiRequest,
    facts: RequestFacts,
  ): { around: Surroundings; masks: ResponseMasks; headers: OutgoingHttpHeaders } {
    const { desk } = this.#session;
    const covered = (field: string) => desk.policy().hasMaskOver(field);
    const masks = responseMasks(desk.masks(), facts.info, this.#around.maskKey, covered);
    const accept = acceptFor(this.#request.headers.accept, facts.info, masks);
    const as = this.#around.impersonate ? desk.requester : undefined;
    const headers = outgoingHeaders(this.#request.headers, api.body, accept, as);
    return { around: this.#around, masks, headers };
  }

  /** What kubectl shows beside the answer. */
  #warnings(api: ApiRequest): readonly string[] {
    const words: string[] = [];
    if (this.#approvedBy !== undefined) words.push(`approved by ${this.#approvedBy}`);
    if (api.impersonates !== undefined) {
      words.push("impersonation headers were removed; the request ran as the connection's own account");
    }
    return words;
  }
}

export function statementOf(api: ApiRequest, facts: RequestFacts, decision: Decision): StatementToRecord {
  return { text: statementText(api), decision, effects: effectWords(facts.facts) };
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

function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    outgoing.once('close', () => reject(new Error('the cluster closed the connection')));
  });
}

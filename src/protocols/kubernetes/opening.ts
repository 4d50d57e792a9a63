import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Cluster } from './cluster.ts';
import { PART, recordJson } from './frames.ts';
import type { Verdict } from './judging.ts';
import type { ApiRequest } from './request-facts.ts';
import type { KubernetesSession } from './session.ts';
import { type Status, unavailable } from './status.ts';
import type { Surroundings } from './surroundings.ts';

/** A judged upgrade that is to be opened at the cluster and then answered as the cluster did. */
export interface Opening {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly session: KubernetesSession;
  readonly around: Surroundings;
  readonly api: ApiRequest;
  /** What to offer to the cluster. */
  readonly protocols: readonly string[];
  readonly verdict: Extract<Verdict, { outcome: 'allowed' }>;
  /** Fires when the client goes away or the session is cut. */
  readonly signal: AbortSignal;
}

/** Begins the record of an upgrade; its number. */
export function recordOpening({ api, request, session }: Opening): number {
  const number = session.nextRequest();
  const { 'user-agent': client = '' } = request.headers;
  recordJson(session.desk, number, PART.request, { method: api.method, target: api.target.raw, client });
  return number;
}

const LONGEST_STATUS = 64 * 1024;

/** The cluster's own words on why it does not upgrade. */
export async function refusalOf(response: IncomingMessage, cluster: Cluster): Promise<Status> {
  if (response.statusCode === 401) {
    response.resume();
    await cluster.refused();
    return unavailable(cluster.notTaken().message);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  const code = response.statusCode ?? 502;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > LONGEST_STATUS) break;
      chunks.push(chunk);
    }
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof body === 'object' && body !== null && 'message' in body && 'reason' in body) {
      return { code, reason: String(body.reason), message: String(body.message) };
    }
  } catch {
    // Not a Status.
  }
  return { code, reason: 'BadRequest', message: `the cluster did not take the upgrade (HTTP ${code})` };
}

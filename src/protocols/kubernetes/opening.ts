import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Cluster } from './cluster.ts';
import { codeOf, readStatus } from './cluster-status.ts';
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

/** The cluster's own words on why it does not upgrade. */
export async function refusalOf(response: IncomingMessage, cluster: Cluster): Promise<Status> {
  if (response.statusCode === 401) {
    response.resume();
    await cluster.refused();
    return unavailable(cluster.notTaken().message);
  }
  const code = codeOf(response);
  const message = `the cluster did not take the upgrade (HTTP ${code})`;
  return (await readStatus(response)) ?? { code, reason: 'BadRequest', message };
}

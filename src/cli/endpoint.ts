import type { AnswerOf, Client, InputOf } from '../api/client.ts';
import type { EndpointEvent } from '../api/endpoint-schemas.ts';
import { Internal, NotReachable } from '../base/errors.ts';
import { daemonGone } from './daemon-gone.ts';

export type ReadyEvent = Extract<EndpointEvent, { type: 'ready' }>;

/** A listener of the daemon that lives until `close`, or until `events` ends. */
export interface Endpoint {
  readonly ready: ReadyEvent;
  /** What happens after `ready`. Ends by `close`; throws NotReachable `daemon_gone` when the daemon goes. */
  readonly events: AsyncIterable<EndpointEvent>;
  close(): void;
}

/** Opens a listener for a connection and waits until it serves. */
export async function openEndpoint(client: Client, body: InputOf<'endpointOpen'>['body']): Promise<Endpoint> {
  const cut = new AbortController();
  const stream = client.stream('endpointOpen', { body, signal: cut.signal });
  const first = await stream.next();
  if (first.done) throw new NotReachable('daemon_gone', 'the daemon ended before the endpoint served');
  const ready = first.value;
  if (ready.type !== 'ready') {
    cut.abort();
    throw new Internal('endpoint_failed', `the endpoint began with "${ready.type}"`);
  }
  return { ready, events: untilClosed(stream, cut.signal), close: () => cut.abort() };
}

async function* untilClosed(
  stream: AsyncGenerator<AnswerOf<'endpointOpen'>, void, void>,
  closed: AbortSignal,
): AsyncGenerator<EndpointEvent> {
  try {
    yield* stream;
  } catch (error) {
    if (!closed.aborted) throw error;
  }
  if (!closed.aborted) throw daemonGone('the endpoint');
}

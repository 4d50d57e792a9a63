import type { Duplex } from 'node:stream';
import type { AnswerOf, Client, InputOf } from '../api/client.ts';
import type { EndpointEvent } from '../api/endpoint-schemas.ts';
import { HoopError, Internal, NotReachable } from '../base/errors.ts';
import { daemonGone } from './daemon-gone.ts';
import type { RelayListener } from './relay-listener.ts';

export type ReadyEvent = Extract<EndpointEvent, { type: 'ready' }>;
type Opening = InputOf<'endpointOpen'>['body'];

/** A listener that lives until `close`, or until `events` ends. */
export interface Endpoint {
  readonly ready: ReadyEvent;
  /** What happens after `ready`. Ends by `close`; throws NotReachable `daemon_gone` when the daemon goes. */
  readonly events: AsyncIterable<EndpointEvent>;
  /** Why the way to a gateway failed, when it did. */
  failure(): HoopError | undefined;
  close(): void;
}

/** Where the endpoint is to listen on this machine. */
export type EndpointOpening = Omit<Opening, 'listen'> & {
  readonly listen: { readonly kind: 'tcp'; readonly port: number } | { readonly kind: 'unix' };
};

/**
 * Opens a listener for a connection and waits until it serves: one of the local daemon, or one of our own whose
 * clients are relayed to a gateway. Everything is judged there.
 */
export async function openEndpoint(client: Client, opening: EndpointOpening): Promise<Endpoint> {
  const { relay } = client;
  if (relay === undefined) return open(client, opening, undefined);
  const { openRelayListener } = await import('./relay-listener.ts');
  const listener = await openRelayListener(opening.listen);
  try {
    const { host, port } = listener;
    const endpoint = await open(client, { ...opening, listen: { kind: 'relay', host, port } }, listener);
    const { endpoint: id, socketName } = endpoint.ready;
    await listener.serve((): Promise<Duplex> => relay(id), socketName);
    return endpoint;
  } catch (error) {
    listener.close();
    throw error;
  }
}

async function open(client: Client, body: Opening, listener: RelayListener | undefined): Promise<Endpoint> {
  const cut = new AbortController();
  const stream = client.stream('endpointOpen', { body, signal: cut.signal });
  const first = await stream.next();
  if (first.done) throw new NotReachable('daemon_gone', 'the daemon ended before the endpoint served');
  const ready = first.value;
  if (ready.type !== 'ready') {
    cut.abort();
    throw new Internal('endpoint_failed', `the endpoint began with "${ready.type}"`);
  }
  const close = () => {
    cut.abort();
    listener?.close();
  };
  const failure = () => (listener?.failure instanceof HoopError ? listener.failure : undefined);
  return { ready, events: untilClosed(stream, cut.signal), failure, close };
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
  // Last words to clients may still be on their way: the listener is its owner's to close.
  if (!closed.aborted) throw daemonGone('the endpoint');
}

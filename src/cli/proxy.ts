import type { Client } from '../api/client.ts';
import type { EndpointEvent } from '../api/endpoint-schemas.ts';
import { openEndpoint, type ReadyEvent } from './endpoint.ts';
import { exitCodeOfSignal } from './interrupted.ts';
import type { Io } from './io.ts';
import { sessionKubeconfig } from './kubeconfig-text.ts';
import { printLine, SCHEMA_VERSION, say, tell } from './output.ts';
import { type StatedOptions, statedOf } from './stated.ts';
import { visible } from './visible-text.ts';

export interface ProxyOptions extends StatedOptions {
  readonly json: boolean;
  readonly name: string;
  readonly port: number | undefined;
  readonly socket: boolean;
}

/** Serves until a signal comes (its exit code) or the daemon ends (NotReachable). */
export async function run(options: ProxyOptions, io: Io, client: Client): Promise<number> {
  let exitCode = 0;
  let stop = () => {
    exitCode ||= 130;
  };
  const release = io.onSignal((signal) => {
    exitCode = exitCodeOfSignal(signal);
    stop();
  });
  try {
    const endpoint = await openEndpoint(client, {
      connection: options.name,
      ...statedOf(options),
      listen: options.socket ? { kind: 'unix' } : { kind: 'tcp', port: options.port ?? 0 },
    });
    stop = () => endpoint.close();
    if (exitCode !== 0) stop();
    if (options.json) printLine(io, jsonOf(endpoint.ready));
    else announce(endpoint.ready, io);
    for await (const event of endpoint.events) {
      const words = options.json ? undefined : wordsOf(event);
      if (words !== undefined) tell(io, visible(words));
    }
    endpoint.close();
    return exitCode;
  } finally {
    release();
  }
}

function jsonOf(ready: ReadyEvent) {
  const { url, host, port, user, password, database, endpoint, target, serverVersion, policy } = ready;
  const certificate = ready.certificate === undefined ? {} : { certificate: ready.certificate };
  const address = { url, host, port, user, password, database };
  return {
    schemaVersion: SCHEMA_VERSION,
    ...address,
    ...certificate,
    endpoint,
    target,
    serverVersion,
    policy,
  };
}

function announce(ready: ReadyEvent, io: Io): void {
  say(io, ready.protocol === 'kubernetes' ? sessionKubeconfig(ready).trimEnd() : ready.url);
  tell(io, visible(`serving ${ready.target} (${ready.serverVersion}) · recorded · policy "${ready.policy}"`));
  tell(io, 'the password is good for this endpoint alone; Ctrl-C ends it');
}

function wordsOf(event: EndpointEvent): string | undefined {
  switch (event.type) {
    case 'session-opened':
      return `session ${event.session} opened from ${event.client}`;
    case 'session-closed':
      return `session ${event.session} closed: ${event.reason}`;
    case 'approval': {
      const by = event.by === null ? '' : ` by ${event.by}`;
      return `approval ${event.approval} ${event.status}${by} · rule "${event.rule}"`;
    }
    case 'draining':
      return `the gateway stops: no new sessions, open ones end at ${event.deadline}`;
    case 'closing':
      return `closing: ${event.reason}`;
    case 'ready':
      return undefined;
    default:
      return event satisfies never;
  }
}

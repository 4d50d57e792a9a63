import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Client, openClient } from '../../../src/api/client.ts';
import type { EndpointEvent } from '../../../src/api/endpoint-schemas.ts';
import type { DaemonOptions } from '../../../src/daemon/ground.ts';
import { type RunningDaemon, runDaemon } from '../../../src/daemon/main.ts';
import type { Role } from '../../../src/identity/roles.ts';
import { LineProtocol } from './line-protocol.ts';

export const PASSPHRASE = 'correct horse battery';

export const POLICY = `version: 1
groups:
  agents: [devin]
  dba: [ana]
rules:
  - name: reads
    who: [group:agents]
    connections: ["prod-*"]
    effects: [read]
    decision: allow
  - name: writes
    who: [group:agents]
    connections: ["prod-*"]
    effects: [write]
    decision: approve
    approvers: [group:dba]
`;

/** A daemon in this process over a state directory of its own, with the line protocol. */
export interface Running {
  readonly home: string;
  readonly protocol: LineProtocol;
  readonly daemon: RunningDaemon;
  client(token: string): Client;
  /** Makes the owner; answers its token. */
  init(): Promise<string>;
  end(): Promise<void>;
}

const noKeychain = () => Promise.reject(new Error('no keychain in tests'));

export async function startDaemon(given: Partial<DaemonOptions> = {}): Promise<Running> {
  const home = given.home ?? join(mkdtempSync(join(tmpdir(), 'hoop-daemon-')), 'state');
  const protocol = new LineProtocol();
  const daemon = await runDaemon({
    home,
    environment: {},
    protocols: [protocol],
    keychain: noKeychain,
    ...given,
  });
  const client = (token: string) => openClient({ socket: daemon.socket, token });
  return {
    home,
    protocol,
    daemon,
    client,
    async init() {
      const bootstrap = readFileSync(join(home, 'bootstrap.token'), 'utf8').trim();
      const { token } = await client(bootstrap).call('init', { body: { approverPassphrase: PASSPHRASE } });
      return token;
    },
    async end() {
      await daemon.stop('the test ended');
      rmSync(join(home, '..'), { recursive: true, force: true });
    },
  };
}

/** The usual cast: owner, devin the agent, ana who approves, otto who audits; a connection and a policy. */
export interface Cast {
  readonly owner: Client;
  readonly ownerToken: string;
  readonly devin: Client;
  readonly ana: Client;
  readonly otto: Client;
}

export async function castOf(running: Running): Promise<Cast> {
  const ownerToken = await running.init();
  const owner = running.client(ownerToken);
  const made = async (name: string, role: Role) => {
    const { token } = await owner.call('identityCreate', { body: { name, roles: [role] } });
    return running.client(token);
  };
  const devin = await made('devin', 'requester');
  const ana = await made('ana', 'approver');
  const otto = await made('otto', 'auditor');
  await owner.call('connectionAdd', {
    body: { name: 'prod-db', url: 'line://app@host/shop', secret: 'right' },
  });
  await owner.call('policyApply', { body: { text: POLICY, source: 'policy.yaml' } });
  return { owner, ownerToken, devin, ana, otto };
}

/** An endpoint that is open until `close`; its events are collected. */
export async function openEndpoint(client: Client, body: { connection: string } & Record<string, unknown>) {
  const gone = new AbortController();
  const stream = client.stream('endpointOpen', {
    body: { listen: { kind: 'tcp' }, ...body } as never,
    signal: gone.signal,
  });
  const first = await stream.next();
  if (first.done || first.value.type !== 'ready') throw new Error('not ready');
  const events: EndpointEvent[] = [];
  const waiting: (() => void)[] = [];
  const ended = (async () => {
    try {
      for await (const event of stream) {
        events.push(event);
        for (const wake of waiting.splice(0)) wake();
      }
    } catch (error) {
      if (!gone.signal.aborted) throw error;
    }
  })();
  return {
    ready: first.value,
    events,
    ended,
    async event(type: EndpointEvent['type']): Promise<EndpointEvent> {
      for (;;) {
        const found = events.find((event) => event.type === type);
        if (found) return found;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    close: () => gone.abort(),
  };
}

/** A native client of the line protocol. */
export interface LineClient {
  readonly socket: Socket;
  say(line: string): void;
  /** The next line; undefined when the server has closed. */
  hear(): Promise<string | undefined>;
}

export function dial(ready: { host: string; port: number }): LineClient {
  const socket = ready.host.startsWith('/')
    ? connect(join(ready.host, '.s.LINE'))
    : connect(ready.port, ready.host);
  socket.on('error', () => {});
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return {
    socket,
    say: (line) => void socket.write(`${line}\n`),
    hear: async () => {
      const { value, done } = await lines.next();
      return done ? undefined : value;
    },
  };
}

/** A session over `prod-db` in which a person or an agent is already let in. */
export async function openSession(client: Client) {
  const endpoint = await openEndpoint(client, { connection: 'prod-db' });
  endpoint.ended.catch(() => {});
  const line = dial(endpoint.ready);
  line.say(endpoint.ready.password);
  const greeting = await line.hear();
  if (!greeting?.startsWith('hello')) throw new Error(`not let in: ${greeting}`);
  return {
    hear: () => line.hear(),
    async run(text: string) {
      line.say(text);
      return line.hear();
    },
  };
}

/** What a call came to, in the words of its error: kind and code. */
export const refusal = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'done',
    (error: { code: string; kind: string }) => `${error.kind} ${error.code}`,
  );

import { readFileSync, statSync } from 'node:fs';
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { HoopError, Internal, NotReachable, systemCode } from '../../base/errors.ts';
import type { KubernetesSettings } from './connection.ts';
import { readCredential } from './credential.ts';
import { type PluginCredential, runExecPlugin } from './exec-plugin.ts';

/** How long connecting, or the first byte of an answer to a question of our own, may take. */
const CONNECT_MS = 10_000;
const ANSWER_LIMIT = 16 * 1024 * 1024;
/** A plugin's credential is renewed this long before it ends. */
const EARLY_MS = 60_000;

/** What a request of the gateway to the cluster is made with; no credential of any requester. */
export interface Outgoing {
  readonly method: string;
  /** The request target as it was judged. */
  readonly target: string;
  readonly headers: OutgoingHttpHeaders;
}

/** How the cluster is reached, for WebSockets too. */
export interface ClusterAccess {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: ConnectionOptions;
  readonly agent: Agent;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly socket: { readonly address: string; readonly tls: string };
}

interface Key {
  readonly token: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly until: number;
  readonly agent: Agent;
}

/** The cluster's API as the connection's credential reaches it. HTTP/1.1 over TLS, its certificate checked. */
export class Cluster {
  readonly #settings: KubernetesSettings;
  readonly #readSecret: () => Promise<string | undefined>;
  readonly #now: () => number;
  #key: Promise<Key> | undefined;
  #tokenFile: { readonly token: string; readonly modified: number } | undefined;

  constructor(
    settings: KubernetesSettings,
    readSecret: () => Promise<string | undefined>,
    now: () => number = Date.now,
  ) {
    this.#settings = settings;
    this.#readSecret = readSecret;
    this.#now = now;
  }

  /** Address, credential and TLS for one request. Throws NotReachable, Internal. */
  async access(): Promise<ClusterAccess> {
    const key = await this.#current();
    const token =
      this.#settings.tokenFile === undefined ? key.token : this.#tokenFromFile(this.#settings.tokenFile);
    return {
      url: this.#settings.server,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      tls: this.#tls(key),
      agent: key.agent,
    };
  }

  /** Begins a request. The caller writes the body and listens; nothing is sent before it does. */
  async begin({ headers, method, target }: Outgoing): Promise<ClientRequest> {
    const access = await this.access();
    return request(`${access.url}${target}`, {
      method,
      agent: access.agent,
      headers: { ...headers, ...access.headers },
      timeout: CONNECT_MS,
    });
  }

  /** Asks the cluster something for the gateway itself. Throws NotReachable. */
  async ask(target: string, body?: object, extra: Partial<Outgoing> = {}): Promise<Answer> {
    const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return this.askBytes(target, text, extra);
  }

  /** The same with a body as it is. A credential that is not taken any more is fetched anew once. */
  async askBytes(target: string, body: Buffer | undefined, extra: Partial<Outgoing> = {}): Promise<Answer> {
    const first = await this.#askOnce(target, body, extra);
    if (first.status !== 401) return first;
    await this.refused();
    return this.#askOnce(target, body, extra);
  }

  async #askOnce(target: string, body: Buffer | undefined, extra: Partial<Outgoing>): Promise<Answer> {
    const outgoing = await this.begin({
      method: body === undefined ? 'GET' : 'POST',
      target,
      ...extra,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
        ...extra.headers,
      },
    });
    return new Promise((resolve, reject) => {
      outgoing.setTimeout(CONNECT_MS, () => outgoing.destroy(new Error('it does not answer')));
      outgoing.once('error', (error) => reject(this.unreachable(error)));
      outgoing.once('response', (response) => readAnswer(response).then(resolve, reject));
      outgoing.end(body);
    });
  }

  /** The cluster did not take the credential: the next request looks for a new one. */
  async refused(): Promise<void> {
    this.#tokenFile = undefined;
    const known = this.#key;
    const key = await known?.catch(() => undefined);
    if (key === undefined || key.until === Infinity || this.#key !== known) return;
    this.#key = undefined;
    retire(key.agent);
  }

  /** The cluster takes no credential that there is. */
  notTaken(): HoopError {
    return new NotReachable(
      'credential_not_taken',
      "the cluster does not take the connection's own credential; an owner sees to it",
      { next: 'hoopctl connection test NAME' },
    );
  }

  close(): void {
    void this.#key?.then(({ agent }) => agent.destroy()).catch(() => {});
    this.#key = undefined;
  }

  /** What went wrong on the way, in words that hold no secret. */
  unreachable(error: unknown): HoopError {
    if (error instanceof HoopError) return error;
    const code = systemCode(error) ?? '';
    const why = error instanceof Error ? error.message : String(error);
    const certificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code);
    return new NotReachable(
      certificate ? 'certificate_not_trusted' : 'cluster_unreachable',
      'the cluster cannot be reached',
      {
        why,
        next: certificate
          ? "give the cluster's authority: certificate-authority-data, or ca-file"
          : 'hoopctl connection test NAME',
      },
    );
  }

  async #current(): Promise<Key> {
    const known = this.#key;
    if (known !== undefined) {
      const key = await known;
      if (key.until - EARLY_MS > this.#now()) return key;
      if (this.#key === known) {
        this.#key = undefined;
        retire(key.agent);
      }
    }
    this.#key ??= this.#makeKey();
    const fresh = this.#key;
    try {
      return await fresh;
    } catch (error) {
      if (this.#key === fresh) this.#key = undefined;
      throw error;
    }
  }

  async #makeKey(): Promise<Key> {
    const found = await this.#credential();
    const agent = new Agent({ keepAlive: true, maxFreeSockets: 32, ...this.#tls(found) });
    return { ...found, agent };
  }

  async #credential(): Promise<PluginCredential> {
    const secret = await this.#readSecret();
    const none = { token: undefined, cert: undefined, key: undefined, until: Infinity };
    if (secret === undefined) return none;
    const credential = readCredential(secret);
    switch (credential.kind) {
      case 'token':
        return { ...none, token: plainToken(credential.token) };
      case 'certificate':
        return { ...none, cert: credential.cert, key: credential.key };
      case 'exec': {
        const given = await runExecPlugin(credential.plugin, process.env);
        return { ...given, token: given.token === undefined ? undefined : plainToken(given.token) };
      }
      default:
        return credential satisfies never;
    }
  }

  #tls(key: Pick<Key, 'cert' | 'key'>): ConnectionOptions {
    const { ca, serverName } = this.#settings;
    return {
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca }),
      ...(serverName === undefined ? {} : { servername: serverName }),
      ...(key.cert === undefined || key.key === undefined ? {} : { cert: key.cert, key: key.key }),
    };
  }

  #tokenFromFile(path: string): string {
    try {
      const modified = statSync(path).mtimeMs;
      if (this.#tokenFile?.modified !== modified) {
        this.#tokenFile = { token: plainToken(readFileSync(path, 'utf8')), modified };
      }
      return this.#tokenFile.token;
    } catch (error) {
      if (error instanceof HoopError) throw error;
      throw new Internal('secret_unreadable', `the token file ${path} cannot be read`);
    }
  }
}

/** Streams that are under way go on; no request goes over its connections any more. */
function retire(agent: Agent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets))
    for (const socket of sockets ?? []) socket.destroy();
}

function plainToken(text: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]{1,65536}$/.test(token)) return token;
  throw new Internal('bad_credential', "the cluster's token is not one line of printable characters");
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  // The agent takes the socket back when the body has ended.
  const { remoteAddress = '', remotePort = '' } = response.socket;
  const tls = (response.socket as TLSSocket).getProtocol?.() ?? 'TLS';
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > ANSWER_LIMIT) {
      response.destroy();
      throw new NotReachable('cluster_unreachable', "the cluster's answer is too long");
    }
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    body: parsed(Buffer.concat(chunks).toString('utf8')),
    socket: { address: `${remoteAddress}:${remotePort}`, tls },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

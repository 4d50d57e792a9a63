import type { Socket } from 'node:net';
import { systemClock } from '../../base/clock.ts';
import { HoopError } from '../../base/errors.ts';
import { type HashKey, hashKey } from '../../masking/strategies.ts';
import type { Policy, PolicyTarget, Requester } from '../../policy/decision.ts';
import { explanationOf } from '../../policy/explain.ts';
import type { Explanation } from '../../policy/explanation.ts';
import type { SessionDesk } from '../../session/desk.ts';
import { type Catalog, type SessionState, withFunctionEffects } from '../../sql/catalog.ts';
import type { TextFacts } from '../../sql/facts.ts';
import type { Foreseen, ForesightOf } from '../foresight.ts';
import type { ClientEndpoint, Swept, Target } from '../protocol.ts';
import type { CatalogChanges } from './catalog-changes.ts';
import { type AcceptedClient, acceptClient, endpointLogin } from './client-side.ts';
import { guardOf } from './client-side-guard.ts';
import { ownSettings } from './client-side-parameters.ts';
import { backendKeyData, parameterStatus, readyForQuery } from './codec/backend-builders.ts';
import { describeConnection, type PostgresSettings } from './connection.ts';
import { type EphemeralRole, roleTag } from './ephemeral-role.ts';
import { estimateRows, planRows } from './estimate.ts';
import { foresee } from './foresight.ts';
import { heldLocks } from './held-locks.ts';
import { rehearseHeld } from './held-rehearsal.ts';
import { KeptCatalog } from './kept-catalog.ts';
import { rejection } from './rejection.ts';
import { RememberedFacts } from './remembered-facts.ts';
import { PostgresSession } from './session.ts';
import { cutAtExpiry, guardParameters } from './session-guard.ts';
import { SessionRoles } from './session-roles.ts';
import { SideConnection } from './side-connection.ts';
import type { SessionAnalyst } from './state-probe.ts';
import { connectTarget, type TargetConnection } from './target-side.ts';
import { serverVersionText } from './words.ts';

/** Where a session gets its books and its cancel key. */
type SessionPlace = Pick<ClientEndpoint, 'openDesk' | 'cancelKeys'>;

const REHEARSING = new Map([['application_name', 'hoopctl rehearsal']]);
const NAMELESS = { prepared: () => undefined, cursor: () => undefined };

/**
 * One PostgreSQL connection while it is in use: the catalog and the analyses its sessions share, and a
 * connection of its own to load them by. Sessions never share a connection to the target.
 */
export class PostgresTarget implements Target, SessionAnalyst {
  readonly database: string;
  readonly #settings: PostgresSettings;
  readonly #readSecret: () => Promise<string | undefined>;
  readonly #key: HashKey;
  readonly #roles: SessionRoles;
  readonly #side: SideConnection;
  readonly #catalog: KeptCatalog;
  readonly #facts = new RememberedFacts();

  constructor(
    settings: PostgresSettings,
    readSecret: () => Promise<string | undefined>,
    maskKey: Uint8Array,
  ) {
    this.#settings = settings;
    this.#readSecret = readSecret;
    this.#key = hashKey(maskKey);
    this.#side = new SideConnection(() => this.#connect(new Map([['application_name', 'hoopctl']])));
    this.#catalog = new KeptCatalog(this.#side.ask);
    this.#roles = new SessionRoles(
      (run) => this.#side.run(run),
      () => this.catalog().serverVersion,
      roleTag(maskKey),
    );
    this.database = settings.database;
  }

  catalog(): Catalog {
    return this.#catalog.current;
  }

  analyze(text: string, state: SessionState, catalog: Catalog): TextFacts {
    return this.#facts.analyze(text, state, catalog, this.#catalog.version);
  }

  async serverVersion(): Promise<string> {
    await this.#catalog.ready();
    return serverVersionText(this.catalog().serverVersion);
  }

  async serve(socket: Socket, endpoint: ClientEndpoint): Promise<void> {
    const { credentials, tls, cancelKeys } = endpoint;
    const client = await acceptClient(socket, {
      logIn: endpointLogin(credentials),
      guard: guardOf(credentials),
      tls,
      clock: systemClock,
      cancel: (processId, secret) => cancelKeys.find(processId, secret)?.(),
      refused: (error) => {
        if (error.code === 'wrong_password') endpoint.loginFailed();
      },
    });
    if (client !== undefined) await this.serveClient(client, socket.remoteAddress ?? 'local', endpoint);
  }

  /** Serves a client that has proved who it is; never throws. */
  async serveClient(client: AcceptedClient, address: string, place: SessionPlace): Promise<void> {
    await this.#open(client, address, place).catch((error: unknown) => client.reject(rejection(error)));
  }

  async #open(client: AcceptedClient, address: string, endpoint: SessionPlace): Promise<void> {
    const { applicationName: application, stated } = client;
    const desk = await endpoint.openDesk({ address, application, stated });
    let reason = 'the session could not begin';
    try {
      await this.#catalog.ready();
      const guard = desk.guard();
      const settings = ownSettings(client.parameters, desk);
      const parameters = new Map([...settings, ...guardParameters(guard, settings)]);
      const role = guard?.role && (await this.#roles.make(guard.role));
      try {
        const upstream = await desk.connecting(() => this.#connect(parameters, client.signal, role));
        try {
          reason = await this.#runSession(client, address, endpoint, desk, upstream);
        } finally {
          upstream.socket.destroy();
        }
      } finally {
        if (role) await this.#roles.drop(role.name, (why) => desk.note(why));
      }
    } catch (error) {
      reason = error instanceof HoopError ? error.message : reason;
      desk.note(error instanceof HoopError && error.why ? `${error.message}: ${error.why}` : reason);
      throw error;
    } finally {
      await desk.close(reason);
    }
  }

  async #runSession(
    client: AcceptedClient,
    address: string,
    endpoint: SessionPlace,
    desk: SessionDesk,
    upstream: TargetConnection,
  ): Promise<string> {
    const session = new PostgresSession({
      client: client.socket,
      target: upstream.socket,
      desk,
      analyst: this,
      maskKey: this.#key,
      terms: {
        clientAddress: address,
        target: describeConnection(this.#settings),
        estimate: (held, searchPath) =>
          this.#estimate(held.text, held.judgement.facts, searchPath, (held.bind?.parameterCount ?? 0) > 0),
        locks: (processId) => this.#side.run((ask) => heldLocks(ask, processId)),
        rehearse: (held, exchange) => rehearseHeld(held, exchange, () => this.#connect(REHEARSING)),
      },
      planRows: (text, facts, searchPath) => this.#planRows(text, facts, searchPath),
      cancelOnTarget: () => upstream.cancel().catch(() => {}),
    });
    const key = endpoint.cancelKeys.register(() => session.cancel(), client.protocolMinor === 2 ? 32 : 4);
    const leave = this.#catalog.enter();
    const stopExpiry = cutAtExpiry(desk.guard(), session);
    try {
      await session.begin();
      client.welcome();
      const greeting = [...upstream.serverParameters].map(([name, value]) => parameterStatus(name, value));
      greeting.push(backendKeyData(key.processId, key.secret), readyForQuery('idle'));
      client.socket.write(Buffer.concat(greeting));
      session.serve();
      return await session.done;
    } finally {
      stopExpiry();
      leave();
      key.release();
    }
  }

  async explain(
    policy: Policy,
    requester: Requester,
    target: PolicyTarget,
    statement: string,
  ): Promise<Explanation> {
    await this.#catalog.ready();
    const catalog = this.catalog();
    const state = { searchPath: this.#catalog.beginning?.searchPath, ...NAMELESS };
    const said = policy.functionsFor(target);
    const facts = this.analyze(statement, state, withFunctionEffects(catalog, said));
    return explanationOf(facts, policy.decide(requester, target, facts), policy.masksFor(requester, target));
  }

  async foresee(of: ForesightOf): Promise<Foreseen> {
    await this.#catalog.ready();
    // What an approver is to see must not be some seconds old.
    await this.refreshIfChanged();
    const { lockTimeout, searchPath, user = '' } = this.#catalog.beginning ?? {};
    return foresee(of, {
      analyst: this,
      state: { searchPath, user, ...(lockTimeout ? { lockTimeout } : {}), ...NAMELESS },
      maskKey: this.#key,
      planRows: (text, facts) => this.#planRows(text, facts, searchPath),
      estimate: (text, facts) => this.#estimate(text, facts, searchPath, false),
      dial: () => this.#connect(REHEARSING),
    });
  }

  readonly sweep = (): Promise<Swept> => this.#catalog.ready().then(() => this.#roles.sweep());

  async close(): Promise<void> {
    this.#catalog.close();
    await this.#side.close();
  }

  get changes(): CatalogChanges {
    return this.#catalog.changes;
  }

  get outdated(): boolean {
    return this.changes.outdated;
  }

  readonly catalogChanged = (): void => this.changes.commit();

  refresh(): Promise<void> {
    return this.#catalog.refresh();
  }

  refreshIfChanged(): Promise<void> {
    return this.#catalog.refreshIfChanged();
  }

  #planRows(
    text: string,
    facts: TextFacts,
    searchPath: readonly string[] | undefined,
  ): Promise<readonly number[]> {
    return this.#side.run((ask) => planRows(ask, text, facts, this.catalog(), searchPath)).catch(() => []);
  }

  #estimate(
    text: string,
    facts: TextFacts,
    searchPath: readonly string[] | undefined,
    hasParameters: boolean,
  ): Promise<string> {
    return this.#side.run((ask) => estimateRows(ask, text, facts, this.catalog(), searchPath, hasParameters));
  }

  async #connect(
    parameters: ReadonlyMap<string, string>,
    signal?: AbortSignal,
    role?: EphemeralRole,
  ): Promise<TargetConnection> {
    const settings = role === undefined ? this.#settings : { ...this.#settings, user: role.name };
    return await connectTarget(settings, role?.password ?? (await this.#readSecret()), {
      parameters,
      clock: systemClock,
      ...(signal ? { signal } : {}),
    });
  }
}

import type { Server } from 'node:https';
import type { Server as NetServer } from 'node:net';
import { join } from 'node:path';
import type { GatewayConfig, ListenAddress } from '../../api/gateway-config.ts';
import { openApiText } from '../../api/openapi.ts';
import { type RouteName, routes } from '../../api/routes.ts';
import { Internal, LoginNeeded } from '../../base/errors.ts';
import { type Api, type ApiServerDeps, type CallPeer, createApi } from '../api-server.ts';
import type { TokenHolder } from '../authorize.ts';
import type { Parts } from '../parts.ts';
import type { Handlers } from '../routes/handler.ts';
import { certificateFor, type GatewayCertificate } from './certificate.ts';
import { DoorKeeper } from './door-keeper.ts';
import { type GatewayMetrics, gatewayMetrics } from './gateway-metrics.ts';
import { LoginThrottle } from './login-throttle.ts';
import { createNativeServer } from './native-listener.ts';
import { createRelay, type Relay } from './relay.ts';
import { createGatewayServer, createMetricsServer, listenAt } from './server.ts';

export interface GatewaySettings {
  readonly config: GatewayConfig;
  /** The directory that the configuration's paths are taken from. */
  readonly base: string;
}

export interface GatewayDeps {
  readonly parts: Parts;
  readonly handlers: Handlers;
  readonly authenticate: ApiServerDeps['authenticate'];
  readonly traces?: ApiServerDeps['traces'];
}

/** The listeners of a gateway, open. */
export interface Gateway {
  readonly url: string;
  /** SHA-256 of the certificate, 64 hexadecimal digits. */
  readonly fingerprint: string;
  /** The ports that were bound. */
  readonly ports: {
    readonly api: number;
    readonly postgres?: number;
    readonly ssh?: number;
    readonly metrics?: number;
  };
  /** Takes no new sessions, tells those that are open, and waits until they have ended or the time is up. */
  drain(): Promise<void>;
  /** Ends what comes over the network. */
  close(): Promise<void>;
  /** Reads the certificate's files again. Throws UsageError `bad_certificate`; the old one is kept then. */
  renewCertificate(): Promise<void>;
}

/** How often a draining gateway looks whether its sessions have ended, in milliseconds. */
const DRAIN_LOOK = 200;

/** Opens a gateway's listeners over the parts of a daemon. Throws what certificate and listening throw. */
export async function openGateway(settings: GatewaySettings, deps: GatewayDeps): Promise<Gateway> {
  const gateway = new OpenGateway(settings, deps, await loadCertificate(settings, deps.parts));
  try {
    await gateway.listen();
    return gateway;
  } catch (error) {
    await gateway.close();
    throw error;
  }
}

async function loadCertificate({ base, config }: GatewaySettings, parts: Parts): Promise<GatewayCertificate> {
  const file = join(parts.directory.tls, 'gateway.pem');
  const made = await certificateFor(config.tls, config.url, base, file);
  if (made.warning !== undefined) parts.log.warn('gateway.certificate', { warning: made.warning });
  return made;
}

class OpenGateway implements Gateway {
  readonly url: string;
  readonly fingerprint: string;
  ports: Gateway['ports'] = { api: 0 };
  readonly #settings: GatewaySettings;
  readonly #deps: GatewayDeps;
  readonly #throttle: LoginThrottle;
  readonly #keepers: DoorKeeper[] = [];
  readonly #metrics: GatewayMetrics;
  readonly #api: Api;
  readonly #relay: Relay;
  readonly #server: Server;
  /** All that listen, the API first. */
  readonly #servers: NetServer[];
  #certificate: GatewayCertificate;

  constructor(settings: GatewaySettings, deps: GatewayDeps, certificate: GatewayCertificate) {
    const { config } = settings;
    const { parts } = deps;
    this.url = config.url;
    this.fingerprint = certificate.sha256;
    this.#settings = settings;
    this.#deps = deps;
    this.#certificate = certificate;
    this.#throttle = new LoginThrottle(parts.clock, config.limits.failed_logins);
    const keeper = this.#newKeeper();
    this.#metrics = gatewayMetrics(
      parts,
      () => this.#keepers.reduce((sum, { open }) => sum + open, 0),
      () => parts.admission.draining,
    );
    this.#api = this.#createApi(keeper);
    this.#relay = createRelay({
      holderOf: (request) => this.#api.holderOf(request),
      endpoints: parts.endpoints,
      failed: (error) => parts.log.error('gateway.relay_failed', { error }),
    });
    const openApi = openApiText(parts.version);
    this.#server = createGatewayServer({
      certificate,
      api: this.#api,
      relay: this.#relay,
      keeper,
      throttle: this.#throttle,
      notReady: this.#notReady,
      metrics: () => this.#metrics.text(),
      openApi: () => openApi,
      turnedAway: () => this.#metrics.turnedAway('api'),
    });
    this.#servers = [this.#server];
  }

  #newKeeper(): DoorKeeper {
    const { connections, unauthenticated } = this.#settings.config.limits;
    const keeper = new DoorKeeper(this.#deps.parts.clock, connections, unauthenticated);
    this.#keepers.push(keeper);
    return keeper;
  }

  #createApi(keeper: DoorKeeper): Api {
    const { handlers, parts, traces } = this.#deps;
    const loginFailed = () => this.#metrics.loginFailed('api');
    return createApi({
      handlers,
      authenticate: remoteAuthenticator(this.#deps, this.#throttle, keeper, loginFailed),
      log: parts.log,
      origin: 'network',
      traces,
      streams: parts.streams,
      answered: (route, status, from) => {
        this.#metrics.answered(route, status);
        if (route !== undefined && isGuess(route, status)) this.#throttle.failed(from.remoteAddress ?? '');
      },
    });
  }

  readonly #notReady = (): string | undefined => {
    const { admission, auditDamage } = this.#deps.parts;
    if (admission.draining) return 'draining';
    return auditDamage === undefined ? undefined : 'the audit log is damaged';
  };

  /** Throws what listening throws; what listens already is closed by `close`. */
  async listen(): Promise<void> {
    const { listen, metrics, postgres, ssh } = this.#settings.config;
    this.ports = {
      api: await listenAt(this.#server, listen),
      ...(postgres === undefined ? {} : { postgres: await this.#listenFor('postgres', postgres) }),
      ...(ssh === undefined ? {} : { ssh: await this.#listenFor('ssh', ssh) }),
      ...(metrics === undefined ? {} : { metrics: await this.#listenForMetrics(metrics.listen) }),
    };
    const { fingerprint, ports, url } = this;
    this.#deps.parts.log.info('gateway.started', { url, ...ports, fingerprint });
  }

  /** Clients of one protocol without hoopctl. */
  async #listenFor(
    name: string,
    place: { readonly listen: ListenAddress; readonly port?: number | undefined },
  ): Promise<number> {
    const { authenticate, parts } = this.#deps;
    const protocol = parts.protocols.find((one) => one.name === name);
    if (protocol?.native === undefined) throw new Internal('no_native_access', `${name} serves no listener`);
    const native = createNativeServer({
      parts,
      protocol,
      authenticate,
      certificate: () => this.#certificate,
      keeper: this.#newKeeper(),
      throttle: this.#throttle,
      loginFailed: ({ user, address }) => {
        this.#metrics.loginFailed('native');
        parts.loginFailures.add({ code: 'wrong_password', native: protocol.name, user, address });
      },
      turnedAway: () => this.#metrics.turnedAway('native'),
      failed: (error) => parts.log.error('gateway.native_failed', { error }),
    });
    this.#servers.push(native);
    const port = await listenAt(native, place.listen);
    const host = new URL(this.url).hostname.replace(/^\[|\]$/g, '');
    parts.native.set(protocol.name, { host, port: place.port ?? port });
    return port;
  }

  async #listenForMetrics(address: ListenAddress): Promise<number> {
    const local = createMetricsServer({ metrics: () => this.#metrics.text(), notReady: this.#notReady });
    this.#servers.push(local);
    return listenAt(local, address);
  }

  async drain(): Promise<void> {
    const { admission, clock, endpoints, live, log } = this.#deps.parts;
    if (admission.draining) return;
    const lasts = this.#settings.config.drain;
    const deadline = new Date(clock.now() + lasts).toISOString();
    log.info('gateway.draining', { deadline, sessions: live.size });
    admission.drain();
    endpoints.drain(deadline);
    // Approvers still get through to decide what waits; what is native can only be a new session.
    for (const one of this.#servers) if (one !== this.#server && one.listening) one.close();
    const until = clock.monotonic() + lasts;
    while (live.size > 0 && clock.monotonic() < until) {
      await new Promise<void>((resolve) => clock.after(DRAIN_LOOK, resolve));
    }
  }

  async close(): Promise<void> {
    const closed = this.#servers.filter(({ listening }) => listening).map(endOf);
    await this.#api.close();
    this.#relay.close();
    for (const one of this.#keepers) one.closeAll();
    this.#server.closeAllConnections();
    await Promise.all(closed);
  }

  async renewCertificate(): Promise<void> {
    const { parts } = this.#deps;
    this.#certificate = await loadCertificate(this.#settings, parts);
    const { cert, key, sha256: fingerprint, validTo } = this.#certificate;
    this.#server.setSecureContext({ key, cert, minVersion: 'TLSv1.2' });
    parts.log.info('gateway.certificate_renewed', { fingerprint, validTo });
  }
}

/** A call without a token that came to nothing: strangers guess with those. A terminal that waits does not. */
function isGuess(route: RouteName, status: number): boolean {
  return routes[route].allow === 'public' && status >= 400 && status < 500 && status !== 409;
}

function endOf(server: NetServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** As on the machine itself, but the one-time token of a new state directory stays there, and failures count. */
function remoteAuthenticator(
  deps: GatewayDeps,
  throttle: LoginThrottle,
  keeper: DoorKeeper,
  failed: () => void,
): (token: string, from: CallPeer) => Promise<TokenHolder> {
  return async (token, from) => {
    try {
      if (deps.parts.bootstrap.matches(token)) {
        throw new LoginNeeded('token_wrong', 'this token works on the machine of the gateway alone');
      }
      const holder = await deps.authenticate(token, from);
      keeper.known(from);
      return holder;
    } catch (error) {
      if (error instanceof LoginNeeded) {
        failed();
        throttle.failed(from.remoteAddress ?? '');
      }
      throw error;
    }
  };
}

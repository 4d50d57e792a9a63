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
import { createRelay } from './relay.ts';
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
  const { base, config } = settings;
  const { parts } = deps;
  const { clock, log } = parts;
  const file = join(parts.directory.tls, 'gateway.pem');
  let certificate = await loaded();
  const throttle = new LoginThrottle(clock, config.limits.failed_logins);
  const keepers: DoorKeeper[] = [];
  const keeper = () => {
    const made = new DoorKeeper(clock, config.limits.connections, config.limits.unauthenticated);
    keepers.push(made);
    return made;
  };
  const apiKeeper = keeper();
  const metrics: GatewayMetrics = gatewayMetrics(
    parts,
    () => keepers.reduce((sum, { open }) => sum + open, 0),
    () => parts.admission.draining,
  );
  const authenticate = remoteAuthenticator(deps, throttle, apiKeeper, () => metrics.loginFailed('api'));
  const api: Api = createApi({
    handlers: deps.handlers,
    authenticate,
    log,
    origin: 'network',
    traces: deps.traces,
    streams: parts.streams,
    answered(route, status, from) {
      metrics.answered(route, status);
      if (route !== undefined && isGuess(route, status)) throttle.failed(from.remoteAddress ?? '');
    },
  });
  const relay = createRelay({
    holderOf: (request) => api.holderOf(request),
    endpoints: parts.endpoints,
    failed: (error) => log.error('gateway.relay_failed', { error }),
  });
  const notReady = () => {
    if (parts.admission.draining) return 'draining';
    return parts.auditDamage === undefined ? undefined : 'the audit log is damaged';
  };
  const openApi = openApiText(parts.version);
  const server = createGatewayServer({
    certificate,
    api,
    relay,
    keeper: apiKeeper,
    throttle,
    notReady,
    metrics: () => metrics.text(),
    openApi: () => openApi,
    turnedAway: () => metrics.turnedAway('api'),
  });
  const servers: NetServer[] = [server];
  try {
    const ports = {
      api: await listenAt(server, config.listen),
      ...(await openNative()),
      ...(await openMetrics()),
    };
    log.info('gateway.started', { url: config.url, ...ports, fingerprint: certificate.sha256 });
    return { url: config.url, fingerprint: certificate.sha256, ports, drain, close, renewCertificate };
  } catch (error) {
    await close();
    throw error;
  }

  async function loaded(): Promise<GatewayCertificate> {
    const made = await certificateFor(config.tls, config.url, base, file);
    if (made.warning !== undefined) log.warn('gateway.certificate', { warning: made.warning });
    return made;
  }

  /** Clients without hoopctl, of each protocol that the configuration gives a place. */
  async function openNative(): Promise<{ postgres?: number; ssh?: number }> {
    const { postgres, ssh } = config;
    return {
      ...(postgres === undefined ? {} : { postgres: await listenFor('postgres', postgres) }),
      ...(ssh === undefined ? {} : { ssh: await listenFor('ssh', ssh) }),
    };
  }

  async function listenFor(
    name: string,
    place: { readonly listen: ListenAddress; readonly port?: number | undefined },
  ): Promise<number> {
    const protocol = parts.protocols.find((one) => one.name === name);
    if (protocol?.native === undefined) throw new Internal('no_native_access', `${name} serves no listener`);
    const native = createNativeServer({
      parts,
      protocol,
      authenticate: deps.authenticate,
      certificate: () => certificate,
      keeper: keeper(),
      throttle,
      loginFailed({ user, address }) {
        metrics.loginFailed('native');
        parts.loginFailures.add({ code: 'wrong_password', native: protocol.name, user, address });
      },
      turnedAway: () => metrics.turnedAway('native'),
      failed: (error) => log.error('gateway.native_failed', { error }),
    });
    servers.push(native);
    const port = await listenAt(native, place.listen);
    parts.native.set(protocol.name, {
      host: new URL(config.url).hostname.replace(/^\[|\]$/g, ''),
      port: place.port ?? port,
    });
    return port;
  }

  async function openMetrics(): Promise<{ metrics?: number }> {
    if (config.metrics === undefined) return {};
    const local = createMetricsServer({ metrics: () => metrics.text(), notReady });
    servers.push(local);
    return { metrics: await listenAt(local, config.metrics.listen) };
  }

  async function drain(): Promise<void> {
    if (parts.admission.draining) return;
    const deadline = new Date(clock.now() + config.drain).toISOString();
    log.info('gateway.draining', { deadline, sessions: parts.live.size });
    parts.admission.drain();
    parts.endpoints.drain(deadline);
    // Approvers still get through to decide what waits; what is native can only be a new session.
    for (const one of servers) if (one !== server && one.listening) one.close();
    const until = clock.monotonic() + config.drain;
    while (parts.live.size > 0 && clock.monotonic() < until) {
      await new Promise<void>((resolve) => clock.after(DRAIN_LOOK, resolve));
    }
  }

  async function close(): Promise<void> {
    const closed = servers.filter(({ listening }) => listening).map(endOf);
    await api.close();
    relay.close();
    for (const one of keepers) one.closeAll();
    (server as Server).closeAllConnections();
    await Promise.all(closed);
  }

  async function renewCertificate(): Promise<void> {
    certificate = await loaded();
    server.setSecureContext({ key: certificate.key, cert: certificate.cert, minVersion: 'TLSv1.2' });
    log.info('gateway.certificate_renewed', {
      fingerprint: certificate.sha256,
      validTo: certificate.validTo,
    });
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

import type { GatewayConfig } from '../../api/gateway-config.ts';
import type { Clock } from '../../base/clock.ts';
import { httpCalls } from '../../network/http-call.ts';
import type { Span } from '../../session/trace.ts';
import type { DaemonLog } from '../daemon-log.ts';
import { TraceExporter } from './exporter.ts';
import { traceSettings } from './settings.ts';
import { readTraceparent, Tracer } from './tracer.ts';

/** Traces for an OpenTelemetry receiver. */
export interface Traces {
  /** A call of the API; `traceparent` is what its caller said. */
  call(route: string, method: string, traceparent: string | undefined): Span | undefined;
  /** A session, as a part of the call that led to it where there was one. */
  session(
    facts: { readonly connection: string; readonly protocol: string; readonly kind: string },
    within: Span | undefined,
  ): Span | undefined;
  /** Sends what is left. */
  close(): Promise<void>;
}

export interface TracesDeps {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly config: GatewayConfig['traces'];
  readonly clock: Clock;
  readonly version: string;
  readonly log: Pick<DaemonLog, 'info' | 'warn'>;
}

/** Undefined where nobody asked for traces, which is so unless the environment or the configuration says otherwise. */
export function openTraces({ clock, config, environment, log, version }: TracesDeps): Traces | undefined {
  const settings = traceSettings(environment, config, (why) => log.warn('traces.odd_settings', { why }));
  if (settings === undefined) return undefined;
  const exporter = new TraceExporter({
    clock,
    call: httpCalls(environment),
    settings,
    version,
    lost: (facts) => log.warn('traces.lost', facts),
  });
  const { parentBased, ratio } = settings;
  const tracer = new Tracer({ clock, ratio, parentBased, ended: (span) => exporter.add(span) });
  log.info('traces.on', { endpoint: settings.endpoint.origin });
  return {
    call: (route, method, traceparent) =>
      tracer.begin(
        `${method} ${route}`,
        { 'http.request.method': method, 'http.route': route },
        readTraceparent(traceparent),
      ),
    session({ connection, kind, protocol }, within) {
      const facts = {
        'hoopctl.connection': connection,
        'hoopctl.protocol': protocol,
        'hoopctl.identity.kind': kind,
      };
      return within ? within.begin('session', facts) : tracer.begin('session', facts);
    },
    close: () => exporter.flush(),
  };
}

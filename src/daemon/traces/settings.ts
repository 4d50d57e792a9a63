import type { GatewayConfig } from '../../api/gateway-config.ts';
import type { TraceFacts } from '../../session/trace.ts';

/** Where traces go, and which. */
export interface TraceSettings {
  readonly endpoint: URL;
  /** Some of them are secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeout: number;
  readonly resource: TraceFacts;
  readonly ratio: number;
  readonly parentBased: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const TIMEOUT = 10_000;

/**
 * As OpenTelemetry's environment variables say (OTEL_EXPORTER_OTLP_ENDPOINT and its like), or the gateway's
 * configuration, which counts before them. Undefined: no traces. Calls `odd` with what cannot be followed, and then
 * there are none either.
 */
export function traceSettings(
  environment: Environment,
  config: GatewayConfig['traces'],
  odd: (why: string) => void,
): TraceSettings | undefined {
  const of = (name: string) => environment[name]?.trim() || undefined;
  if (of('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || of('OTEL_TRACES_EXPORTER') === 'none')
    return undefined;
  const given = config?.endpoint ?? of('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const base = of('OTEL_EXPORTER_OTLP_ENDPOINT');
  // The general endpoint is a base, the one for traces is taken as it is (OTLP exporter specification).
  const text = given ?? (base === undefined ? undefined : `${base.replace(/\/$/, '')}/v1/traces`);
  if (text === undefined) return undefined;
  const endpoint = URL.parse(text);
  if (endpoint === null || !/^https?:$/.test(endpoint.protocol) || endpoint.username !== '') {
    odd('the endpoint is no http or https URL without a user');
    return undefined;
  }
  const protocol = of('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? of('OTEL_EXPORTER_OTLP_PROTOCOL');
  if (protocol !== undefined && protocol !== 'http/json') {
    odd(`OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}; there is http/json`);
    return undefined;
  }
  const timeout = Number(
    of('OTEL_EXPORTER_OTLP_TRACES_TIMEOUT') ?? of('OTEL_EXPORTER_OTLP_TIMEOUT') ?? TIMEOUT,
  );
  return {
    endpoint,
    headers: pairs(of('OTEL_EXPORTER_OTLP_TRACES_HEADERS') ?? of('OTEL_EXPORTER_OTLP_HEADERS')),
    timeout: timeout > 0 && timeout <= 60_000 ? timeout : TIMEOUT,
    resource: {
      'service.name': 'hoopctl',
      ...pairs(of('OTEL_RESOURCE_ATTRIBUTES')),
      ...(of('OTEL_SERVICE_NAME') === undefined ? {} : { 'service.name': of('OTEL_SERVICE_NAME') ?? '' }),
    },
    ...samplerOf(of('OTEL_TRACES_SAMPLER'), of('OTEL_TRACES_SAMPLER_ARG'), config?.ratio, odd),
  };
}

/** `key=value,key=value`, percent-encoded (W3C Baggage). What cannot be read is left out. */
function pairs(text: string | undefined): Record<string, string> {
  const read = (text ?? '').split(',').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=');
    const key = pair.slice(0, at).trim();
    try {
      const value = decodeURIComponent(pair.slice(at + 1).trim());
      const plain = /^[A-Za-z0-9._-]+$/.test(key) && /^[\x20-\x7e]*$/.test(value);
      return at > 0 && plain ? [[key, value]] : [];
    } catch {
      return [];
    }
  });
  return Object.fromEntries(read);
}

function samplerOf(
  sampler = 'parentbased_always_on',
  argument: string | undefined,
  configured: number | undefined,
  odd: (why: string) => void,
): Pick<TraceSettings, 'ratio' | 'parentBased'> {
  if (configured !== undefined) return { ratio: configured, parentBased: true };
  const parentBased = sampler.startsWith('parentbased_');
  switch (sampler.replace('parentbased_', '')) {
    case 'always_on':
      return { ratio: 1, parentBased };
    case 'always_off':
      return { ratio: 0, parentBased };
    case 'traceidratio': {
      const ratio = Number(argument ?? 1);
      return { ratio: ratio >= 0 && ratio <= 1 ? ratio : 1, parentBased };
    }
    default:
      odd(`OTEL_TRACES_SAMPLER is ${sampler}, which is not known: every trace is kept`);
      return { ratio: 1, parentBased: true };
  }
}

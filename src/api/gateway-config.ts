import { isIP } from 'node:net';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { HoopError, UsageError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { parseDuration } from '../base/quantities.ts';
import { keyPosition, locator, positionOf } from '../policy/source-map.ts';

/** A place to listen: `0.0.0.0:8443`, `[::]:8443`, `localhost:0`. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const LONGEST_DRAIN = 3_600_000;

const listenAddress = z.string().transform((text, context): ListenAddress => {
  const match = /^(\[[0-9a-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/i.exec(text);
  const host = match?.[1]?.replace(/^\[|\]$/g, '') ?? '';
  const port = Number(match?.[2] ?? Number.NaN);
  if (host !== '' && port <= 65_535) return { host, port };
  context.addIssue({
    code: 'custom',
    message: 'write it as ADDRESS:PORT, such as 0.0.0.0:8443 or [::]:8443',
  });
  return z.NEVER;
});

const loopbackAddress = listenAddress.refine(
  ({ host }) => host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.')),
  'must be a loopback address: whoever reaches it needs no token',
);

const duration = (most: number) =>
  z.string().transform((text, context): number => {
    try {
      const ms = parseDuration(text);
      if (ms <= most) return ms;
      context.addIssue({ code: 'custom', message: `is longer than ${most / 1000}s` });
    } catch (error) {
      if (!(error instanceof HoopError)) throw error;
      context.addIssue({ code: 'custom', message: `${error.message}: ${error.next ?? ''}` });
    }
    return z.NEVER;
  });

const path = z.string().min(1).max(4096);

const nativeAccess = (where: string) =>
  z
    .strictObject({
      listen: listenAddress.describe(where),
      port: z
        .number()
        .int()
        .min(1)
        .max(65_535)
        .optional()
        .describe('The port in printed URLs, where something in between maps it. Left out: that of listen.'),
    })
    .optional()
    .describe('Native access. Left out: none.');

const CERTIFICATE = 'give certificate and key, or self_signed: true';

/** What `hoopctl gateway start --config FILE` reads. Paths are taken from the file's own directory. */
const gatewayConfigSchema = z.strictObject({
  version: z.literal(1),
  url: z
    .string()
    .regex(/^https:\/\/[^/@\s]+$/, 'write it as https://gateway.example:8443, nothing behind the port')
    .describe('How people reach it: what they give to `hoopctl login`, and the host of printed URLs.'),
  state: path.optional().describe('The state directory. Left out: HOOPCTL_HOME.'),
  listen: listenAddress.describe('Where the API listens, over TLS.'),
  postgres: nativeAccess('Where drivers connect without hoopctl, over TLS.'),
  ssh: nativeAccess('Where SSH clients connect without hoopctl.'),
  tls: z
    .strictObject(
      {
        certificate: path.optional().describe('PEM: the certificate and those that lead to its authority.'),
        key: path.optional().describe('PEM: its private key.'),
        self_signed: z
          .literal(true)
          .optional()
          .describe('For trials: made at the first start, kept in the state.'),
      },
      { error: ({ input }) => (input === undefined ? `is missing: ${CERTIFICATE}` : undefined) },
    )
    .refine(
      ({ certificate, key, self_signed }) =>
        self_signed ? !certificate && !key : certificate !== undefined && key !== undefined,
      CERTIFICATE,
    ),
  metrics: z
    .strictObject({ listen: loopbackAddress.describe('Plain http on loopback, without a token.') })
    .optional()
    .describe('Left out: /metrics is answered on the API, to owners, operators and auditors.'),
  traces: z
    .strictObject({
      endpoint: z
        .string()
        .max(2048)
        .refine(
          (text) => /^https?:\/\/[^@\s]+$/.test(text) && URL.canParse(text),
          'write an http or https URL',
        )
        .describe('Where spans are sent, OTLP over HTTP in JSON: http://127.0.0.1:4318/v1/traces.'),
      ratio: z.number().min(0).max(1).optional().describe('Which part of traces is kept. Left out: all.'),
    })
    .optional()
    .describe('OpenTelemetry traces. Left out: as OTEL_EXPORTER_OTLP_ENDPOINT says, else none.'),
  drain: duration(LONGEST_DRAIN)
    .default(30_000)
    .describe('How long sessions may go on after SIGTERM. Left out: 30s.'),
  limits: z
    .strictObject({
      connections: z.number().int().min(8).max(100_000).default(2048),
      unauthenticated: z
        .number()
        .int()
        .min(4)
        .max(10_000)
        .default(64)
        .describe('Connections of one address that have not authenticated.'),
      failed_logins: z
        .number()
        .int()
        .min(1)
        .max(10_000)
        .default(30)
        .describe('Failed logins of one address in a minute; then it waits.'),
    })
    .default({ connections: 2048, unauthenticated: 64, failed_logins: 30 }),
});
export type GatewayConfig = z.output<typeof gatewayConfigSchema>;

export interface ConfigProblem {
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
}

const LONGEST_FILE = 65_536;

/**
 * Reads the file's text. Every problem has its line and column where it has one; without problems there is a config.
 * `selfSigned`: a certificate of its own, whatever the file says; it need not say anything then.
 */
export function parseGatewayConfig(
  text: string,
  selfSigned = false,
): {
  readonly config?: GatewayConfig;
  readonly problems: readonly ConfigProblem[];
} {
  const nowhere = (message: string) => ({ problems: [{ line: null, column: null, message }] });
  if (text.length > LONGEST_FILE) return nowhere('the file is larger than 64 KiB');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const syntax = [...document.errors, ...document.warnings].map((error) => ({
    ...positionOf(lines, error.pos[0]),
    message: error.message,
  }));
  if (syntax.length > 0) return { problems: syntax };
  if (document.contents === null) return nowhere('the file is empty');
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 20 });
  } catch (error) {
    return nowhere(error instanceof Error ? error.message : String(error));
  }
  const own = selfSigned ? { tls: { self_signed: true as const } } : {};
  // What the file says of its certificate is read all the same, so that mistakes in it are told.
  const read = gatewayConfigSchema.safeParse(isRecord(value) ? { ...own, ...value } : value);
  if (read.success) return { config: { ...read.data, ...own }, problems: [] };
  const locate = locator(document, lines);
  const problems = read.error.issues.flatMap((issue): ConfigProblem[] => {
    const at = issue.path.filter((step) => typeof step !== 'symbol');
    const where = at.length === 0 ? '' : `${at.join('.')}: `;
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        ...placed(keyPosition(document, lines, at, key)),
        message: `${where}unknown key "${key}"${didYouMean(key, knownKeys(at))}`,
      }));
    }
    return [{ ...placed(locate(at)), message: `${where}${issue.message}` }];
  });
  return { problems };
}

/** The same, for those who need a config: throws UsageError `bad_gateway_config` with every problem. */
export function requireGatewayConfig(text: string, file: string, selfSigned = false): GatewayConfig {
  const { config, problems } = parseGatewayConfig(text, selfSigned);
  if (config) return config;
  throw new UsageError('bad_gateway_config', `${file} is not a gateway's configuration`, {
    why: problems
      .map(({ line, column, message }) => `${file}:${line ?? 1}:${column ?? 1}: ${message}`)
      .join('\n'),
    next: `mend it, then: hoopctl gateway start --check --config ${file}`,
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function placed(position: { readonly line: number; readonly column: number } | undefined) {
  return { line: position?.line ?? null, column: position?.column ?? null };
}

const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(gatewayConfigSchema.shape),
  tls: ['certificate', 'key', 'self_signed'],
  postgres: ['listen', 'port'],
  ssh: ['listen', 'port'],
  metrics: ['listen'],
  traces: ['endpoint', 'ratio'],
  limits: ['connections', 'unauthenticated', 'failed_logins'],
};

function knownKeys(at: readonly (string | number)[]): readonly string[] {
  return KEYS[String(at[0] ?? '')] ?? [];
}

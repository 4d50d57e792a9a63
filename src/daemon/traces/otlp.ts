import type { TraceFacts } from '../../session/trace.ts';

/** A span that has ended. Times are nanoseconds since 1970. */
export interface EndedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** It answers somebody else's call. */
  readonly server: boolean;
  readonly start: bigint;
  readonly end: bigint;
  readonly facts: TraceFacts;
  readonly failed: boolean;
}

/** OTLP's numbers for kinds and statuses (opentelemetry/proto/trace/v1/trace.proto). */
const INTERNAL = 1;
const SERVER = 2;
const STATUS_ERROR = 2;

/** One ExportTraceServiceRequest as OTLP/HTTP has it in JSON (OTLP 1.x, "JSON Protobuf Encoding"). */
export function traceRequest(spans: readonly EndedSpan[], resource: TraceFacts, version: string): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributes(resource) },
        scopeSpans: [{ scope: { name: 'hoopctl', version }, spans: spans.map(encoded) }],
      },
    ],
  });
}

function encoded(span: EndedSpan) {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: span.server ? SERVER : INTERNAL,
    startTimeUnixNano: String(span.start),
    endTimeUnixNano: String(span.end),
    attributes: attributes(span.facts),
    status: span.failed ? { code: STATUS_ERROR } : {},
  };
}

function attributes(facts: TraceFacts) {
  return Object.entries(facts).map(([key, value]) => ({ key, value: encodedValue(value) }));
}

/** 64-bit numbers are text in protobuf's JSON. */
function encodedValue(value: string | number | boolean) {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

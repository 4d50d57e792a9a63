import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Span, TraceFacts } from '../../session/trace.ts';
import type { EndedSpan } from './otlp.ts';

/** Where a span stands in somebody's trace (W3C Trace Context, section 3.2). */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

export interface TracerDeps {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Which part of new traces is kept, 0 to 1. */
  readonly ratio: number;
  /** A trace that somebody else began is kept when they keep it. */
  readonly parentBased: boolean;
  /** Takes what has ended; returns at once. */
  readonly ended: (span: EndedSpan) => void;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads a `traceparent` header; undefined for one that is not as the specification has it: then a trace begins here. */
export function readTraceparent(header: string | undefined): TraceContext | undefined {
  const match = header !== undefined && header.length <= 256 ? TRACEPARENT.exec(header) : null;
  if (match === null) return undefined;
  const [, traceId = '', spanId = '', flags = '', more] = match;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  // Version 00 has nothing behind its flags.
  if (more !== undefined && header?.startsWith('00')) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Begins traces. What is not kept costs no more than the decision. */
export class Tracer {
  readonly #deps: TracerDeps;

  constructor(deps: TracerDeps) {
    this.#deps = deps;
  }

  /** The outermost span of ours; `caller` is what called us, if it said so. Undefined when it is not kept. */
  begin(name: string, facts: TraceFacts, caller?: TraceContext | undefined): Span | undefined {
    const { parentBased, ratio } = this.#deps;
    const traceId = caller?.traceId ?? randomBytes(16).toString('hex');
    if (!(caller && parentBased ? caller.sampled : isKept(traceId, ratio))) return undefined;
    return this.#span({ traceId, parentSpanId: caller?.spanId, name, server: true }, facts);
  }

  #span(place: Pick<EndedSpan, 'traceId' | 'parentSpanId' | 'name' | 'server'>, facts: TraceFacts): Span {
    const { clock, ended } = this.#deps;
    const spanId = randomBytes(8).toString('hex');
    const wall = clock.now();
    const began = clock.monotonic();
    let open = true;
    return {
      begin: (name, more = {}) =>
        this.#span({ traceId: place.traceId, parentSpanId: spanId, name, server: false }, more),
      end: (more = {}, failed = false) => {
        if (!open) return;
        open = false;
        const end = wall + Math.max(0, clock.monotonic() - began);
        ended({
          ...place,
          spanId,
          start: nanoseconds(wall),
          end: nanoseconds(end),
          facts: { ...facts, ...more },
          failed,
        });
      },
    };
  }
}

/** By the trace's id, so that everybody who asks the same decides the same (OpenTelemetry, TraceIdRatioBased). */
function isKept(traceId: string, ratio: number): boolean {
  if (ratio >= 1) return true;
  return Number.parseInt(traceId.slice(-13), 16) / 2 ** 52 < ratio;
}

function nanoseconds(milliseconds: number): bigint {
  return BigInt(Math.round(milliseconds * 1000)) * 1000n;
}

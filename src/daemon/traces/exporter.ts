import type { Clock } from '../../base/clock.ts';
import { HoopError } from '../../base/errors.ts';
import type { CallHttp } from '../../network/http-call.ts';
import { type EndedSpan, traceRequest } from './otlp.ts';
import type { TraceSettings } from './settings.ts';

/** Spans that wait to be sent; what comes while they are so many is dropped. The figures of OTEL_BSP_*. */
const MOST_WAITING = 2048;
const BATCH = 512;
const EVERY = 5000;
/** A receiver that is busy is asked again, so often, so much later, in milliseconds. */
const TRIES = 3;
const RETRY_AFTER = 1000;
/** How often a failure is told, in milliseconds. */
const TOLD_EVERY = 60_000;

export interface ExporterDeps {
  readonly clock: Clock;
  readonly call: CallHttp;
  readonly settings: TraceSettings;
  readonly version: string;
  /** Spans were lost; told now and then. */
  readonly lost: (facts: { readonly why: string; readonly spans: number }) => void;
}

/** Sends spans to an OTLP receiver, in batches, behind everything else: nothing waits for it. Mutable: the queue. */
export class TraceExporter {
  readonly #deps: ExporterDeps;
  #waiting: EndedSpan[] = [];
  #lost = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #sending: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(deps: ExporterDeps) {
    this.#deps = deps;
  }

  add(span: EndedSpan): void {
    if (this.#waiting.length >= MOST_WAITING) return this.#lose(1, 'too many spans wait');
    this.#waiting.push(span);
    if (this.#waiting.length >= BATCH) this.#send();
    else this.#cancelTimer ??= this.#deps.clock.after(EVERY, () => this.#send());
  }

  /** Sends what waits; settles when it was sent or lost. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#sending) {
      this.#send();
      await this.#sending;
    }
  }

  #send(): void {
    if (this.#sending) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const batch = this.#waiting.slice(0, BATCH);
    if (batch.length === 0) return;
    this.#waiting = this.#waiting.slice(BATCH);
    this.#sending = this.#deliver(batch).finally(() => {
      this.#sending = undefined;
      if (this.#waiting.length >= BATCH) this.#send();
      else if (this.#waiting.length > 0)
        this.#cancelTimer ??= this.#deps.clock.after(EVERY, () => this.#send());
    });
  }

  async #deliver(batch: readonly EndedSpan[]): Promise<void> {
    const { call, clock, settings, version } = this.#deps;
    const body = traceRequest(batch, settings.resource, version);
    for (let attempt = 1; ; attempt++) {
      const answer = await post(call, settings, body);
      if (answer === 'taken') return;
      if (!answer.again || attempt === TRIES) return this.#lose(batch.length, answer.why);
      await new Promise<void>((resolve) => clock.after(RETRY_AFTER * attempt, resolve));
    }
  }

  #lose(spans: number, why: string): void {
    this.#lost += spans;
    const now = this.#deps.clock.monotonic();
    if (now - this.#toldAt < TOLD_EVERY) return;
    this.#deps.lost({ why, spans: this.#lost });
    this.#toldAt = now;
    this.#lost = 0;
  }
}

type Answer = 'taken' | { readonly why: string; readonly again: boolean };

/** OTLP/HTTP: 2xx is taken; 429, 502, 503 and 504 may be tried again, as may a network that failed. Never rejects. */
async function post(call: CallHttp, settings: TraceSettings, body: string): Promise<Answer> {
  try {
    const { status } = await call(settings.endpoint, {
      method: 'POST',
      headers: { ...settings.headers, 'content-type': 'application/json' },
      body,
      patience: settings.timeout,
      largest: 0,
    });
    if (status >= 200 && status < 300) return 'taken';
    return {
      why: `the receiver answered with status ${status}`,
      again: [429, 502, 503, 504].includes(status),
    };
  } catch (error) {
    return { why: (error instanceof HoopError && error.why) || 'the network failed', again: true };
  }
}

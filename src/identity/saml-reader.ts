import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { NotPermitted } from '../base/errors.ts';
import { type Assertion, refuseWeakForms, samlRefused } from './saml-assertion.ts';
import type { SamlProvider } from './saml-schema.ts';

/** What the thread is given; `requests` are those that the answer names and that are ours. */
export interface SamlTask {
  readonly provider: SamlProvider;
  readonly response: string;
  readonly requests: readonly string[];
}

/** What it says. */
export type SamlAnswer = { readonly assertion: Assertion } | { readonly why: string };

/** A thousand groups take a second on a busy machine; in milliseconds. */
const LONGEST_READING = 20_000;
/** Answers that wait to be read. */
const MOST_WAITING = 16;
const THREAD = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

/** Reads answers of SAML providers one after the other beside the thread that serves sessions. Mutable: its queue. */
export class SamlReader {
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** Throws as `readAssertion` does, NotPermitted `too_many_sign_ins`. */
  async read(
    provider: SamlProvider,
    response: string,
    isOurs: (request: string) => boolean,
  ): Promise<Assertion> {
    const xml = refuseWeakForms(response);
    // Most strangers come no further than this.
    const named = new Set(
      [...xml.matchAll(/\bInResponseTo\s*=\s*["'](\w{1,128})["']/g)].map(([, id = '']) => id),
    );
    const requests = [...named].filter((id) => isOurs(id));
    if (requests.length === 0) {
      throw samlRefused('it answers no request of ours, or one that was answered before');
    }
    if (this.#waiting >= MOST_WAITING) {
      throw new NotPermitted('too_many_sign_ins', 'too many sign-ins are under way', { retryable: true });
    }
    this.#waiting += 1;
    const reading = this.#last.then(() => readBeside({ provider, response, requests }));
    this.#last = reading.catch(() => {});
    try {
      return await reading;
    } finally {
      this.#waiting -= 1;
    }
  }
}

function readBeside(task: SamlTask): Promise<Assertion> {
  return new Promise((resolve, reject) => {
    // The compiled file where this one is compiled.
    const program = new URL(`./saml-worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(program, { workerData: task, resourceLimits: THREAD });
    const late = setTimeout(
      () => end(() => reject(samlRefused('it takes too long to read'))),
      LONGEST_READING,
    );
    const end = (settle: () => void) => {
      clearTimeout(late);
      void worker.terminate();
      settle();
    };
    worker.once('message', (answer: SamlAnswer) =>
      end(() => ('why' in answer ? reject(samlRefused(answer.why)) : resolve(answer.assertion))),
    );
    worker.once('error', (cause) => end(() => reject(samlRefused('it cannot be read', cause))));
    worker.once('exit', () => end(() => reject(samlRefused('it cannot be read'))));
  });
}

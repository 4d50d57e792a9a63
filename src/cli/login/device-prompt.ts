import type { DeviceCode } from '../../login/grants.ts';
import type { Io } from '../io.ts';
import { printLineTo, SCHEMA_VERSION, tell, warn } from '../output.ts';
import { RedrawnLine } from '../redrawn-line.ts';
import { clockSpan } from '../times.ts';
import { visible } from '../visible-text.ts';
import { openBrowser } from './browser.ts';

export interface DevicePromptOptions {
  readonly json: boolean;
  readonly browser: boolean;
}

/** Shows a person where to enter which code, and how long it still counts; all of it on stderr. */
export class DevicePrompt {
  readonly #options: DevicePromptOptions;
  readonly #io: Io;
  readonly #line: RedrawnLine;
  #ticking: NodeJS.Timeout | undefined;

  constructor(options: DevicePromptOptions, io: Io) {
    this.#options = options;
    this.#io = io;
    this.#line = new RedrawnLine(io.err);
  }

  show(code: DeviceCode): void {
    const { completeUrl, lifetime, url, userCode } = code;
    const io = this.#io;
    const expiresAt = io.now() + lifetime;
    if (this.#options.json) {
      printLineTo(io.err, {
        schemaVersion: SCHEMA_VERSION,
        type: 'device-code',
        userCode,
        url,
        completeUrl: completeUrl ?? null,
        expiresAt: new Date(expiresAt).toISOString(),
      });
      return;
    }
    tell(io, `Sign in at ${visible(url)}`);
    tell(io, `with the code ${io.err.paint.bold(visible(userCode))}`);
    if (completeUrl !== undefined) tell(io, io.err.paint.dim(`or at once: ${visible(completeUrl)}`));
    if (!io.lively) return tell(io, `it expires in ${clockSpan(lifetime)}`);
    if (this.#options.browser) openBrowser(completeUrl ?? url, io);
    const draw = () =>
      this.#line.draw(`waiting for the sign-in · expires in ${clockSpan(expiresAt - io.now())}`);
    draw();
    this.#ticking = setInterval(draw, 1000);
  }

  /** The network failed; the code still counts. */
  trouble(why: string): void {
    this.#line.clear();
    if (!this.#options.json) warn(this.#io, visible(`the provider did not answer (${why}); trying again`));
  }

  close(): void {
    clearInterval(this.#ticking);
    this.#line.clear();
  }
}

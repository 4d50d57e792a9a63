import { NotPermitted } from '../base/errors.ts';

/** Whether new sessions may begin: not while a gateway drains. */
export class Admission {
  #draining = false;

  get draining(): boolean {
    return this.#draining;
  }

  drain(): void {
    this.#draining = true;
  }

  /** Throws NotPermitted `draining`. */
  require(): void {
    if (!this.#draining) return;
    throw new NotPermitted('draining', 'the gateway is stopping and takes no new sessions', {
      next: 'try again in a minute',
      retryable: true,
    });
  }
}

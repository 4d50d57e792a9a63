import { NotPermitted } from '../base/errors.ts';
import {
  attemptsFromText,
  attemptsToText,
  beginAttempt,
  NO_ATTEMPTS,
  wrongPassphrase,
} from '../identity/attempts.ts';
import { hashPassphrase, verifyPassphrase } from '../identity/passphrase.ts';
import type { SettingRows } from '../store/store.ts';

const PASSPHRASE = 'approver.passphrase';
const ATTEMPTS = 'approver.attempts';

/**
 * The approver passphrase: what a person at the terminal knows and an agent's shell of the same user does not.
 * One attempt at a time, so that neither the count nor the memory of scrypt is multiplied by asking in parallel.
 */
export class ApproverPresence {
  readonly #settings: SettingRows;
  readonly #now: () => number;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(settings: SettingRows, now: () => number) {
    this.#settings = settings;
    this.#now = now;
  }

  async set(passphrase: string): Promise<void> {
    await this.#settings.set(PASSPHRASE, await hashPassphrase(passphrase));
    await this.#settings.remove(ATTEMPTS);
  }

  async isSet(): Promise<boolean> {
    return (await this.#settings.get(PASSPHRASE)) !== undefined;
  }

  /** Throws NotPermitted `wrong_passphrase`, `passphrase_locked` or `no_passphrase`. */
  prove(passphrase: string): Promise<void> {
    const attempt = this.#turn.then(() => this.#prove(passphrase));
    this.#turn = attempt.catch(() => {});
    return attempt;
  }

  async #prove(passphrase: string): Promise<void> {
    const stored = await this.#settings.get(PASSPHRASE);
    if (stored === undefined) {
      throw new NotPermitted('no_passphrase', 'no approver passphrase has been set', {
        next: 'hoopctl init',
      });
    }
    const now = this.#now();
    const attempts = beginAttempt(attemptsFromText(await this.#settings.get(ATTEMPTS)), now);
    // Saved before the comparison: a daemon killed in between has counted it.
    await this.#settings.set(ATTEMPTS, attemptsToText(attempts));
    if (!(await verifyPassphrase(passphrase, stored))) throw wrongPassphrase(attempts);
    await this.#settings.set(ATTEMPTS, attemptsToText(NO_ATTEMPTS));
  }
}

import { createHash } from 'node:crypto';
import type { Store } from '../store/store.ts';
import type { Issuer } from './issuer-schema.ts';

/**
 * Takes a token of an issuer, so that nobody can come with it again: false when somebody has. `once` tells it from
 * the issuer's other tokens, `until` is when it expires (milliseconds). Kept over restarts.
 */
export function takeToken(
  rows: Store['usedTokens'],
  issuer: Pick<Issuer, 'issuer'>,
  once: string,
  until: number,
  now: number,
): Promise<boolean> {
  const hash = createHash('sha256').update(`${issuer.issuer}\n${once}`, 'utf8').digest('hex');
  return rows.take(hash, new Date(until).toISOString(), new Date(now).toISOString());
}

/** Sign-ins whose last token is remembered, at most. */
const MOST_REMEMBERED = 10_000;

/** The token by which each sign-in began or was renewed last, of the latest ones. */
export class LastTokens {
  readonly #bySignIn = new Map<string, string>();

  keep(signIn: string, once: string): void {
    this.#bySignIn.delete(signIn);
    this.#bySignIn.set(signIn, once);
    const [oldest] = this.#bySignIn.keys();
    if (this.#bySignIn.size > MOST_REMEMBERED && oldest !== undefined) this.#bySignIn.delete(oldest);
  }

  is(signIn: string, once: string): boolean {
    return this.#bySignIn.get(signIn) === once;
  }
}

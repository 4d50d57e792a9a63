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

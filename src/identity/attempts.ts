import { NotPermitted } from '../base/errors.ts';
import { counted, formatDuration } from '../base/quantities.ts';

/** Wrong passphrases in a row before approving is locked. */
const MOST_WRONG = 5;
const LOCK_MS = 60_000;

/** Wrong passphrases in a row, and until when approving is locked (milliseconds). Kept by the caller in the store. */
export interface Attempts {
  readonly wrong: number;
  readonly lockedUntil: number | undefined;
}

export const NO_ATTEMPTS: Attempts = { wrong: 0, lockedUntil: undefined };

/**
 * Before a passphrase is compared: counts the attempt as wrong, to be saved before the comparison starts, so
 * that guesses in parallel all count. A right one is forgiven by saving `NO_ATTEMPTS`.
 * Throws NotPermitted `passphrase_locked`.
 */
export function beginAttempt(attempts: Attempts, now: number): Attempts {
  // A clock that was set back must not lock for longer than the lock is.
  const left = Math.min((attempts.lockedUntil ?? now) - now, LOCK_MS);
  if (left > 0) {
    throw new NotPermitted(
      'passphrase_locked',
      `${MOST_WRONG} wrong passphrases in a row: approving is locked`,
      {
        next: `try again in ${formatDuration(Math.max(left, 1000))}`,
        retryable: true,
      },
    );
  }
  const wrong = (attempts.lockedUntil === undefined ? attempts.wrong : 0) + 1;
  return { wrong, lockedUntil: wrong >= MOST_WRONG ? now + LOCK_MS : undefined };
}

/** What to tell after a comparison failed; `attempts` is what `beginAttempt` gave. */
export function wrongPassphrase(attempts: Attempts): NotPermitted {
  const left = MOST_WRONG - attempts.wrong;
  return new NotPermitted('wrong_passphrase', 'the approver passphrase is wrong', {
    next:
      left > 0
        ? `${counted(left, 'more try', 'more tries')}, then approving is locked for a minute`
        : 'approving is locked for a minute',
  });
}

/** For the store; `attemptsFromText` reads it. */
export function attemptsToText(attempts: Attempts): string {
  return JSON.stringify([attempts.wrong, attempts.lockedUntil ?? null]);
}

/** Reads what was kept. What cannot be read leaves one try before the lock, so that damage gains nothing. */
export function attemptsFromText(text: string | undefined): Attempts {
  if (text === undefined) return NO_ATTEMPTS;
  const damaged: Attempts = { wrong: MOST_WRONG - 1, lockedUntil: undefined };
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return damaged;
    const [wrong, lockedUntil]: unknown[] = value;
    if (typeof wrong !== 'number' || !Number.isInteger(wrong) || wrong < 0) return damaged;
    if (lockedUntil !== null && typeof lockedUntil !== 'number') return damaged;
    return { wrong, lockedUntil: lockedUntil ?? undefined };
  } catch {
    return damaged;
  }
}

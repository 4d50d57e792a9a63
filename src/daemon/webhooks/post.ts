import type { Destination } from './destination.ts';
import { signature } from './signature.ts';

/** A receiver that takes longer has failed. */
const PATIENCE_MS = 10_000;

export type Posted =
  | { readonly outcome: 'taken' }
  /** `why` holds no part of the URL. */
  | { readonly outcome: 'failed'; readonly why: string; readonly forGood: boolean };

/** Sends one message. No redirect is followed and no answer is read: only its status counts. Never rejects. */
export async function post(
  { url, key }: Destination,
  message: { readonly id: string; readonly event: string; readonly body: string },
  now: number,
): Promise<Posted> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body: message.body,
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE_MS),
      headers: {
        'content-type': 'application/json',
        'user-agent': 'hoopctl',
        'hoopctl-event': message.event,
        'hoopctl-delivery': message.id,
        'hoopctl-signature': signature(key, message.body, now),
      },
    });
    await response.body?.cancel();
    if (response.ok) return { outcome: 'taken' };
    // 410 Gone is how a receiver says that it wants no more.
    return { outcome: 'failed', why: `it answered ${response.status}`, forGood: response.status === 410 };
  } catch (error) {
    return { outcome: 'failed', why: reasonOf(error), forGood: false };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it could not be reached';
  if (error.name === 'TimeoutError') return `no answer in ${PATIENCE_MS / 1000} s`;
  const { code } = (error.cause ?? error) as { readonly code?: unknown };
  return typeof code === 'string' ? code : 'it could not be reached';
}

import { HoopError } from '../../base/errors.ts';
import type { CallHttp } from '../../network/http-call.ts';
import type { Destination } from './destination.ts';
import { signature } from './signature.ts';

/** A receiver that takes longer has failed. */
const PATIENCE_MS = 10_000;

export type Posted =
  | { readonly outcome: 'taken' }
  /** `why` holds no part of the URL but its host. */
  | { readonly outcome: 'failed'; readonly why: string; readonly forGood: boolean };

/** Sends one message. No redirect is followed and no answer is read: only its status counts. Never rejects. */
export async function post(
  call: CallHttp,
  { url, key }: Destination,
  message: { readonly id: string; readonly event: string; readonly body: string },
  now: number,
): Promise<Posted> {
  try {
    const { status } = await call(url, {
      method: 'POST',
      body: message.body,
      patience: PATIENCE_MS,
      largest: 0,
      headers: {
        'content-type': 'application/json',
        'hoopctl-event': message.event,
        'hoopctl-delivery': message.id,
        'hoopctl-signature': signature(key, message.body, now),
      },
    });
    if (status >= 200 && status < 300) return { outcome: 'taken' };
    // 410 Gone is how a receiver says that it wants no more.
    return { outcome: 'failed', why: `it answered ${status}`, forGood: status === 410 };
  } catch (error) {
    const why = (error instanceof HoopError && error.why) || 'it could not be reached';
    return { outcome: 'failed', why, forGood: false };
  }
}

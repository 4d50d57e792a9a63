import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import type { CancelKeys } from '../protocols/protocol.ts';

/** PostgreSQL's process ids are positive 31-bit numbers; some drivers read them as signed. */
const MAX_PROCESS_ID = 0x7fff_ffff;

/** The cancel keys of one endpoint's live sessions. */
export function createCancelKeys(): CancelKeys {
  const live = new Map<number, { readonly secret: Buffer; readonly cancel: () => void }>();
  return {
    register(cancel, keyLength) {
      let processId = randomInt(1, MAX_PROCESS_ID);
      while (live.has(processId)) processId = randomInt(1, MAX_PROCESS_ID);
      const secret = randomBytes(keyLength);
      live.set(processId, { secret, cancel });
      return { processId, secret, release: () => void live.delete(processId) };
    },
    find(processId, secret) {
      const entry = live.get(processId);
      if (entry?.secret.length !== secret.length) return undefined;
      return timingSafeEqual(entry.secret, secret) ? entry.cancel : undefined;
    },
  };
}

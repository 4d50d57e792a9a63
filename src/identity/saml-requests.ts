import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** `_`, 6 bytes of time, 10 at random, 16 of a MAC, in hexadecimal: an XML ID (SAML core 1.3.4). */
const REQUEST = /^_([0-9a-f]{12})([0-9a-f]{20})([0-9a-f]{32})$/;
const MAC_BYTES = 16;

/** What a terminal holds of a sign-in that it began. */
export interface BegunRequest {
  readonly request: string;
  /** Digest of the provider that it went to. */
  readonly provider: string;
}

/**
 * Requests to SAML providers that say themselves whether they are ours: their ids are signed with a key of this
 * process. Nothing is kept of a request until its provider has answered it.
 */
export class SamlRequests {
  readonly #key = randomBytes(32);
  readonly #patience: number;

  /** `patience`: how long a request counts, in milliseconds. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  /**
   * `provider`: its digest, 64 hexadecimal digits; `challenge`: 43 characters of base64url; `now`: of the clock that
   * never runs backwards. `id` is for the terminal alone, `request` goes to the provider.
   */
  begin(provider: string, challenge: string, now: number): { readonly id: string; readonly request: string } {
    const time = Math.floor(now).toString(16).padStart(12, '0');
    const random = randomBytes(10).toString('hex');
    const request = `_${time}${random}${this.#mac('request', provider, time, random)}`;
    return { request, id: `${request}.${provider}.${this.#mac('terminal', request, provider, challenge)}` };
  }

  /** When a request of ours to that provider expires; undefined for one that has, or is not ours. */
  endOf(request: string, provider: string, now: number): number | undefined {
    const match = REQUEST.exec(request);
    if (match === null) return undefined;
    const [, time = '', random = '', mac = ''] = match;
    if (!same(mac, this.#mac('request', provider, time, random))) return undefined;
    const end = Number.parseInt(time, 16) + this.#patience;
    return now < end ? end : undefined;
  }

  /** What a terminal began, for who shows the challenge that it began with. */
  read(id: string, challenge: string): BegunRequest | undefined {
    const [request = '', provider = '', mac = '', ...more] = id.split('.');
    if (more.length > 0 || !same(mac, this.#mac('terminal', request, provider, challenge))) return undefined;
    return { request, provider };
  }

  #mac(...parts: readonly string[]): string {
    const mac = createHmac('sha256', this.#key).update(parts.join('\n')).digest();
    return mac.subarray(0, MAC_BYTES).toString('hex');
  }
}

function same(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

import { createHmac } from 'node:crypto';

/**
 * The value of `Hoopctl-Signature`: `t=SECONDS,v1=HEX`, where HEX is HMAC-SHA256 over `SECONDS.BODY`. A receiver
 * computes it anew over the bytes it got, compares in constant time, and refuses a time that is minutes off.
 */
export function signature(key: string, body: string, now: number): string {
  const seconds = Math.floor(now / 1000);
  return `t=${seconds},v1=${createHmac('sha256', key).update(`${seconds}.${body}`).digest('hex')}`;
}

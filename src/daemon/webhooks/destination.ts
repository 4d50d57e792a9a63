import { z } from 'zod';
import { UsageError } from '../../base/errors.ts';

/** What is kept in the vault for a webhook. */
const destinationSchema = z.strictObject({ url: z.string(), key: z.string() });
export type Destination = z.infer<typeof destinationSchema>;

export const destinationText = (destination: Destination): string => JSON.stringify(destination);
export const readDestination = (text: string): Destination => destinationSchema.parse(JSON.parse(text));

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Throws UsageError `bad_webhook_url`; the text is not repeated, since such URLs hold secrets. */
export function webhookUrl(text: string): URL {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  const problem =
    url === undefined
      ? 'it is not a URL'
      : url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.has(url.hostname))
        ? 'it must be https (http only on this machine)'
        : url.username !== '' || url.password !== ''
          ? 'it must not hold a user or password'
          : undefined;
  if (url !== undefined && problem === undefined) return url;
  throw new UsageError('bad_webhook_url', 'this webhook URL cannot be used', {
    ...(problem === undefined ? {} : { why: problem }),
    next: 'give it as https://host/path on stdin',
  });
}

import type { Client } from '../api/client.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';
import { type ClientKey, clientKey } from './ssh-files.ts';
import { type StatedOptions, statedOf } from './stated.ts';

/** Opens an endpoint for one SSH client, which comes with the key of this state directory. Throws as `openEndpoint` does. */
export async function openSshEndpoint(
  client: Client,
  options: StatedOptions & { readonly name: string; readonly home: string },
): Promise<{ readonly endpoint: Endpoint; readonly key: ClientKey }> {
  const key = await clientKey(options.home);
  const endpoint = await openEndpoint(client, {
    connection: options.name,
    ...statedOf(options),
    listen: { kind: 'tcp', port: 0 },
    single: true,
    clientKey: key.public,
  });
  return { endpoint, key };
}

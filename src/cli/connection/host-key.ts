import { HoopError } from '../../base/errors.ts';
import { Interrupted } from '../interrupted.ts';
import type { Io } from '../io.ts';
import { tell } from '../output.ts';
import { visible } from '../visible-text.ts';

/**
 * Saves a connection whose host may have to be known by its key first: the fingerprint is shown and asked for, or
 * taken as it is with `--accept-host-key`. Throws what `save` throws, `host_key_unknown` where nobody can be asked.
 */
export async function withHostKey<T>(
  accept: boolean,
  io: Io,
  save: (acceptHostKey: { readonly acceptHostKey?: string }) => Promise<T>,
): Promise<T> {
  if (accept) return save({ acceptHostKey: 'first' });
  try {
    return await save({});
  } catch (error) {
    const seen = error instanceof HoopError ? fingerprintIn(error) : undefined;
    if (seen === undefined || io.prompts === undefined) throw error;
    tell(io, visible(`the host shows the key ${seen}`));
    if (await io.prompts.confirm('Is this the key of the host, as its owner says?')) {
      // This very key: should the host show another one by now, that is an error.
      return save({ acceptHostKey: seen });
    }
    tell(io, 'nothing was saved');
    throw new Interrupted(1);
  }
}

function fingerprintIn(error: HoopError): string | undefined {
  if (error.code !== 'host_key_unknown') return undefined;
  return /^SHA256:[A-Za-z0-9+/]{43}/.exec(error.why ?? '')?.[0];
}

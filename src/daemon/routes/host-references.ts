import { NotPermitted } from '../../base/errors.ts';
import type { Call } from './handler.ts';

/**
 * A reference makes the gateway's machine run a command, or send a file or a variable of its own to wherever the
 * connection leads. That is for whoever works on that machine, whatever role a token over the network has.
 * Throws NotPermitted `host_reference`.
 */
export function requireOwnMachine(
  reference: string | undefined,
  origin: Call<'connectionAdd'>['origin'],
): void {
  if (reference === undefined || origin === 'machine') return;
  throw new NotPermitted(
    'host_reference',
    'a credential by reference is given on the machine of the gateway',
    {
      why: 'env:, file: and exec: read that machine and run commands there',
      next: 'run the same command there, or give the password itself with --password-stdin',
    },
  );
}

import { NotPermitted } from '../../base/errors.ts';
import type { Protocol } from '../../protocols/protocol.ts';
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

/** The same for settings that name something of that machine, such as the socket of an SSH agent. */
export function requireOwnSettings(
  protocol: Protocol,
  settings: string,
  origin: Call<'connectionAdd'>['origin'],
): void {
  if (origin === 'machine' || !protocol.usesMachine?.(settings)) return;
  throw new NotPermitted(
    'host_reference',
    'what its URL names on the machine of the gateway is given there',
    {
      why: 'an agent of that machine would sign in wherever the URL leads',
      next: 'run the same command there, or give a key or a password itself with --password-stdin',
    },
  );
}

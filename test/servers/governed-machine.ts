import { join } from 'node:path';
import { Hoopctl } from './hoopctl.ts';
import { type SshUser, sshUser } from './ssh-config.ts';
import { type SshServer, type SshServerOptions, startSshd } from './sshd.ts';

/** A machine with an sshd, known as the connection `web-1`, a gateway before it, and an agent who asks. */
export interface GovernedMachine {
  readonly sshd: SshServer;
  readonly hoopctl: Hoopctl;
  /** The token of devin: role requester, group agents. */
  readonly token: string;
  /** OpenSSH's programs as devin runs them. */
  readonly devin: SshUser;
  /** A path on the machine, in a directory that ends with it. */
  there(name: string): string;
  stop(): Promise<void>;
}

export async function openMachine(
  policy: string | ((sshd: SshServer) => string),
  options: SshServerOptions = {},
): Promise<GovernedMachine> {
  const [sshd, hoopctl] = await Promise.all([startSshd(options), Hoopctl.initialised()]);
  await addMachine(hoopctl, sshd);
  await hoopctl.applyPolicy(typeof policy === 'string' ? policy : policy(sshd));
  const token = await hoopctl.createIdentity('devin', 'requester', 'agents');
  return {
    sshd,
    hoopctl,
    token,
    devin: await sshUser(hoopctl, token),
    there: (name) => join(sshd.directory, name),
    stop: async () => {
      await hoopctl.close();
      await sshd.stop();
    },
  };
}

/** Makes the connection `name` to an sshd, or to whatever stands before it at `url`. */
export const addMachine = (hoopctl: Hoopctl, sshd: SshServer, name = 'web-1', url = sshd.url) =>
  hoopctl.ok([
    ...['connection', 'add', name, '--url', url, '--key', `file:${sshd.keyFile}`],
    ...['--accept-host-key', '--no-input'],
  ]);

import { spawn } from 'node:child_process';
import { clientEnvironment } from './client-environment.ts';
import type { Endpoint } from './endpoint.ts';
import type { Io } from './io.ts';
import { type ClientKey, clientSettings, knownHostsPath, writeKnownHosts } from './ssh-files.ts';

/** OpenSSH's programs that take one host and the same settings. */
export const SSH_PROGRAMS = ['ssh', 'sftp'] as const;

export interface SshStart {
  readonly program: string;
  /** Options and the remote command, as `ssh` takes them behind the host. */
  readonly args: readonly string[];
  readonly connection: string;
  readonly home: string;
  readonly key: ClientKey;
}

/** Starts an OpenSSH client against an endpoint; the user's own configuration is left out of it. */
export function startSsh({ ready }: Endpoint, start: SshStart, io: Io) {
  const knownHosts = knownHostsPath(start.home, start.connection);
  writeKnownHosts(knownHosts, ready.hostKey ?? '');
  const settings = [
    ...clientSettings(start.key, knownHosts),
    ['Port', String(ready.port)],
    ['User', ready.user],
    ['LogLevel', 'ERROR'],
  ];
  const options = settings.flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  // ssh takes what stands behind the host for the command that is to run there, sftp for nothing.
  const words = start.program === 'ssh' ? [ready.host, ...start.args] : [...start.args, ready.host];
  return spawn(start.program, ['-F', 'none', ...options, ...words], {
    stdio: 'inherit',
    env: clientEnvironment(io.env, ready),
  });
}

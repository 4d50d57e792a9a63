import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hoopctl } from './hoopctl.ts';
import { type ProgramOptions, type ProgramResult, run } from './psql.ts';

/** OpenSSH's programs of one identity, which know the gateway by what `hoopctl ssh-config` printed. */
export interface SshUser {
  readonly config: string;
  /** `ssh -F config …`; the name of the connection is the host. */
  ssh(args: readonly string[], options?: ProgramOptions): Promise<ProgramResult>;
  run(program: string, args: readonly string[], options?: ProgramOptions): Promise<ProgramResult>;
}

export async function sshUser(hoopctl: Hoopctl, token: string): Promise<SshUser> {
  const { stdout } = await hoopctl.ok(['ssh-config'], { token });
  const directory = join(hoopctl.home, '..', 'ssh-user');
  mkdirSync(directory, { recursive: true });
  const config = join(directory, 'config');
  writeFileSync(config, stdout);
  const env = {
    ...hoopctl.env({ token }),
    GIT_SSH_COMMAND: `ssh -F ${config}`,
    RSYNC_RSH: `ssh -F ${config}`,
  };
  const runProgram: SshUser['run'] = (program, args, options = {}) =>
    run(program, args, { ...options, env: { ...env, ...options.env } });
  return {
    config,
    ssh: (args, options) => runProgram('ssh', ['-F', config, ...args], options),
    run: runProgram,
  };
}

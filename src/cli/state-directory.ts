import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/** Where state lives: `HOOPCTL_HOME`, or the platform's own place. */
export function stateDirectory(env: Env, platform: NodeJS.Platform = process.platform): string {
  if (env.HOOPCTL_HOME !== undefined && env.HOOPCTL_HOME !== '') return resolve(env.HOOPCTL_HOME);
  const home = env.HOME ?? homedir();
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'hoopctl');
  // XDG Base Directory Specification: a relative value is invalid and ignored.
  const state = env.XDG_STATE_HOME;
  return state !== undefined && isAbsolute(state)
    ? join(state, 'hoopctl')
    : join(home, '.local', 'state', 'hoopctl');
}

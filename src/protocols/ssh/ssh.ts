import type { EndpointCredentials, Protocol } from '../protocol.ts';
import { describeConnection, hostInUrl, parseConnection, readSettings, urlOf } from './connection.ts';
import { pinnedSettings, testConnection } from './connection-test.ts';
import { weaknessesOf } from './examine.ts';
import { nativeSsh } from './native.ts';
import { replaySsh } from './replay.ts';
import { SshTarget } from './target.ts';

/** SSH 2: programs, shells, SFTP and forwards. */
export const ssh: Protocol = {
  name: 'ssh',
  schemes: ['ssh'],
  parseUrl(url, configuration) {
    const { settings, secret } = parseConnection(url, configuration);
    return { settings: JSON.stringify(settings), secret };
  },
  urlOf: (settings) => urlOf(readSettings(settings)),
  describe: (settings) => describeConnection(readSettings(settings)),
  test: (settings, secret, means) => testConnection(readSettings(settings), secret, means),
  pin: async (settings, accepted, means, anew) =>
    JSON.stringify(await pinnedSettings(readSettings(settings), accepted, means, anew)),
  openTarget: (settings, readSecret, maskKey, means) =>
    new SshTarget(readSettings(settings), readSecret, maskKey, means),
  weaknesses: (settings, means) => weaknessesOf(readSettings(settings), means),
  through: (settings) => readSettings(settings).jump,
  usesMachine: (settings) => readSettings(settings).agent !== undefined,
  localSocket: { name: 'ssh.sock', port: 22 },
  endpointUrl,
  hostKey: true,
  native: nativeSsh,
  replay: replaySsh,
};

function endpointUrl(host: string, port: number, { user, password }: EndpointCredentials): string {
  const who = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return `ssh://${who}@${host.startsWith('/') ? encodeURIComponent(host) : hostInUrl(host)}:${port}`;
}

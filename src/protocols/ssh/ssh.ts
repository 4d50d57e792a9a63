import type { EndpointCredentials, Protocol } from '../protocol.ts';
import { describeConnection, hostInUrl, parseConnection, readSettings, urlOf } from './connection.ts';
import { pinnedSettings, testConnection } from './connection-test.ts';
import { replaySsh } from './replay.ts';
import { SshTarget } from './target.ts';

/** SSH 2: programs, shells, SFTP and forwards. */
export const ssh: Protocol = {
  name: 'ssh',
  schemes: ['ssh'],
  parseUrl(url) {
    const { settings, secret } = parseConnection(url);
    return { settings: JSON.stringify(settings), secret };
  },
  urlOf: (settings) => urlOf(readSettings(settings)),
  describe: (settings) => describeConnection(readSettings(settings)),
  test: (settings, secret) => testConnection(readSettings(settings), secret),
  pin: async (settings, accepted) => JSON.stringify(await pinnedSettings(readSettings(settings), accepted)),
  openTarget: (settings, readSecret, maskKey) => new SshTarget(readSettings(settings), readSecret, maskKey),
  localSocket: { name: 'ssh.sock', port: 22 },
  endpointUrl,
  hostKey: true,
  replay: replaySsh,
};

function endpointUrl(host: string, port: number, { user, password }: EndpointCredentials): string {
  const who = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return `ssh://${who}@${host.startsWith('/') ? encodeURIComponent(host) : hostInUrl(host)}:${port}`;
}

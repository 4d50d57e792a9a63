import type { Protocol } from '../protocol.ts';
import { describeConnection, readSettings, urlOf } from './connection.ts';
import { testConnection } from './connection-test.ts';
import { parseConnection, SCHEMES } from './connection-url.ts';
import { replayKubernetes } from './replay.ts';
import { KubernetesTarget } from './target.ts';

/** The Kubernetes API over HTTP/1.1, exec and attach over WebSockets. */
export const kubernetes: Protocol = {
  name: 'kubernetes',
  schemes: SCHEMES,
  parseUrl(url, configuration) {
    const { settings, secret } = parseConnection(url, configuration);
    // From files, never from the URL itself.
    return { settings: JSON.stringify(settings), secret, secretOfFile: true };
  },
  urlOf: (settings) => urlOf(readSettings(settings)),
  describe: (settings) => describeConnection(readSettings(settings)),
  test: (settings, secret) => testConnection(readSettings(settings), secret),
  openTarget: (settings, readSecret, maskKey) =>
    new KubernetesTarget(readSettings(settings), readSecret, maskKey),
  localSocket: { name: 'kubernetes.sock', port: 443 },
  endpointUrl: (host, port) => `https://${host}:${port}`,
  alwaysTls: true,
  replay: replayKubernetes,
};

import type { ReadyEvent } from './endpoint.ts';

/** What a kubeconfig of one cluster says. */
export interface KubeconfigFacts {
  readonly name: string;
  readonly server: string;
  /** The certificate to trust, in PEM. */
  readonly certificate: string;
  readonly namespace: string;
  /** The `user` part: a token, or an exec plugin. */
  readonly user: object;
}

/** A kubeconfig (kubernetes.io: Config v1) as JSON, which every reader of YAML takes. */
export function kubeconfigText({ certificate, name, namespace, server, user }: KubeconfigFacts): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: { server, 'certificate-authority-data': Buffer.from(certificate).toString('base64') },
      },
    ],
    users: [{ name: `hoopctl-${name}`, user }],
    contexts: [{ name, context: { cluster: name, user: `hoopctl-${name}`, namespace } }],
    'current-context': name,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** A kubeconfig for one endpoint, good as long as that is. */
export function sessionKubeconfig(ready: ReadyEvent, name = 'hoopctl'): string {
  return kubeconfigText({
    name,
    server: ready.url,
    certificate: ready.certificate ?? '',
    namespace: ready.database,
    user: { token: ready.password },
  });
}

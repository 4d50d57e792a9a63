import { NotPermitted } from '../../base/errors.ts';
import type { ConnectionReport } from '../connection-report.ts';
import { type Answer, Cluster } from './cluster.ts';
import type { KubernetesSettings } from './connection.ts';

const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

/** Reaches the cluster and asks it what the credential may do. Throws NotReachable, NotPermitted `cluster_refused`. */
export async function testConnection(
  settings: KubernetesSettings,
  secret: string | undefined,
): Promise<ConnectionReport> {
  const cluster = new Cluster(settings, async () => secret);
  const began = performance.now();
  try {
    const version = await cluster.ask('/version');
    const latencyMs = performance.now() - began;
    const may = async (attributes: object) => isAllowed(await review(cluster, attributes));
    const superuser = await may({ verb: '*', group: '*', resource: '*' });
    const canWrite =
      superuser || (await may({ verb: 'create', resource: 'pods', namespace: settings.namespace }));
    const maySwitch = settings.impersonate && !(await may({ verb: 'impersonate', resource: 'users' }));
    return {
      server: `Kubernetes ${versionOf(version)}`,
      address: version.socket.address,
      tls: version.socket.tls,
      latencyMs,
      role: settings.user,
      superuser,
      canWrite,
      warnings: maySwitch
        ? [`${settings.user} may not impersonate users, so that every request will be refused`]
        : [],
    };
  } finally {
    cluster.close();
  }
}

async function review(cluster: Cluster, resourceAttributes: object): Promise<Answer> {
  const answer = await cluster.ask(REVIEWS, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  });
  if (answer.status !== 401 && answer.status !== 403) return answer;
  throw new NotPermitted('cluster_refused', 'the cluster does not take this credential', {
    why: `HTTP ${answer.status}`,
    next: 'kubectl auth can-i --list, with the same kubeconfig',
  });
}

function isAllowed({ body }: Answer): boolean {
  if (typeof body !== 'object' || body === null || !('status' in body)) return false;
  const { status } = body;
  return typeof status === 'object' && status !== null && 'allowed' in status && status.allowed === true;
}

function versionOf({ body }: Answer): string {
  const version =
    typeof body === 'object' && body !== null && 'gitVersion' in body ? body.gitVersion : undefined;
  return typeof version === 'string' ? version.replace(/^v/, '').slice(0, 64) : 'of an unknown version';
}

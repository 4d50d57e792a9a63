import type { HashKey } from '../../masking/strategies.ts';
import type { Cluster } from './cluster.ts';
import type { Door } from './door.ts';
import type { ServedGroups } from './served-groups.ts';
import type { KubernetesSession } from './session.ts';

/** What all requests of one connection share. */
export interface Surroundings {
  readonly cluster: Cluster;
  readonly groups: ServedGroups;
  readonly maskKey: HashKey;
  /** `Kubernetes k8s.internal:6443 as admin`. */
  readonly description: string;
  /** Requests run as the requester, not as the credential's own account. */
  readonly impersonate: boolean;
  /** Bytes of one response that are recorded. */
  readonly recordBytes: number;
  doorOf(session: KubernetesSession): Door;
}

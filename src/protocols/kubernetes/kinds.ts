/** Kinds as people name them, and where their objects are. */
export interface Kind {
  /** `/api/v1`, `/apis/apps/v1`. */
  readonly api: string;
  /** Plural, as it stands in paths. */
  readonly resource: string;
  readonly namespaced: boolean;
}

/** Plural names with what else they are called, the kind in lower case first (`kubectl api-resources`). */
type Names = Readonly<Record<string, readonly string[]>>;

const NAMESPACED: Readonly<Record<string, Names>> = {
  '/api/v1': {
    pods: ['pod', 'po'],
    services: ['service', 'svc'],
    configmaps: ['configmap', 'cm'],
    secrets: ['secret'],
    serviceaccounts: ['serviceaccount', 'sa'],
    events: ['event', 'ev'],
    endpoints: ['endpoints', 'ep'],
    persistentvolumeclaims: ['persistentvolumeclaim', 'pvc'],
    replicationcontrollers: ['replicationcontroller', 'rc'],
    resourcequotas: ['resourcequota', 'quota'],
    limitranges: ['limitrange', 'limits'],
    podtemplates: ['podtemplate'],
  },
  '/apis/apps/v1': {
    deployments: ['deployment', 'deploy'],
    statefulsets: ['statefulset', 'sts'],
    daemonsets: ['daemonset', 'ds'],
    replicasets: ['replicaset', 'rs'],
    controllerrevisions: ['controllerrevision'],
  },
  '/apis/batch/v1': { jobs: ['job'], cronjobs: ['cronjob', 'cj'] },
  '/apis/autoscaling/v1': { horizontalpodautoscalers: ['horizontalpodautoscaler', 'hpa'] },
  '/apis/policy/v1': { poddisruptionbudgets: ['poddisruptionbudget', 'pdb'] },
  '/apis/networking.k8s.io/v1': {
    ingresses: ['ingress', 'ing'],
    networkpolicies: ['networkpolicy', 'netpol'],
  },
  '/apis/rbac.authorization.k8s.io/v1': { roles: ['role'], rolebindings: ['rolebinding'] },
  '/apis/coordination.k8s.io/v1': { leases: ['lease'] },
  '/apis/discovery.k8s.io/v1': { endpointslices: ['endpointslice'] },
};

const CLUSTER_WIDE: Readonly<Record<string, Names>> = {
  '/api/v1': {
    namespaces: ['namespace', 'ns'],
    nodes: ['node', 'no'],
    persistentvolumes: ['persistentvolume', 'pv'],
    componentstatuses: ['componentstatus', 'cs'],
  },
  '/apis/rbac.authorization.k8s.io/v1': {
    clusterroles: ['clusterrole'],
    clusterrolebindings: ['clusterrolebinding'],
  },
  '/apis/storage.k8s.io/v1': { storageclasses: ['storageclass', 'sc'] },
  '/apis/networking.k8s.io/v1': { ingressclasses: ['ingressclass'] },
  '/apis/scheduling.k8s.io/v1': { priorityclasses: ['priorityclass', 'pc'] },
  '/apis/certificates.k8s.io/v1': { certificatesigningrequests: ['certificatesigningrequest', 'csr'] },
  '/apis/apiextensions.k8s.io/v1': { customresourcedefinitions: ['customresourcedefinition', 'crd', 'crds'] },
  '/apis/apiregistration.k8s.io/v1': { apiservices: ['apiservice'] },
  '/apis/admissionregistration.k8s.io/v1': {
    mutatingwebhookconfigurations: ['mutatingwebhookconfiguration'],
    validatingwebhookconfigurations: ['validatingwebhookconfiguration'],
  },
};

const KINDS: ReadonlyMap<string, Kind> = new Map(
  [
    { table: NAMESPACED, namespaced: true },
    { table: CLUSTER_WIDE, namespaced: false },
  ].flatMap(({ namespaced, table }) =>
    Object.entries(table).flatMap(([api, names]) =>
      Object.entries(names).flatMap(([resource, others]) =>
        [resource, ...others].map((name) => [name, { api, resource, namespaced }] as const),
      ),
    ),
  ),
);

/** The kind that somebody means by `po`, `deployments.apps`, `Ingress`; undefined for others than Kubernetes' own. */
export function kindNamed(word: string): Kind | undefined {
  const [name = '', ...group] = word.toLowerCase().split('.');
  const kind = KINDS.get(name);
  const asked = group.join('.');
  return kind !== undefined && (asked === '' || kind.api.startsWith(`/apis/${asked}/`)) ? kind : undefined;
}

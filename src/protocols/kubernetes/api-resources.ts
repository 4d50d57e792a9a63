/** The API that Kubernetes itself brings: what of it is known here. Anything else is an aggregated API or a custom resource. */

/** Resources of a group (1.20 to 1.34); `*` where any name of it is harmless to take by its verb. */
const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  '': [
    'bindings',
    'componentstatuses',
    'configmaps',
    'endpoints',
    'events',
    'limitranges',
    'namespaces',
    'nodes',
    'persistentvolumeclaims',
    'persistentvolumes',
    'pods',
    'podtemplates',
    'replicationcontrollers',
    'resourcequotas',
    'secrets',
    'serviceaccounts',
    'services',
  ],
  apps: ['controllerrevisions', 'daemonsets', 'deployments', 'replicasets', 'statefulsets'],
  batch: ['cronjobs', 'jobs'],
  autoscaling: ['horizontalpodautoscalers'],
  policy: ['poddisruptionbudgets', 'podsecuritypolicies'],
  extensions: [
    'daemonsets',
    'deployments',
    'ingresses',
    'networkpolicies',
    'podsecuritypolicies',
    'replicasets',
  ],
  'networking.k8s.io': ['ingressclasses', 'ingresses', 'ipaddresses', 'networkpolicies', 'servicecidrs'],
  'rbac.authorization.k8s.io': ['clusterrolebindings', 'clusterroles', 'rolebindings', 'roles'],
  'storage.k8s.io': [
    'csidrivers',
    'csinodes',
    'csistoragecapacities',
    'storageclasses',
    'volumeattachments',
    'volumeattributesclasses',
  ],
  'events.k8s.io': ['events'],
  'coordination.k8s.io': ['leasecandidates', 'leases'],
  'discovery.k8s.io': ['endpointslices'],
  'node.k8s.io': ['runtimeclasses'],
  'scheduling.k8s.io': ['priorityclasses', 'workloads'],
  'authentication.k8s.io': ['selfsubjectreviews', 'tokenreviews'],
  'authorization.k8s.io': [
    'localsubjectaccessreviews',
    'selfsubjectaccessreviews',
    'selfsubjectrulesreviews',
    'subjectaccessreviews',
  ],
  'certificates.k8s.io': ['certificatesigningrequests', 'clustertrustbundles', 'podcertificaterequests'],
  'admissionregistration.k8s.io': [
    'mutatingadmissionpolicies',
    'mutatingadmissionpolicybindings',
    'mutatingwebhookconfigurations',
    'validatingadmissionpolicies',
    'validatingadmissionpolicybindings',
    'validatingwebhookconfigurations',
  ],
  'apiextensions.k8s.io': ['customresourcedefinitions'],
  'apiregistration.k8s.io': ['apiservices'],
  'flowcontrol.apiserver.k8s.io': ['flowschemas', 'prioritylevelconfigurations'],
  'internal.apiserver.k8s.io': ['storageversions'],
  'resource.k8s.io': [
    'deviceclasses',
    'devicetaintrules',
    'resourceclaims',
    'resourceclaimtemplates',
    'resourceslices',
  ],
  'storagemigration.k8s.io': ['storageversionmigrations'],
};

/** Creating one of these asks a question and changes nothing. */
export const REVIEWS: ReadonlySet<string> = new Set([
  'selfsubjectreviews.authentication.k8s.io',
  'tokenreviews.authentication.k8s.io',
  'localsubjectaccessreviews.authorization.k8s.io',
  'selfsubjectaccessreviews.authorization.k8s.io',
  'selfsubjectrulesreviews.authorization.k8s.io',
  'subjectaccessreviews.authorization.k8s.io',
]);

/** Subresources that read or write by their verb. */
export const PLAIN_SUBRESOURCES: ReadonlySet<string> = new Set([
  'status',
  'scale',
  'log',
  'eviction',
  'finalize',
  'resize',
  'rollback',
]);

/** Subresources that reach into a container, a node or the cluster's trust, whatever the verb. */
export const ADMIN_SUBRESOURCES: ReadonlySet<string> = new Set([
  'exec',
  'attach',
  'portforward',
  'proxy',
  'ephemeralcontainers',
  'token',
  'approval',
  'binding',
]);

/** Groups in which every write decides who may do what. */
export const ADMIN_GROUPS: ReadonlySet<string> = new Set([
  'rbac.authorization.k8s.io',
  'admissionregistration.k8s.io',
  'apiregistration.k8s.io',
  'certificates.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'internal.apiserver.k8s.io',
]);

/** Core and other resources whose writes do the same. */
export const ADMIN_RESOURCES: ReadonlySet<string> = new Set([
  'bindings',
  // Pods are made by what stands in them, in whatever words.
  'controllerrevisions.apps',
  'podsecuritypolicies.policy',
  'podsecuritypolicies.extensions',
]);

/** `deployments.apps` -> how policy names it: built-in resources by their plain name, others with their group. */
export function resourceWord(group: string, resource: string): string {
  return isBuiltIn(group, resource) || group === '' ? resource : `${resource}.${group}`;
}

/** Whether the API server itself has the resource (any version). */
export function isBuiltIn(group: string, resource: string): boolean {
  return Object.hasOwn(BUILT_IN, group) && (BUILT_IN[group]?.includes(resource) ?? false);
}

/** Whether the group is one of the API server itself. */
export function isBuiltInGroup(group: string): boolean {
  return Object.hasOwn(BUILT_IN, group);
}

/** Paths outside of resources that a GET may read: discovery, schemas, health. Everything else is unknown. */
export function isDiscoveryPath(segments: readonly string[]): boolean {
  const [first = '', second = ''] = segments;
  switch (first) {
    case '':
      return segments.length === 0;
    case 'api':
      return segments.length <= 2;
    case 'apis':
      return segments.length <= 3;
    case 'version':
      return segments.length === 1;
    case 'openapi':
      return second === 'v2' ? segments.length === 2 : second === 'v3';
    case 'healthz':
    case 'livez':
    case 'readyz':
      return segments.length <= 2;
    case '.well-known':
      return segments.length === 2 && second === 'openid-configuration';
    // The public keys that the former names.
    case 'openid':
      return segments.join('/') === 'openid/v1/jwks';
    default:
      return false;
  }
}

/** Capabilities that a container may add without being able to leave it. */
const SAFE_CAPABILITIES: ReadonlySet<string> = new Set([
  'NET_BIND_SERVICE',
  'CHOWN',
  'KILL',
  'SETGID',
  'SETUID',
]);

export function isSafeCapability(name: string): boolean {
  return SAFE_CAPABILITIES.has(name.toUpperCase().replace(/^CAP_/, ''));
}

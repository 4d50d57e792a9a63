import { isSafeCapability } from './api-resources.ts';
import { isSet, type ProtobufField, readFields, repeated, single } from './protobuf-fields.ts';

type Fields = readonly ProtobufField[];

/** The way from a kind to the pod in it, as field numbers (k8s.io/api generated.proto of 1.20 to 1.34). */
const PATHS: Readonly<Record<string, readonly number[]>> = {
  Pod: [2],
  PodTemplate: [2, 2],
  ReplicationController: [2, 3, 2],
  ReplicaSet: [2, 3, 2],
  Deployment: [2, 3, 2],
  StatefulSet: [2, 3, 2],
  DaemonSet: [2, 2, 2],
  Job: [2, 6, 2],
  CronJob: [2, 5, 2, 6, 2],
};

/** core/v1 PodSpec. */
const POD = {
  volumes: 1,
  containers: [2, 20, 34],
  /** By its name, and the field that once held it. */
  accounts: [8, 9],
  nodeName: 10,
  hostNetwork: 11,
  hostPID: 12,
  hostIPC: 13,
  securityContext: 14,
} as const;
/** An ephemeral container's own fields stand in its first. */
const EPHEMERAL = 34;
const CONTAINER_SECURITY = 15;
/** core/v1 SecurityContext. */
const SECURITY = { capabilities: 1, privileged: 2, procMount: 9, windows: 10 } as const;
/** core/v1 PodSecurityContext and WindowsSecurityContextOptions. */
const POD_WINDOWS = 8;
const HOST_PROCESS = 4;

/** Ways out of a container that a pod in this object asks for; empty for kinds without pods. */
export function hostAccessOf(kind: string, object: Fields): readonly string[] {
  if (kind === 'PersistentVolume') return volumeAccess(object);
  const pod = podIn(kind, object);
  return pod === undefined ? [] : [...podAccess(pod)];
}

/** Service accounts that a pod in this object would run as, `default` apart. */
export function accountsOf(kind: string, object: Fields): readonly string[] {
  const pod = podIn(kind, object) ?? [];
  const names = POD.accounts.map((number) => single(pod, number)?.toString('utf8') ?? '');
  return [...new Set(names)].filter((name) => name !== '' && name !== 'default');
}

function podIn(kind: string, object: Fields): Fields | undefined {
  const path = PATHS[kind];
  if (path === undefined) return undefined;
  let fields = object;
  for (const number of path) fields = readFields(single(fields, number) ?? Buffer.alloc(0));
  return fields;
}

function podAccess(pod: Fields): Set<string> {
  const found = new Set<string>();
  for (const volume of repeated(pod, POD.volumes)) {
    const source = readFields(single(readFields(volume), 2) ?? Buffer.alloc(0));
    if (single(source, 1) !== undefined) found.add('hostPath');
  }
  if ((single(pod, POD.nodeName)?.length ?? 0) > 0) found.add('nodeName');
  if (isSet(pod, POD.hostNetwork)) found.add('hostNetwork');
  if (isSet(pod, POD.hostPID)) found.add('hostPID');
  if (isSet(pod, POD.hostIPC)) found.add('hostIPC');
  const context = readFields(single(pod, POD.securityContext) ?? Buffer.alloc(0));
  if (isHostProcess(context, POD_WINDOWS)) found.add('hostProcess');
  for (const number of POD.containers) {
    for (const container of repeated(pod, number)) {
      const fields = readFields(container);
      const own = number === EPHEMERAL ? readFields(single(fields, 1) ?? Buffer.alloc(0)) : fields;
      containerAccess(own, found);
    }
  }
  return found;
}

function containerAccess(container: Fields, found: Set<string>): void {
  const security = readFields(single(container, CONTAINER_SECURITY) ?? Buffer.alloc(0));
  if (isSet(security, SECURITY.privileged)) found.add('privileged');
  const procMount = single(security, SECURITY.procMount)?.toString('utf8') ?? '';
  if (procMount !== '' && procMount !== 'Default') found.add('procMount');
  if (isHostProcess(security, SECURITY.windows)) found.add('hostProcess');
  const capabilities = readFields(single(security, SECURITY.capabilities) ?? Buffer.alloc(0));
  for (const added of repeated(capabilities, 1)) {
    if (!isSafeCapability(added.toString('utf8'))) found.add('capabilities');
  }
}

function isHostProcess(context: Fields, windows: number): boolean {
  return isSet(readFields(single(context, windows) ?? Buffer.alloc(0)), HOST_PROCESS);
}

/** core/v1 PersistentVolumeSpec: its source, of which hostPath and local are a node's own disk. */
function volumeAccess(object: Fields): readonly string[] {
  const spec = readFields(single(object, 2) ?? Buffer.alloc(0));
  const source = readFields(single(spec, 2) ?? Buffer.alloc(0));
  return single(source, 3) !== undefined || single(source, 20) !== undefined ? ['hostPath'] : [];
}

import { bad, readFields, single } from './protobuf-fields.ts';
import { accountsOf, hostAccessOf } from './protobuf-pods.ts';

export interface ProtobufObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly hostAccess: readonly string[];
  readonly accounts: readonly string[];
}

/** `k8s\0`, then a runtime.Unknown (k8s.io/apimachinery/pkg/runtime/serializer/protobuf). */
const MAGIC = Buffer.from('k8s\0', 'latin1');

/** Kinds without ObjectMeta in field 1. */
const WITHOUT_METADATA: ReadonlySet<string> = new Set(['DeleteOptions', 'Status', 'PatchOptions']);

/**
 * Reads the envelope of an object in Kubernetes' protobuf, its name and namespace, and what a pod in it asks of its
 * node. Throws ProtocolViolation `bad_protobuf` for anything that two readers could take differently.
 */
export function readProtobufObject(bytes: Buffer): ProtobufObject {
  const { apiVersion, kind, raw } = readEnvelope(bytes);
  if (WITHOUT_METADATA.has(kind)) return { apiVersion, kind, hostAccess: [], accounts: [] };
  const fields = readFields(raw);
  const metadata = readFields(single(fields, 1) ?? Buffer.alloc(0));
  const name = text(single(metadata, 1));
  const namespace = text(single(metadata, 3));
  return {
    apiVersion,
    kind,
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    hostAccess: hostAccessOf(kind, fields),
    accounts: accountsOf(kind, fields),
  };
}

/** What the envelope says and holds. Throws ProtocolViolation `bad_protobuf`. */
export function readEnvelope(bytes: Buffer): {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Buffer;
} {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw bad('it does not begin as one');
  const unknown = readFields(bytes.subarray(MAGIC.length));
  const type = readFields(single(unknown, 1) ?? Buffer.alloc(0));
  const apiVersion = text(single(type, 1));
  const kind = text(single(type, 2));
  if (!kind || !apiVersion) throw bad('it does not say of which kind it is');
  if (text(single(unknown, 3))) throw bad('its content is encoded');
  return { apiVersion, kind, raw: single(unknown, 2) ?? Buffer.alloc(0) };
}

function text(bytes: Buffer | undefined): string | undefined {
  return bytes?.toString('utf8');
}

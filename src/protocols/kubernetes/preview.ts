import { z } from 'zod';
import type { Held } from './holding.ts';
import { impersonation } from './request-headers.ts';
import type { ResourceRequest } from './request-info.ts';
import { parameters } from './request-target.ts';
import { jsonDiff } from './results/json-diff.ts';
import { maskJsonText } from './results/json-masking.ts';
import { hidesFields } from './results/object-masks.ts';
import { objectMasksFor } from './results/response-masks.ts';
import type { KubernetesSession } from './session.ts';
import type { Surroundings } from './surroundings.ts';

/** How long an approver's question may wait for a preview, in milliseconds. */
const PREVIEW_MS = 5000;
const NO_PREVIEW = 'no preview of this kind of request';
/** Names of what goes with a deletion that are told; of more only the number. */
const MOST_NAMES = 20;

/**
 * What the request would change, in words for the approver: for writes the difference by a dry run on the server
 * (`dryRun=All`), for deletions what goes with them. Masked as the requester's own answers are. Never throws.
 */
export async function preview(held: Held, session: KubernetesSession, around: Surroundings): Promise<string> {
  const { info } = held.facts;
  const unknown = held.facts.facts.statements.some((one) =>
    one.actions.some(({ effect }) => effect === 'unknown'),
  );
  // A server behind the cluster's own may not know of dry runs, and would do it.
  if (info?.kind !== 'resource' || unknown) return NO_PREVIEW;
  if (info.subresource !== undefined && info.subresource !== 'scale') return NO_PREVIEW;
  const late = new Promise<string>((resolve) => {
    setTimeout(() => resolve('no preview: the cluster did not answer in time'), PREVIEW_MS).unref();
  });
  return Promise.race([late, previewOf(held, info, session, around)]).catch(
    () => 'no preview: it could not be made',
  );
}

function previewOf(
  held: Held,
  info: ResourceRequest,
  session: KubernetesSession,
  around: Surroundings,
): Promise<string> {
  switch (info.verb) {
    case 'create':
    case 'update':
    case 'patch':
      return writePreview(held, info, session, around);
    case 'delete':
    case 'deletecollection':
      return deletePreview(held, info, around);
    default:
      return Promise.resolve('it changes nothing by itself');
  }
}

/** The path of a request without its query. */
function pathOf(held: Held): string {
  return held.api.target.raw.split('?')[0] ?? '';
}

async function writePreview(
  held: Held,
  info: ResourceRequest,
  session: KubernetesSession,
  around: Surroundings,
): Promise<string> {
  const { api } = held;
  const { desk } = session;
  const as = around.impersonate ? impersonation(desk.requester) : {};
  const asked = parameters(api.target.query, 'dryRun');
  if (asked.length > 0 && !(asked.length === 1 && asked[0] === 'All')) return NO_PREVIEW;
  const dryRun = asked.length > 0 ? '' : `${api.target.raw.includes('?') ? '&' : '?'}dryRun=All`;
  const type = api.body?.type === '' ? 'application/json' : api.body?.type;
  const [after, before] = await Promise.all([
    around.cluster.askBytes(`${api.target.raw}${dryRun}`, api.body?.bytes ?? Buffer.alloc(0), {
      method: api.method,
      headers: { 'content-type': type, 'content-length': api.body?.bytes.length ?? 0, ...as },
    }),
    info.verb === 'create' ? undefined : around.cluster.ask(pathOf(held), undefined, { headers: as }),
  ]);
  const masks = objectMasksFor(desk.masks(), info, around.maskKey, desk.policy());
  const shown = (body: unknown) => maskJsonText(Buffer.from(JSON.stringify(body)), masks).toString('utf8');
  if (after.status >= 300) {
    const words = hidesFields(masks)
      ? 'its words may quote fields that are masked'
      : messageOf(after.body, shown);
    return `the dry run on the server failed: ${words}`;
  }
  const lines = jsonDiff(
    before === undefined || before.status >= 300 ? '{}' : shown(before.body),
    shown(after.body),
  );
  return lines.length === 0
    ? 'the dry run on the server changes nothing'
    : `dry run on the server:\n${lines.join('\n')}`;
}

const listSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        uid: z.string().optional(),
        ownerReferences: z.array(z.object({ uid: z.string() })).optional(),
      }),
    }),
  ),
});
const objectSchema = z.object({ metadata: z.object({ uid: z.string() }) });

/** Where what an object owns is looked for; the garbage collector goes by ownerReferences. */
const OWNED: readonly (readonly [path: string, resource: string])[] = [
  ['apis/apps/v1', 'replicasets'],
  ['apis/batch/v1', 'jobs'],
  ['api/v1', 'pods'],
];

async function deletePreview(held: Held, info: ResourceRequest, around: Surroundings): Promise<string> {
  const { cluster } = around;
  if (info.verb === 'deletecollection') {
    const names = namesOf((await cluster.ask(held.api.target.raw)).body);
    return `deletes ${counted(names, info.resource)}`;
  }
  if (info.resource === 'namespaces' && info.group === '') return namespacePreview(info, around);
  if (orphans(held)) return 'what it owns stays (orphaned)';
  const uid = objectSchema.safeParse((await cluster.ask(pathOf(held))).body).data?.metadata.uid;
  if (uid === undefined) return 'there is no such object now';
  const found: string[] = [];
  let owners = new Set([uid]);
  for (const [path, resource] of OWNED) {
    const { body } = await cluster.ask(`/${path}/namespaces/${info.namespace}/${resource}`);
    const owned = (listSchema.safeParse(body).data?.items ?? []).filter((item) =>
      item.metadata.ownerReferences?.some((owner) => owners.has(owner.uid)),
    );
    owners = new Set([...owners, ...owned.flatMap((item) => item.metadata.uid ?? [])]);
    if (owned.length > 0)
      found.push(
        counted(
          owned.map((item) => item.metadata.name),
          resource,
        ),
      );
  }
  return found.length === 0 ? 'nothing that it owns goes with it' : `with it go ${found.join('; ')}`;
}

async function namespacePreview(info: ResourceRequest, { cluster }: Surroundings): Promise<string> {
  const kinds = [
    'api/v1/pods',
    'apis/apps/v1/deployments',
    'api/v1/services',
    'api/v1/persistentvolumeclaims',
    'api/v1/configmaps',
    'api/v1/secrets',
  ];
  const counts = await Promise.all(
    kinds.map(async (kind) => {
      const at = kind.lastIndexOf('/');
      const { body } = await cluster.ask(`/${kind.slice(0, at)}/namespaces/${info.name}${kind.slice(at)}`);
      return `${namesOf(body).length} ${kind.slice(at + 1)}`;
    }),
  );
  return `everything in the namespace goes with it: ${counts.join(', ')}, and the rest`;
}

function orphans({ api }: Held): boolean {
  const asked = api.target.query.find(([name]) => name === 'propagationPolicy')?.[1];
  return (
    asked === 'Orphan' || /"propagationPolicy"\s*:\s*"Orphan"/.test(api.body?.bytes.toString('utf8') ?? '')
  );
}

function namesOf(body: unknown): readonly string[] {
  return (listSchema.safeParse(body).data?.items ?? []).map((item) => item.metadata.name);
}

function counted(names: readonly string[], resource: string): string {
  const shown = names.slice(0, MOST_NAMES).join(', ');
  const more = names.length > MOST_NAMES ? `, and ${names.length - MOST_NAMES} more` : '';
  return names.length === 0 ? `0 ${resource}` : `${names.length} ${resource} (${shown}${more})`;
}

function messageOf(body: unknown, shown: (body: unknown) => string): string {
  if (typeof body !== 'object' || body === null || !('message' in body)) return 'it gave no reason';
  const { message } = JSON.parse(shown({ message: body.message })) as { readonly message: unknown };
  return String(message).slice(0, 500);
}

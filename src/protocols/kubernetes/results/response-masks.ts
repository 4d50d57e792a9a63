import { systemClock } from '../../../base/clock.ts';
import { NotReachable } from '../../../base/errors.ts';
import { detectionOf } from '../../../masking/detectors.ts';
import { OutputMasking } from '../../../masking/output-masking.ts';
import type { HashKey } from '../../../masking/strategies.ts';
import type { ActiveMask, Policy } from '../../../policy/decision.ts';
import { resourceWord } from '../api-resources.ts';
import type { RequestInfo, ResourceRequest } from '../request-info.ts';
import { couldMeanField } from './field-globs.ts';
import { JsonMasking } from './json-masking.ts';
import { fieldMasks, hidesFields, type ObjectMasks } from './object-masks.ts';

/** Masks one answer as it comes; what `push` is given it may show at once, later, or in `end`. */
export interface AnswerMasking {
  /** Throws ProtocolViolation for what cannot be masked: then nothing more may be shown. */
  push(bytes: Buffer, show: (bytes: Buffer) => void): void;
  end(show: (bytes: Buffer) => void): void;
}

/** What is done to the answer of one request. */
export interface ResponseMasks {
  /** Undefined when the answer passes as it is. Throws NotReachable for one that may not pass. */
  maskingFor(contentType: string): AnswerMasking | undefined;
  /** Printed columns could show a masked field under another name. */
  readonly withoutTables: boolean;
  /** Why the cluster refuses may quote masked fields. */
  readonly withholdsRefusals: boolean;
}

const NONE: ResponseMasks = { maskingFor: () => undefined, withoutTables: false, withholdsRefusals: false };

/** What the policy's masks are over, whomever they hold for. */
export type MaskCoverage = Pick<Policy, 'hasMaskOver' | 'mayMask'>;

export function responseMasks(
  masks: readonly ActiveMask[],
  info: RequestInfo | undefined,
  key: HashKey,
  policy: MaskCoverage,
): ResponseMasks {
  // Discovery and schemas are the same for everybody.
  if (info?.kind === 'path') return NONE;
  const objects = objectMasksFor(masks, info, key, policy);
  const { detection } = objects;
  const structural = hidesFields(objects);
  if (!structural && detection === undefined) return NONE;
  return {
    withoutTables: objects.fields.length > 0 && !objects.secret,
    // They bring together what the client sent and what the cluster holds.
    withholdsRefusals: structural && (info?.verb === 'patch' || info?.verb === 'update'),
    maskingFor(contentType) {
      if (isJson(contentType)) return jsonMasking(objects, info?.verb === 'list');
      // What is masked by its place cannot be found there; a path that there is not is answered in plain text.
      if (structural && isObject(info) && !/^text\/plain\b/i.test(contentType)) {
        throw new NotReachable('cluster_unreachable', 'the cluster answers in a form that cannot be masked');
      }
      if (detection === undefined) return undefined;
      // Logs and whatever else a pod says: as a program's output is masked.
      return new OutputMasking({ masks: () => masks, key, clock: systemClock });
    },
  };
}

/** The masks over objects of the kind that a request is about. */
export function objectMasksFor(
  masks: readonly ActiveMask[],
  info: ResourceRequest | undefined,
  key: HashKey,
  policy: MaskCoverage,
): ObjectMasks {
  const resource = info === undefined ? '*' : resourceWord(info.group, info.resource);
  // Detectors of some fields only look at all of an object that has such fields: more than asked, never less.
  const detection = detectionOf(
    masks.filter(
      ({ columns, detect }) =>
        detect.length > 0 &&
        (columns.length === 0 || columns.some((column) => couldMeanField(column, resource, '*'))),
    ),
  );
  return {
    resource,
    namespace: info?.namespace || undefined,
    name: info?.name,
    fields: fieldMasks(masks, resource),
    secret: resource === 'secrets',
    covered: (field) => policy.hasMaskOver(field),
    anyCovered: policy.mayMask(`*/${resource}/*/*`),
    detection,
    key,
  };
}

/** The answer is an object of the API, not what a pod says. */
function isObject(info: ResourceRequest | undefined): boolean {
  return info === undefined || (info.subresource === undefined && info.verb !== 'proxy');
}

function isJson(contentType: string): boolean {
  return /^application\/json\b/i.test(contentType);
}

/**
 * What the cluster is asked to answer in: JSON, so that it can be masked and read in a recording. Anything else a
 * client would also take is left out; schemas and discovery come as the client wants them.
 */
export function acceptFor(
  accept: string | undefined,
  info: RequestInfo | undefined,
  masks: Pick<ResponseMasks, 'withoutTables'>,
): string | undefined {
  if (accept === undefined || info?.kind === 'path') return accept;
  const taken = accept
    .split(',')
    .map((one) => one.trim())
    .filter((one) => /^(application\/json(;|$)|\*\/\*)/i.test(one))
    .filter((one) => !masks.withoutTables || !/;\s*as=Table/i.test(one));
  return taken.length === 0 ? 'application/json' : taken.join(',');
}

function jsonMasking(masks: ObjectMasks, lists: boolean): AnswerMasking {
  const masking = new JsonMasking(masks, lists);
  return {
    push: (bytes, show) => masking.push(bytes, show),
    end: (show) => show(masking.end()),
  };
}

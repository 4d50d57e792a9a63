import { Transform, type TransformCallback } from 'node:stream';
import { systemClock } from '../../../base/clock.ts';
import { detectionOf } from '../../../masking/detectors.ts';
import { OutputMasking } from '../../../masking/output-masking.ts';
import type { HashKey } from '../../../masking/strategies.ts';
import type { ActiveMask } from '../../../policy/decision.ts';
import { overlap } from '../../../policy/object-globs.ts';
import { resourceWord } from '../api-resources.ts';
import type { RequestInfo, ResourceRequest } from '../request-info.ts';
import { JsonUnits } from './json-units.ts';
import { fieldMasks, maskObjectText, type ObjectMasks } from './object-masks.ts';

/** What is done to the answer of one request. */
export interface ResponseMasks {
  /** Undefined when the answer passes as it is. */
  streamFor(contentType: string, status: number): Transform | undefined;
  /** Printed columns could show a masked field under another name. */
  readonly withoutTables: boolean;
}

const NONE: ResponseMasks = { streamFor: () => undefined, withoutTables: false };

/** `covered` tells whether any mask of the policy is over a field, whomever it holds for. */
export function responseMasks(
  masks: readonly ActiveMask[],
  info: RequestInfo | undefined,
  key: HashKey,
  covered: (field: string) => boolean,
): ResponseMasks {
  // Discovery and schemas are the same for everybody.
  if (info?.kind === 'path') return NONE;
  const objects = objectMasksFor(masks, info, key, covered);
  const { detection } = objects;
  const structural = objects.secret || objects.fields.length > 0;
  if (!structural && detection === undefined) return NONE;
  return {
    withoutTables: objects.fields.length > 0 && !objects.secret,
    streamFor(contentType) {
      if (isJson(contentType)) return new JsonMasking(objects, info?.verb === 'list');
      return detection === undefined ? undefined : new TextMasking(masks, key);
    },
  };
}

/** The masks over objects of the kind that a request is about. */
export function objectMasksFor(
  masks: readonly ActiveMask[],
  info: ResourceRequest | undefined,
  key: HashKey,
  covered: (field: string) => boolean,
): ObjectMasks {
  const resource = info === undefined ? '*' : resourceWord(info.group, info.resource);
  // Detectors of some fields only look at all of an object that has such fields: more than asked, never less.
  const detection = detectionOf(
    masks.filter(
      ({ columns, detect }) =>
        detect.length > 0 &&
        (columns.length === 0 || columns.some((column) => overlap(column, `*/${resource}/*/*`))),
    ),
  );
  return {
    resource,
    namespace: info?.namespace || undefined,
    name: info?.name,
    fields: fieldMasks(masks, resource),
    secret: resource === 'secrets',
    covered,
    detection,
    key,
  };
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

class JsonMasking extends Transform {
  readonly #units: JsonUnits;

  constructor(masks: ObjectMasks, lists: boolean) {
    super();
    this.#units = new JsonUnits((unit) => maskObjectText(unit, masks), lists);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    attempt(done, () => this.#units.push(chunk));
  }

  override _flush(done: TransformCallback): void {
    attempt(done, () => this.#units.end());
  }
}

/** Logs and whatever else a pod says: as a program's output is masked. */
class TextMasking extends Transform {
  readonly #masking: OutputMasking;

  constructor(masks: readonly ActiveMask[], key: HashKey) {
    super();
    this.#masking = new OutputMasking({ masks: () => masks, key, clock: systemClock });
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#masking.push(chunk, (bytes) => this.push(bytes));
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error('the answer cannot be masked'));
    }
  }

  override _flush(done: TransformCallback): void {
    this.#masking.end((bytes) => this.push(bytes));
    done();
  }
}

/** What cannot be masked is not shown: the stream breaks. */
function attempt(done: TransformCallback, mask: () => Buffer): void {
  let masked: Buffer;
  try {
    masked = mask();
  } catch (error) {
    done(error instanceof Error ? error : new Error('the answer cannot be masked'));
    return;
  }
  if (masked.length === 0) done();
  else done(null, masked);
}

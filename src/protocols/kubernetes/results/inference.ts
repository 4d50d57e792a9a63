import { ProtocolViolation } from '../../../base/errors.ts';
import { readString, walkJson } from '../json-walk.ts';
import type { ApiRequest } from '../request-facts.ts';
import { parameters, type RequestQuery } from '../request-target.ts';
import { couldMeanField } from './field-globs.ts';
import { hidesFields, type ObjectMasks } from './object-masks.ts';

const JSON_PATCH = 'application/json-patch+json';
/** Where a test tells nothing that a mask could be over. */
const PLAIN_TESTS: ReadonlySet<string> = new Set([
  '/metadata/resourceVersion',
  '/metadata/uid',
  '/metadata/name',
  '/metadata/namespace',
  '/metadata/generation',
]);

/**
 * Refuses what would tell masked values without showing them in their place: a JSON Patch that copies or moves values
 * of such an object or compares them (RFC 6902), a selector by a masked field. Throws ProtocolViolation `masked_fields`.
 */
export function requireNoInference({ body, target }: ApiRequest, masks: ObjectMasks): void {
  if (!hidesFields(masks)) return;
  const operation = body?.type === JSON_PATCH ? tellingOperation(body.bytes) : undefined;
  if (operation !== undefined) {
    throw refused(
      `a JSON Patch may not ${operation} values where fields are masked; write the values themselves`,
    );
  }
  const selector = maskedSelector(target.query, masks);
  if (selector !== undefined) throw refused(`objects cannot be selected by ${selector}, which is masked`);
}

function tellingOperation(bytes: Buffer): string | undefined {
  const operations = new Map<string | number, { op?: string; path?: string }>();
  walkJson(bytes, {
    scalar(path, start, end) {
      const [index, key] = path;
      if (path.length !== 2 || index === undefined || (key !== 'op' && key !== 'path')) return;
      const operation = operations.get(index) ?? {};
      operation[key] = bytes[start] === 0x22 ? readString(bytes, start, end) : '';
      operations.set(index, operation);
    },
  });
  for (const { op, path = '' } of operations.values()) {
    if (op === 'copy' || op === 'move') return op;
    if (op === 'test' && !PLAIN_TESTS.has(path)) return op;
  }
  return undefined;
}

function maskedSelector(query: RequestQuery, { fields, resource }: ObjectMasks): string | undefined {
  const isMasked = (field: string) =>
    fields.some(({ globs }) =>
      globs.some(({ pattern }) => couldMeanField(pattern, resource, field.replaceAll('*', ''))),
    );
  if (parameters(query, 'labelSelector').some((text) => text !== '') && masksLabels(fields, resource))
    return 'labels';
  return parameters(query, 'fieldSelector')
    .flatMap((selector) => selector.split(','))
    .map((term) => term.split(/[=!]/, 1)[0]?.trim() ?? '')
    .find((field) => field !== '' && isMasked(field));
}

function masksLabels(fields: ObjectMasks['fields'], resource: string): boolean {
  return fields.some(({ globs }) =>
    globs.some(({ pattern }) => couldMeanField(pattern, resource, 'metadata.labels.*')),
  );
}

function refused(why: string): ProtocolViolation {
  return new ProtocolViolation('masked_fields', why);
}

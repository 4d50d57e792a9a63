import { UsageError } from '../../base/errors.ts';
import type { ApiRequest } from './request-facts.ts';
import { METHODS } from './request-info.ts';
import { readTarget } from './request-target.ts';

/**
 * Reads a request as `policy explain` takes it and as recordings show it: `DELETE /api/v1/namespaces/shop/pods/web`,
 * and below it the body as JSON or YAML. Throws UsageError `bad_statement`, ProtocolViolation `bad_request_target`.
 */
export function readStatement(text: string): ApiRequest {
  const end = text.indexOf('\n');
  const line = (end < 0 ? text : text.slice(0, end)).trim();
  const body = end < 0 ? '' : text.slice(end + 1).trim();
  const match = /^([A-Za-z]+)\s+(\/\S*)$/.exec(line);
  const method = METHODS.find((one) => one === match?.[1]?.toUpperCase());
  if (match === null || method === undefined) {
    throw new UsageError('bad_statement', 'a Kubernetes request is a method and a path', {
      next: `write: ${METHODS.join('|')} /api/v1/namespaces/default/pods; kubectl -v 6 prints them`,
    });
  }
  return {
    method,
    target: readTarget(match[2] ?? ''),
    body: body === '' ? undefined : { type: typeOf(body), bytes: Buffer.from(body) },
    impersonates: undefined,
  };
}

function typeOf(body: string): string {
  return /^[{[]/.test(body) ? 'application/json' : 'application/yaml';
}

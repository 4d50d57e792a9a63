import { requestOfWords, type WrittenRequest } from './kubectl-words.ts';
import type { ApiRequest } from './request-facts.ts';
import { METHODS } from './request-info.ts';
import { readTarget } from './request-target.ts';

/**
 * Reads a request as `policy explain` takes it and as recordings show it, `DELETE /api/v1/namespaces/shop/pods/web`,
 * or as kubectl is asked for it, `delete pod web -n shop`; below it the body as JSON or YAML. `namespace` is where
 * commands mean that name none. Throws UsageError `bad_statement`, ProtocolViolation `bad_request_target`.
 */
export function readStatement(text: string, namespace = 'default'): ApiRequest {
  const end = text.indexOf('\n');
  const line = (end < 0 ? text : text.slice(0, end)).trim();
  const body = end < 0 ? '' : text.slice(end + 1).trim();
  const [word = '', path = ''] = line.split(/\s+/);
  const written = /^\/\S*$/.test(path) && line.split(/\s+/).length === 2;
  const method = METHODS.find((one) => one === word.toUpperCase());
  if (written && method !== undefined) return apiRequest({ method, target: path, body });
  return apiRequest(requestOfWords(line, body, namespace));
}

function apiRequest({ body, method, target, type }: WrittenRequest): ApiRequest {
  return {
    method,
    target: readTarget(target),
    body: body === '' ? undefined : { type: type ?? typeOf(body), bytes: Buffer.from(body) },
    impersonates: undefined,
  };
}

function typeOf(body: string): string {
  return /^[{[]/.test(body) ? 'application/json' : 'application/yaml';
}

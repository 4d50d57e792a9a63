import type { ActiveMask } from '../../policy/decision.ts';
import type { Action, TextFacts } from '../../sql/facts.ts';
import { protobufText } from './protobuf-text.ts';
import { type Reading, requestActions, type ServedLocally } from './request-actions.ts';
import { type BodyFacts, PROTOBUF, type RequestBody, readBody } from './request-body.ts';
import { type Method, type RequestInfo, requestInfo } from './request-info.ts';
import type { RequestTarget } from './request-target.ts';

/** A request as its client sent it, of which no byte has gone on. */
export interface ApiRequest {
  readonly method: Method;
  readonly target: RequestTarget;
  readonly body: RequestBody | undefined;
  /** Whom the client asked to be (`Impersonate-User` and its kin); never passed on. */
  readonly impersonates: string | undefined;
}

export interface RequestFacts {
  /** Undefined where the API server could not resolve it either. */
  readonly info: RequestInfo | undefined;
  readonly body: BodyFacts;
  readonly facts: TextFacts;
}

/**
 * Everything policy needs to know of a request. `unmaskable` is true where masks look at every value, so that what
 * passes unread could hold what they hide.
 */
export function requestFacts(
  request: ApiRequest,
  servedLocally: ServedLocally,
  unmaskable = false,
  reading?: Reading,
): RequestFacts {
  const { method, target } = request;
  const info = requestInfo(method, target);
  const body = readBody(request.body);
  const { actions, reasons } =
    info === undefined
      ? { actions: [unresolved(request)], reasons: ['its path names no resource'] }
      : requestActions(info, body, servedLocally, {
          query: target.query,
          unmaskable,
          bodyType: request.body?.type ?? '',
          reading,
        });
  const all: Action[] = [...actions];
  if (request.impersonates !== undefined) {
    const name = `/users/${request.impersonates}`;
    all.push({ effect: 'admin', command: `IMPERSONATE ${name}`, object: { kind: 'other', name } });
  }
  return { info, body, facts: factsOf(all, reasons, statementText(request).length) };
}

/** True when a mask looks at every value, which it can't where bytes are passed on unread. */
export function detecting(masks: readonly Pick<ActiveMask, 'detect'>[]): boolean {
  return masks.some(({ detect }) => detect.length > 0);
}

function unresolved({ method, target }: ApiRequest): Action {
  return { effect: 'unknown', command: `${method} ${target.raw}` };
}

function factsOf(actions: readonly Action[], reasons: readonly string[], end: number): TextFacts {
  return {
    statements: [
      {
        start: 0,
        end,
        tag: actions[0]?.command.split(' ')[0] ?? '',
        actions,
        conditions: [],
        functions: [],
        columnUses: [],
        changes: [],
        reasons,
        explainable: false,
        dependsOnSession: false,
      },
    ],
  };
}

/** What is recorded, hashed and approved: the request line and, where there is one, the body. */
export function statementText({ body, method, target }: ApiRequest): string {
  const line = `${method} ${target.raw}`;
  if (body === undefined || body.bytes.length === 0) return line;
  return `${line}\n${bodyText(body)}`;
}

/** Protobuf is written out; other bytes that are no text are shown in base64: complete, if not readable. */
function bodyText({ bytes, type }: RequestBody): string {
  try {
    if (type === PROTOBUF) return protobufText(bytes);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return `${type} in base64: ${bytes.toString('base64')}`;
  }
}

/** `write: shop/deployments/web`, one line an action. */
export function effectWords(facts: TextFacts): readonly string[] {
  return facts.statements.flatMap(({ actions }) =>
    actions.map((action) => `${action.effect}: ${action.command}`),
  );
}

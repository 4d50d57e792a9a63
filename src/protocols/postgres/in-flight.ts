import type { Judgement } from './judgement.ts';
import type { LargeObjectCall } from './large-objects.ts';
import type { Portal, PreparedStatement } from './names.ts';
import type { ResultPlan } from './result-plan.ts';

/**
 * What has been sent to the target and not yet been answered, in order (PostgreSQL docs 54.2.3: the backend
 * answers frontend messages in order, and after an error skips all of them up to the next Sync). Whatever the
 * target says is matched against the head, so that an answer nobody asked for is a violation.
 *
 * Mutable, on the path of every message.
 */
export type InFlight =
  | QueryInFlight
  | StatementInFlight
  | PortalInFlight
  | ExecuteInFlight
  | CloseInFlight
  | SyncInFlight
  | RefusalInFlight;

interface StatementInFlight {
  readonly kind: 'parse' | 'describe-statement';
  readonly statement: PreparedStatement;
  readonly own: boolean;
}

interface PortalInFlight {
  readonly kind: 'bind' | 'describe-portal';
  readonly portal: Portal;
  readonly own: boolean;
}

interface CloseInFlight {
  readonly kind: 'close';
  readonly what: 'statement' | 'portal';
  readonly name: string;
  readonly own: boolean;
}

interface SyncInFlight {
  readonly kind: 'sync';
  readonly own: boolean;
}

/** An Execute of a portal that cannot exist stands in for a refused message; its error is replaced by `error`. */
interface RefusalInFlight {
  readonly kind: 'refusal';
  readonly error: Buffer;
  readonly own: false;
}

/** A simple query: any number of results, then ReadyForQuery. */
export interface QueryInFlight {
  readonly kind: 'query';
  readonly judgement: Judgement;
  /** Which of its statements is answering now. */
  statement: number;
  plan: ResultPlan | undefined;
  /** The catalog as it was when this was sent (`CatalogChanges`); undefined when that needs no look any more. */
  mark?: number | undefined;
  /** It was a FunctionCall: one FunctionCallResponse in this format instead of results. */
  readonly call?: undefined | { readonly of: LargeObjectCall; readonly format: 0 | 1 };
  readonly own: false;
}

export interface ExecuteInFlight {
  readonly kind: 'execute';
  readonly portal: Portal;
  plan: ResultPlan | undefined;
  /** As of a query. */
  mark?: number | undefined;
  readonly own: boolean;
}

/**
 * An entry has the members of all kinds, so that all are of one shape to the engine: they are read at every message of
 * the target, and what comes in many shapes is slow to read.
 */
class Entry {
  readonly kind: InFlight['kind'];
  readonly own: boolean;
  portal: Portal | undefined = undefined;
  statement: PreparedStatement | number | undefined = undefined;
  judgement: Judgement | undefined = undefined;
  plan: ResultPlan | undefined = undefined;
  mark: number | undefined = undefined;
  call: QueryInFlight['call'] = undefined;
  what: CloseInFlight['what'] | undefined = undefined;
  name: string | undefined = undefined;
  error: Buffer | undefined = undefined;

  constructor(kind: InFlight['kind'], own: boolean) {
    this.kind = kind;
    this.own = own;
  }
}

export function queryInFlight(
  judgement: Judgement,
  { mark, call }: Pick<QueryInFlight, 'mark' | 'call'>,
): QueryInFlight {
  const entry = new Entry('query', false);
  entry.judgement = judgement;
  entry.statement = 0;
  entry.mark = mark;
  entry.call = call;
  return entry as QueryInFlight;
}

export function statementInFlight(
  kind: StatementInFlight['kind'],
  statement: PreparedStatement,
  own = false,
): StatementInFlight {
  const entry = new Entry(kind, own);
  entry.statement = statement;
  return entry as StatementInFlight;
}

export function portalInFlight(kind: PortalInFlight['kind'], portal: Portal, own = false): PortalInFlight {
  const entry = new Entry(kind, own);
  entry.portal = portal;
  return entry as PortalInFlight;
}

/** `mark` as of the entry; undefined for the gateway's own. */
export function executeInFlight(portal: Portal, mark: number | undefined, own = false): ExecuteInFlight {
  const entry = new Entry('execute', own);
  entry.portal = portal;
  entry.mark = mark;
  return entry as ExecuteInFlight;
}

export function closeInFlight(what: CloseInFlight['what'], name: string, own = false): CloseInFlight {
  const entry = new Entry('close', own);
  entry.what = what;
  entry.name = name;
  return entry as CloseInFlight;
}

export function syncInFlight(own = false): SyncInFlight {
  return new Entry('sync', own) as SyncInFlight;
}

export function refusalInFlight(error: Buffer): RefusalInFlight {
  const entry = new Entry('refusal', false);
  entry.error = error;
  return entry as RefusalInFlight;
}

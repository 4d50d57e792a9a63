import { BACKEND } from './codec/message-types.ts';
import type { Exchange } from './exchange.ts';
import type { InFlight } from './in-flight.ts';
import type { OwnQueries } from './own-query.ts';
import type { ResultColumn } from './results/row-plan.ts';
import { unasked } from './unasked.ts';

/** BindComplete, ParseComplete or CloseComplete: the name counts, or is gone. Throws ProtocolViolation for any other head. */
export function confirmName({ names }: Exchange, type: number, head: InFlight): void {
  if (type === BACKEND.bindComplete && head.kind === 'bind') {
    if (!head.own) names.bindConfirmed(head.portal);
  } else if (type === BACKEND.parseComplete && head.kind === 'parse') {
    if (!head.own) names.parseConfirmed(head.statement);
  } else if (type === BACKEND.closeComplete && head.kind === 'close') {
    if (!head.own) names.closed(head.what, head.name);
  } else {
    throw unasked(type);
  }
}

/** The answer to a Describe. Throws ProtocolViolation for any other head. */
export function describeNamed(head: InFlight, columns: readonly ResultColumn[]): void {
  if (head.kind === 'describe-statement') {
    head.statement.columns = columns;
  } else if (head.kind === 'describe-portal') {
    head.portal.columns = columns;
    if (head.portal.statement) head.portal.statement.columns = columns;
  } else {
    throw unasked(BACKEND.rowDescription);
  }
}

/** An error in the extended protocol: the target skips what was sent behind it, up to the next Sync. */
export function dropSkipped(x: Exchange, own: OwnQueries): void {
  x.queue.failed((dropped) => {
    if (dropped.own && dropped.kind === 'execute') own.dropped();
    if (dropped.kind === 'parse' && !dropped.own) x.names.parseFailed(dropped.statement);
    if (dropped.kind === 'bind' && !dropped.own) x.names.bindFailed(dropped.portal);
    x.settled(dropped);
  });
}

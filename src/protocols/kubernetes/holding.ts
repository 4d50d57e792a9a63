import type { ApprovalCard } from '../../approval/request.ts';
import type { HoldOutcome, Judged, StatementToRecord } from '../../session/desk.ts';
import { preview } from './preview.ts';
import type { ApiRequest, RequestFacts } from './request-facts.ts';
import type { KubernetesSession } from './session.ts';
import { forbidden, type Status } from './status.ts';
import type { Surroundings } from './surroundings.ts';

/** A request that waits for somebody's yes. */
export interface Held {
  readonly api: ApiRequest;
  readonly facts: RequestFacts;
  readonly statement: StatementToRecord;
}

export type HoldAnswer =
  | { readonly outcome: 'approved'; readonly judged: Judged; readonly by: string }
  | { readonly outcome: 'refused'; readonly status: Status };

/** Asks, and waits until it is decided or `signal` says that the client went away. Throws what the desk throws. */
export async function holdRequest(
  held: Held,
  session: KubernetesSession,
  around: Surroundings,
  signal: AbortSignal,
): Promise<HoldAnswer> {
  const { desk } = session;
  const { api, statement } = held;
  const [estimate = '', ...rehearsal] = (await preview(held, session, around)).split('\n');
  const card: ApprovalCard = {
    requester: desk.requester.name,
    requesterKind: desk.requesterKind,
    requesterGroups: desk.requester.groups,
    clientAddress: session.clientAddress,
    target: around.description,
    transaction: 'inapplicable',
    statement: statement.text,
    parameters: [],
    effects: statement.effects,
    estimate,
    ...(rehearsal.length === 0 ? {} : { rehearsal }),
  };
  const hold = await desk.hold(statement, card, () => [
    statement.text,
    api.body?.type ?? '',
    api.body?.bytes ?? '',
  ]);
  const withdraw = () => hold.withdraw(String(signal.reason));
  signal.addEventListener('abort', withdraw);
  if (signal.aborted) withdraw();
  try {
    const outcome = await hold.outcome;
    if (outcome.outcome === 'approved') return outcome;
    return { outcome: 'refused', status: forbidden(refusalWords(hold.id, hold.rule, outcome)) };
  } finally {
    signal.removeEventListener('abort', withdraw);
  }
}

/** Why it does not run, and what may be done. */
function refusalWords(
  id: string,
  rule: string,
  outcome: Exclude<HoldOutcome, { outcome: 'approved' }>,
): string {
  switch (outcome.outcome) {
    case 'denied':
      return `${id} was denied by ${outcome.by}: ${outcome.reason} (rule "${rule}")`;
    case 'expired':
      return `${id} expired before anybody decided it (rule "${rule}"); run it again when an approver is there`;
    case 'withdrawn':
      return `${id} was withdrawn: ${outcome.reason} (rule "${rule}")`;
    case 'refused':
      return `${id} could not run: ${outcome.reason} (rule "${rule}")`;
    default:
      return outcome satisfies never;
  }
}

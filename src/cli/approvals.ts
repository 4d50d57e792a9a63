import type { ApprovalView } from '../api/approval-schemas.ts';
import type { Client } from '../api/client.ts';
import { wrapText } from '../base/text-width.ts';
import { acting } from './acting.ts';
import { approvalCard } from './approval-card.ts';
import type { Io } from './io.ts';
import { listing } from './listing.ts';
import { printDocument, tell } from './output.ts';
import type { StepUp } from './step-up.ts';
import { shownTime } from './times.ts';
import { visible } from './visible-text.ts';

/** Columns of a statement's beginning in the list; the card shows all of it. */
const PREVIEW = 48;

export async function run(
  options: {
    readonly json: boolean;
    readonly all: boolean;
    readonly watch: boolean;
    /** The commands go to one. */
    readonly gateway: boolean;
    readonly stepUp: StepUp | undefined;
    readonly id: string | undefined;
  },
  io: Io,
  client: Client,
): Promise<number> {
  if (options.watch) {
    const { watchApprovals } = await import('./approvals-watch.ts');
    const { gateway, json, stepUp } = options;
    return watchApprovals({ json, lasting: gateway, stepUp }, io, client);
  }
  if (options.id !== undefined) return showOne(options.id, options.json, io, client);
  const { approvals } = await client.call('approvalList', {
    query: { status: options.all ? 'all' : 'pending' },
  });
  if (options.json) printDocument(io, { approvals });
  else if (approvals.length > 0) printList(approvals, io);
  else tell(io, options.all ? 'there are no approvals yet' : 'nothing is waiting');
  return 0;
}

/** The whole card of one, whatever became of it. */
async function showOne(id: string, json: boolean, io: Io, client: Client): Promise<number> {
  const approval = await client.call('approvalShow', { params: { id } });
  if (json) printDocument(io, { approval });
  else for (const line of approvalCard(approval, io.out, io.now())) io.out.write(`${line}\n`);
  return 0;
}

function printList(approvals: readonly ApprovalView[], io: Io): void {
  const rows = approvals.map((approval) => [
    approval.id,
    approval.status === 'pending' ? (approval.mayDecide ? 'you may decide' : 'not yours') : approval.status,
    acting(approval.requester, approval.endUser),
    approval.connection,
    shownTime(approval.createdAt, io.out, io.now()),
    shownTime(approval.expiresAt, io.out, io.now()),
    preview(approval.statement),
  ]);
  io.out.write(listing(io.out, ['id', 'state', 'who', 'where', 'since', 'expires', 'statement'], rows));
  const first = approvals.find(({ mayDecide, status }) => mayDecide && status === 'pending');
  if (first !== undefined) tell(io, `Next: hoopctl approve ${first.id}`);
}

function preview(statement: string): string {
  const [line = '', ...rest] = wrapText(visible(statement.replace(/\s+/g, ' ').trim()), PREVIEW);
  return rest.length === 0 ? line : `${line}…`;
}

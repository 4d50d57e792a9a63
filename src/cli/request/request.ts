import type { ApprovalView } from '../../api/approval-schemas.ts';
import type { Client } from '../../api/client.ts';
import { UsageError } from '../../base/errors.ts';
import { textsOf } from '../exec/exec.ts';
import type { Io } from '../io.ts';
import { printDocument, say, tell } from '../output.ts';
import { type StatedOptions, statedOf } from '../stated.ts';
import { shownTime } from '../times.ts';
import { visible } from '../visible-text.ts';
import { followToApproval } from './follow.ts';

export interface RequestOptions extends StatedOptions {
  readonly json: boolean;
  readonly name: string;
  readonly commands: readonly string[];
  readonly file: string | undefined;
  /** Milliseconds; undefined until the request expires. */
  readonly wait: number | undefined;
  /** Answer at once. */
  readonly noWait: boolean;
}

/** Asks for the approval of a text that `hoopctl run` runs later; the id goes to stdout. */
export async function run(options: RequestOptions, io: Io, client: Client): Promise<void> {
  const { json, name, noWait, wait } = options;
  if ((options.reason ?? '').trim() === '') {
    throw new UsageError('missing_flag', '--reason is missing', {
      why: 'an approver reads it before anything runs',
      next: `hoopctl request ${name} -f FILE --reason TEXT`,
    });
  }
  const [text = '', ...more] = await textsOf(options, io, 'request');
  if (more.length > 0) {
    throw new UsageError('several_texts', 'a request is one text', {
      next: 'put the statements into a file',
    });
  }
  const asked = await client.call('requestCreate', {
    body: { connection: name, text, ...statedOf(options) },
  });
  const { approval, decision, rule } = asked;
  if (approval === null) {
    if (json) return printDocument(io, { decision, rule, approval });
    const by = rule === null ? 'the policy allows it' : `rule "${rule}" allows it`;
    return tell(io, visible(`no approval is needed: ${by}. Next: hoopctl exec ${name}`));
  }
  if (noWait) return printAsked(io, json, { decision, rule, approval });
  const approved = await followToApproval(approval.id, wait, io, client);
  printAsked(io, json, { decision, rule, approval: approved });
}

function printAsked(
  io: Io,
  json: boolean,
  asked: { readonly decision: string; readonly rule: string | null; readonly approval: ApprovalView },
): void {
  if (json) return printDocument(io, asked);
  const { approval } = asked;
  say(io, approval.id);
  const until = shownTime(approval.expiresAt, io.err, io.now());
  const next =
    approval.status === 'approved'
      ? `approved; run it once, until ${until}: hoopctl run ${approval.id}`
      : `waits until ${until} for ${approval.approvers.join(', ') || 'any approver'}: hoopctl approve ${approval.id}`;
  tell(io, visible(next));
}

import type { Client } from '../api/client.ts';
import {
  checkReason,
  printDecision,
  requirePresence,
  sendDecision,
  showForDecision,
  undecided,
} from './decide.ts';
import type { Io } from './io.ts';
import { askWith } from './questions.ts';
import type { StepUp } from './step-up.ts';

export interface ApproveOptions {
  readonly json: boolean;
  readonly id: string;
  readonly yes: boolean;
  readonly comment?: string | undefined;
  readonly passphraseStdin: boolean;
  readonly stepUp: StepUp | undefined;
}

export async function run(options: ApproveOptions, io: Io, client: Client): Promise<void> {
  const comment = options.comment === undefined ? {} : { reason: checkReason(options.comment) };
  const prompts = options.yes ? undefined : askWith(io, 'approving needs a yes', '--yes');
  const approval = await client.call('approvalShow', { params: { id: options.id } });
  requirePresence(io, approval, options.passphraseStdin);
  await showForDecision(io, approval);
  if (prompts !== undefined && !(await prompts.confirm('Approve this statement?'))) throw undecided(approval);
  const decided = await sendDecision(io, client, approval, { decision: 'approve', ...comment }, options);
  printDecision(io, options.json, decided);
}

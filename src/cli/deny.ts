import type { Client } from '../api/client.ts';
import { checkReason, printDecision, requirePresence, sendDecision, showForDecision } from './decide.ts';
import type { Io } from './io.ts';
import { askWith } from './questions.ts';
import type { StepUp } from './step-up.ts';

export interface DenyOptions {
  readonly json: boolean;
  readonly id: string;
  readonly reason: string | undefined;
  readonly passphraseStdin: boolean;
  readonly stepUp: StepUp | undefined;
}

export async function run(options: DenyOptions, io: Io, client: Client): Promise<void> {
  const given = options.reason === undefined ? undefined : checkReason(options.reason);
  const prompts = given === undefined ? askWith(io, 'denying needs a reason', '--reason TEXT') : undefined;
  const approval = await client.call('approvalShow', { params: { id: options.id } });
  requirePresence(io, approval, options.passphraseStdin);
  await showForDecision(io, approval);
  const reason = given ?? checkReason((await prompts?.line('Reason, for the requester:')) ?? '');
  const decided = await sendDecision(io, client, approval, { decision: 'deny', reason }, options);
  printDecision(io, options.json, decided);
}

import { Conflict } from '../../base/errors.ts';
import type { Decision } from '../../policy/decision.ts';
import type { Judged, StatementToRecord } from '../../session/desk.ts';
import { choose } from './choosing.ts';
import type { ContainerShell } from './container-shell.ts';
import { holdRequest } from './holding.ts';
import {
  type ApiRequest,
  detecting,
  effectWords,
  type RequestFacts,
  statementText,
} from './request-facts.ts';
import { requireNoInference } from './results/inference.ts';
import { objectMasksFor } from './results/response-masks.ts';
import type { KubernetesSession } from './session.ts';
import { blockedStatus, type Status } from './status.ts';
import type { Surroundings } from './surroundings.ts';

/** What became of a request: the key to the door, or what its client is told. */
export type Verdict =
  | {
      readonly outcome: 'allowed';
      readonly key: Judged;
      readonly facts: RequestFacts;
      /** Who approved it, where somebody had to. */
      readonly by: string | undefined;
      /** The shell of which each line is to be judged. */
      readonly gated: ContainerShell | undefined;
    }
  | { readonly outcome: 'refused'; readonly status: Status };

/** A decision of a policy that was just replaced is made again this often. */
const MOST_ATTEMPTS = 3;

/**
 * Judges a request, and waits where somebody must approve it. `analyse` is asked anew when the policy changed
 * meanwhile. Throws what the desk throws, and ProtocolViolation `masked_fields`.
 */
export async function judgeRequest(
  api: ApiRequest,
  session: KubernetesSession,
  around: Surroundings,
  signal: AbortSignal,
): Promise<Verdict> {
  const { desk } = session;
  await around.groups.refresh();
  for (let attempt = 1; ; attempt++) {
    const { decision, facts, gated } = choose(
      api,
      around.groups.servedLocally,
      detecting(desk.masks()),
      (read) => desk.decide(read),
    );
    const { info } = facts;
    if (info?.kind === 'resource') {
      requireNoInference(api, objectMasksFor(desk.masks(), info, around.maskKey, desk.policy()));
    }
    const statement = statementOf(api, facts, decision);
    try {
      switch (decision.outcome) {
        case 'allow':
          return { outcome: 'allowed', key: desk.pass(statement), facts, by: undefined, gated };
        case 'block': {
          desk.refuse(statement);
          const line = `${api.method} ${api.target.raw}`;
          return { outcome: 'refused', status: blockedStatus(decision, desk.target.connection, line) };
        }
        case 'approve': {
          const answer = await holdRequest({ api, facts, statement }, session, around, signal);
          if (answer.outcome === 'refused') return answer;
          return { outcome: 'allowed', key: answer.judged, facts, by: answer.by, gated };
        }
        default:
          return decision satisfies never;
      }
    } catch (error) {
      const again = error instanceof Conflict && error.code === 'policy_changed' && attempt < MOST_ATTEMPTS;
      if (!again) throw error;
    }
  }
}

function statementOf(api: ApiRequest, facts: RequestFacts, decision: Decision): StatementToRecord {
  return { text: statementText(api), decision, effects: effectWords(facts.facts) };
}

import type { Decision } from '../../policy/decision.ts';
import { isStricter } from '../../policy/rule.ts';
import type { TextFacts } from '../../sql/facts.ts';
import { programOptions } from './connect-actions.ts';
import { type ContainerShell, containerShell } from './container-shell.ts';
import type { Reading, ServedLocally } from './request-actions.ts';
import { type ApiRequest, type RequestFacts, requestFacts } from './request-facts.ts';
import { parameters } from './request-target.ts';

/** A request as it is to be carried out, and what policy says of that. */
export interface Choice {
  readonly facts: RequestFacts;
  readonly decision: Decision;
  /** The shell of which each line is to be judged; undefined for all other requests. */
  readonly gated: ContainerShell | undefined;
}

/**
 * Decides a request. Some can be several things, of which policy gives the one that it lets in most easily: a write that
 * is only rehearsed is that write, or `DRY-RUN`; an interactive shell is the program by its name, `SHELL`, both of which
 * are recorded only, or `LINE-GATED SHELL`.
 */
export function choose(
  api: ApiRequest,
  servedLocally: ServedLocally,
  unmaskable: boolean,
  decide: (facts: TextFacts) => Decision,
): Choice {
  const as = (reading?: Reading): Choice => {
    const facts = requestFacts(api, servedLocally, unmaskable, reading);
    return { facts, decision: decide(facts.facts), gated: undefined };
  };
  const plain = as();
  const { info } = plain.facts;
  if (info?.kind !== 'resource') return plain;
  if (parameters(api.target.query, 'dryRun').length > 0) {
    const rehearsal = as('dry-run');
    return isStricter(plain.decision.outcome, rehearsal.decision.outcome) ? rehearsal : plain;
  }
  return info.resource === 'pods' && info.subresource === 'exec' ? chooseShell(api, plain, as) : plain;
}

function chooseShell(api: ApiRequest, program: Choice, as: (reading: Reading) => Choice): Choice {
  const options = programOptions(api.target.query);
  const shell = containerShell(options);
  if (shell === undefined) return withAdvice(program, as, options.stdin);
  const recorded = easier(program, as('recorded'));
  const gated = as('line-gated');
  return isStricter(recorded.decision.outcome, gated.decision.outcome)
    ? { ...gated, gated: shell }
    : recorded;
}

/** What a rule blocks by either of its names is blocked. */
function easier(program: Choice, shell: Choice): Choice {
  for (const one of [program, shell]) {
    if (one.decision.outcome === 'block' && one.decision.rule !== undefined) return one;
  }
  return isStricter(program.decision.outcome, shell.decision.outcome) ? shell : program;
}

/** Where policy would open a shell whose lines are judged, whoever asked for another program is told so. */
function withAdvice(program: Choice, as: (reading: Reading) => Choice, stdin: boolean): Choice {
  const { decision } = program;
  if (!stdin || decision.outcome !== 'block' || as('line-gated').decision.outcome === 'block') return program;
  const advice = 'lines can be judged in a plain bash or sh alone: kubectl exec -it POD -- bash';
  const message = decision.message === undefined ? advice : `${decision.message}; ${advice}`;
  return { ...program, decision: { ...decision, message } };
}

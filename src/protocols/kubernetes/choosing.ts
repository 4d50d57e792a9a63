import type { Decision } from '../../policy/decision.ts';
import { gatesLines } from '../../session/command-line/judgement.ts';
import type { TextFacts } from '../../sql/facts.ts';
import { programOptions, type ShellReading } from './connect-actions.ts';
import { type ContainerShell, containerShell } from './container-shell.ts';
import type { ServedLocally } from './request-actions.ts';
import { type ApiRequest, type RequestFacts, requestFacts } from './request-facts.ts';

/** A request as it is to be carried out, and what policy says of that. */
export interface Choice {
  readonly facts: RequestFacts;
  readonly decision: Decision;
  /** The shell of which each line is to be judged; undefined for all other requests. */
  readonly gated: ContainerShell | undefined;
}

/**
 * Decides a request. An interactive shell can be three things, of which policy gives the one that it lets in most
 * easily: the program by its name, `SHELL`, both of which are recorded only, and `LINE-GATED SHELL`.
 */
export function choose(
  api: ApiRequest,
  servedLocally: ServedLocally,
  unmaskable: boolean,
  decide: (facts: TextFacts) => Decision,
): Choice {
  const as = (reading: ShellReading) => {
    const facts = requestFacts(api, servedLocally, unmaskable, reading);
    return { facts, decision: decide(facts.facts), gated: undefined };
  };
  const program = as('program');
  const { info } = program.facts;
  if (info?.kind !== 'resource' || info.resource !== 'pods' || info.subresource !== 'exec') return program;
  const shell = containerShell(programOptions(api.target.query));
  if (shell === undefined) return withAdvice(program, as, programOptions(api.target.query).stdin);
  const recorded = easier(program, as('recorded'));
  const gated = as('line-gated');
  return gatesLines(recorded.decision, gated.decision) ? { ...gated, gated: shell } : recorded;
}

/** What a rule blocks by either of its names is blocked. */
function easier(program: Choice, shell: Choice): Choice {
  for (const one of [program, shell]) {
    if (one.decision.outcome === 'block' && one.decision.rule !== undefined) return one;
  }
  return gatesLines(program.decision, shell.decision) ? shell : program;
}

/** Where policy would open a shell whose lines are judged, whoever asked for another program is told so. */
function withAdvice(program: Choice, as: (reading: ShellReading) => Choice, stdin: boolean): Choice {
  const { decision } = program;
  if (!stdin || decision.outcome !== 'block' || as('line-gated').decision.outcome === 'block') return program;
  const advice = 'lines can be judged in a plain bash or sh alone: kubectl exec -it POD -- bash';
  const message = decision.message === undefined ? advice : `${decision.message}; ${advice}`;
  return { ...program, decision: { ...decision, message } };
}

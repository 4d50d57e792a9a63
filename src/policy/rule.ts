import type { Action, Effect, StatementFacts } from '../sql/facts.ts';
import type { ApprovalTerms, PolicyTarget, Requester } from './decision.ts';
import { anyMatches, compileGlob } from './glob.ts';
import { compileObjects } from './object-globs.ts';
import { type Coverage, compileTables, weaker } from './objects.ts';
import { compileRequirement, type Requirement } from './requirement.ts';
import {
  DEFAULT_APPROVALS,
  DEFAULT_COMMIT_EXPIRES_MS,
  DEFAULT_EXPIRES_MS,
  type PolicyRule,
} from './schema.ts';
import { admitsEither, compileConnections, compilePrincipals, type FileGroups } from './selectors.ts';

export type Outcome = 'allow' | 'approve' | 'block';

const STRICTNESS: Readonly<Record<Outcome, number>> = { allow: 0, approve: 1, block: 2 };

/** block before approve before allow. */
export function isStricter(a: Outcome, b: Outcome): boolean {
  return STRICTNESS[a] > STRICTNESS[b];
}

/** A rule ready to be asked. */
export interface CompiledRule {
  readonly name: string;
  readonly decision: Outcome;
  readonly message: string | undefined;
  readonly terms: ApprovalTerms;
  /** What it wants to be told first. */
  readonly requirement: Requirement | undefined;
  appliesTo(requester: Requester, target: PolicyTarget): boolean;
  covers(action: Action, statement: StatementFacts): Coverage;
  /** It would cover the action if the planner's estimate, which nobody asked for yet, were high. */
  wantsEstimate(action: Action, statement: StatementFacts): boolean;
}

/** What an approval needs when nothing else is said. */
export const DEFAULT_TERMS: ApprovalTerms = {
  approvers: [],
  approvals: DEFAULT_APPROVALS,
  expires: DEFAULT_EXPIRES_MS,
  selfApproval: false,
};

export function compileRule(rule: PolicyRule, groups: FileGroups): CompiledRule {
  const who = rule.who && compilePrincipals(rule.who, groups);
  const connections = rule.connections && compileConnections(rule.connections);
  const coversEffect = compileEffects(rule);
  const tables = rule.tables && compileTables(rule.tables);
  const objects = rule.objects && compileObjects(rule.objects);
  const coversCommand = compileCommands(rule);
  const conditions = rule.when && new Set(rule.when);
  const meets = compileThresholds(rule);

  function coversBesideEstimate(action: Action, statement: StatementFacts): Coverage {
    if (!coversEffect(action.effect) || !coversCommand(action)) return 'none';
    if (conditions && !statement.conditions.some((condition) => conditions.has(condition))) return 'none';
    if (!meets(statement)) return 'none';
    return weaker(
      tables?.covers(action, rule.decision === 'allow') ?? 'sure',
      objects?.covers(action, rule.decision === 'allow') ?? 'sure',
    );
  }

  return {
    name: rule.name,
    decision: rule.decision,
    message: rule.message,
    terms: {
      approvers: approversOf(rule) ?? DEFAULT_TERMS.approvers,
      ...(rule.all_of === undefined ? {} : { allOf: rule.all_of }),
      approvals: rule.approvals ?? rule.all_of?.length ?? DEFAULT_TERMS.approvals,
      expires: rule.expires ?? (rule.at === 'commit' ? DEFAULT_COMMIT_EXPIRES_MS : DEFAULT_TERMS.expires),
      selfApproval: rule.self_approval ?? DEFAULT_TERMS.selfApproval,
      ...(rule.rehearse ? { rehearse: true } : {}),
      ...(rule.at === 'commit' ? { at: 'commit' } : {}),
    },
    requirement: compileRequirement(rule.require),
    appliesTo: (requester, target) =>
      (who === undefined || admitsEither(who, requester)) && (connections?.selects(target) ?? true),
    covers(action, statement) {
      const coverage = coversBesideEstimate(action, statement);
      if (coverage === 'none' || rule.estimated_rows_above === undefined) return coverage;
      return exceeds(statement.estimatedRows, rule.estimated_rows_above, rule) ? coverage : 'none';
    },
    wantsEstimate: (action, statement) =>
      rule.estimated_rows_above !== undefined &&
      statement.explainable &&
      statement.estimatedRows === undefined &&
      coversBesideEstimate(action, statement) !== 'none',
  };
}

/** Who of all may decide: those of whom each must, and others whom the rule names. */
export function approversOf({ all_of, approvers }: Pick<PolicyRule, 'all_of' | 'approvers'>) {
  if (all_of === undefined) return approvers;
  return [...new Set([...(approvers ?? []), ...all_of])];
}

/** Sizes that a rule asks for besides what is done. */
function compileThresholds(rule: PolicyRule): (statement: StatementFacts) => boolean {
  const { table_rows_above: rows, statement_bytes_above: bytes } = rule;
  return (statement) =>
    (bytes === undefined || statement.end - statement.start > bytes) &&
    (rows === undefined || exceeds(statement.tableRows, rows, rule));
}

/** What is not known is taken for more than any number, unless something would be let through for it. */
function exceeds(value: number | undefined, above: number, rule: PolicyRule): boolean {
  return value === undefined || value < 0 ? rule.decision !== 'allow' : value > above;
}

/** Leaving effects out means all of them, but only a block rule may mean `unknown` without naming it. */
function compileEffects(rule: PolicyRule): (effect: Effect) => boolean {
  if (rule.effects === undefined) return (effect) => effect !== 'unknown' || rule.decision === 'block';
  const effects = new Set<Effect>(rule.effects);
  return (effect) => effects.has(effect);
}

/**
 * Command words match from the left, word by word: `DROP` covers `DROP TABLE public.t`, not `DROPPED`. In any letter
 * case, except where a rule lets something through and two spellings are two programs.
 */
function compileCommands({ commands, decision }: PolicyRule): (action: Action) => boolean {
  if (commands === undefined) return () => true;
  const globs = (ignoreCase: boolean) =>
    commands.flatMap((command) => {
      const words = command.trim().replace(/\s+/g, ' ');
      return [compileGlob(words, { ignoreCase }), compileGlob(`${words} *`, { ignoreCase })];
    });
  const loose = globs(true);
  const exact = globs(false);
  return ({ caseMatters, command }) =>
    anyMatches(caseMatters && decision === 'allow' ? exact : loose, command);
}

import { ROLES } from '../identity/roles.ts';
import type { Action, StatementFacts, TextFacts } from '../sql/facts.ts';
import type { ApprovalTerms, Decision, MatchedRule, Policy, PolicyTarget, Requester } from './decision.ts';
import { compileFunctions } from './function-classes.ts';
import { anyMatches } from './glob.ts';
import { compileGuards, makesRoles } from './guards.ts';
import { mayComeByIssuer } from './issuers-of.ts';
import { compileLimits } from './limits.ts';
import { type CompiledMask, compileMask, type Exposure, exposures } from './masks.ts';
import { compileNameGlob } from './name-glob.ts';
import { overlap } from './object-globs.ts';
import { compilePeople } from './people.ts';
import type { PolicyFile } from './problem.ts';
import { missingFrom, STATED_SETTINGS } from './requirement.ts';
import { type CompiledRule, compileRule, DEFAULT_TERMS, isStricter, type Outcome } from './rule.ts';
import type { PolicyDocument } from './schema.ts';
import { compileGroups, compilePrincipals, type FileGroups, type Principal } from './selectors.ts';
import { joinTerms, listName, listsOf, wantedOf } from './terms.ts';

/** How many reasons one message to a client names. */
const MOST_REASONS = 3;

/** One action, judged. */
interface Verdict {
  readonly outcome: Outcome;
  readonly action: Action;
  readonly statement: StatementFacts;
  /** The first of the strictest matching rules; undefined when the default decided. */
  readonly rule: CompiledRule | undefined;
  readonly matched: readonly CompiledRule[];
  /** Why an `unknown` action is unknown. */
  readonly reasons: readonly string[];
}

/** Makes a parsed policy ready to decide. `hash` names it in every decision: `policyHash` of its text. */
export function compilePolicy(file: PolicyDocument | PolicyFile, hash: string): Policy {
  const groups = compileGroups(file.groups);
  const rules = file.rules.map((rule) => compileRule(rule, groups));
  const masks = file.masks.map((mask) => compileMask(mask, groups));

  const masksOf = (requester: Requester): readonly CompiledMask[] =>
    masks.filter((mask) => mask.holdsFor(requester));

  const roles = ROLES.flatMap((role) => {
    const who = file.identity.roles[role];
    return who === undefined ? [] : [{ role, who: compilePrincipals(who, groups) }];
  });

  const delegations = file.identity.on_behalf_of.map(({ who, acts_for }) => ({
    who: compilePrincipals(who, groups),
    people: acts_for.map((glob) => compileNameGlob(glob)),
  }));

  return {
    hash,
    issuers: file.identity.issuers,
    saml: file.identity.saml,
    namesOf: compilePeople(file.identity.people),
    rolesOf: (identity) => roles.filter(({ who }) => who.admits(identity)).map(({ role }) => role),
    mayActFor: (machine, person) =>
      delegations.some(({ who, people }) => who.admits(machine) && anyMatches(people, person)),
    functionsFor: compileFunctions(file.functions),
    limitsFor: compileLimits(file.limits, groups),
    guardFor: compileGuards(file.guards, groups),
    masksFor: (requester) => masksOf(requester).map((mask) => mask.active),
    hasMaskOver: (column) => masks.some((mask) => anyMatches(mask.columns, column)),
    mayMask: (pattern) =>
      masks.some((mask) => mask.columns.some((column) => overlap(column.pattern, pattern))),
    makesRoles: (target) => makesRoles(file.guards, target),
    mayApprove: (terms, identity) => admitted(terms, identity, groups),
    standsFor: (terms, identity) => standsFor(terms, identity, groups),
    approversMayCome: (terms) =>
      [terms.approvers, ...(terms.alsoAdmittedBy ?? []), ...(terms.allOf ?? []).map((one) => [one])].every(
        (list) => mayComeByIssuer(list, file),
      ),
    mayConnect: (requester, target) =>
      file.default !== 'block' ||
      rules.some((rule) => rule.decision !== 'block' && rule.appliesTo(requester, target)),
    decide(requester, target, facts) {
      const applying = rules.filter((rule) => rule.appliesTo(requester, target));
      const verdicts = judgeText(facts, applying, file.default, masksOf(requester));
      const decision = decisionOf(verdicts, { requester, target, hash });
      return wantsEstimate(facts, applying) ? { ...decision, wantsEstimate: true } : decision;
    },
  };
}

function wantsEstimate(facts: TextFacts, rules: readonly CompiledRule[]): boolean {
  return facts.statements.some((statement) =>
    statement.actions.some((action) => rules.some((rule) => rule.wantsEstimate(action, statement))),
  );
}

function judgeText(
  facts: TextFacts,
  rules: readonly CompiledRule[],
  fallback: Outcome,
  masks: readonly CompiledMask[],
): Verdict[] {
  return facts.statements.flatMap((statement) => {
    const verdicts = statement.actions.map((action) =>
      judge(action, statement, rules, fallback, action.effect === 'unknown' ? statement.reasons : []),
    );
    for (const exposure of exposures(statement, masks)) {
      verdicts.push(judge(unknownAction(statement, exposure), statement, rules, fallback, [exposure.reason]));
    }
    return verdicts;
  });
}

/** A masked value that could leak is an effect nobody can vouch for. */
function unknownAction(statement: StatementFacts, exposure: Exposure): Action {
  const command = exposure.column === '' ? statement.tag : `${statement.tag} ${exposure.column}`;
  if (exposure.table === undefined) return { effect: 'unknown', command };
  return { effect: 'unknown', command, object: { kind: 'table', name: exposure.table } };
}

/**
 * The strictest of the rules that surely cover the action decides, the default when there is none; rules that
 * possibly cover it can only make that stricter. The default never lets `unknown` through.
 */
function judge(
  action: Action,
  statement: StatementFacts,
  rules: readonly CompiledRule[],
  fallback: Outcome,
  reasons: readonly string[],
): Verdict {
  const matched: CompiledRule[] = [];
  const possible: CompiledRule[] = [];
  let strictest: CompiledRule | undefined;
  for (const rule of rules) {
    const coverage = rule.covers(action, statement);
    if (coverage === 'none') continue;
    matched.push(rule);
    if (coverage === 'possible') possible.push(rule);
    else if (strictest === undefined || isStricter(rule.decision, strictest.decision)) strictest = rule;
  }
  let outcome = strictest?.decision ?? (action.effect === 'unknown' ? 'block' : fallback);
  for (const rule of possible) {
    if (!isStricter(rule.decision, outcome)) continue;
    outcome = rule.decision;
    strictest = rule;
  }
  return { outcome, action, statement, rule: strictest, matched, reasons };
}

interface Asked {
  readonly requester: Requester;
  readonly target: PolicyTarget;
  readonly hash: string;
}

function decisionOf(verdicts: readonly Verdict[], asked: Asked): Decision {
  const deciding = strictestOf(verdicts);
  const matched = matchedRules(verdicts);
  const base = { rule: deciding?.rule?.name, matched, policy: asked.hash };
  if (deciding !== undefined && deciding.outcome !== 'block') {
    const untold = untoldRule(verdicts, asked.requester);
    if (untold !== undefined) return { ...base, outcome: 'block', ...untold };
  }
  // Nothing but comments and semicolons: there is nothing to judge and nothing happens.
  if (deciding === undefined) return { ...base, outcome: 'allow' };
  switch (deciding.outcome) {
    case 'allow':
      return { ...base, outcome: 'allow' };
    case 'approve':
      return { ...base, outcome: 'approve', terms: termsOf(verdicts) };
    case 'block':
      return {
        ...base,
        outcome: 'block',
        command: deciding.action.command,
        message: blockWords(deciding, asked),
      };
    default:
      return deciding.outcome satisfies never;
  }
}

/** The first rule that wants to be told something which the requester has not said; whatever it would have decided. */
function untoldRule(verdicts: readonly Verdict[], { stated }: Requester) {
  for (const { action, matched, statement } of verdicts) {
    if (isAlwaysHeard(statement)) continue;
    for (const { name, requirement } of matched) {
      const requires = requirement === undefined ? [] : missingFrom(stated, requirement);
      if (requires.length === 0) continue;
      const message = `rule "${name}" requires ${requires.join(' and ')}`;
      return { rule: name, command: action.command, message, requires };
    }
  }
  return undefined;
}

/** What gives the reason that is missing, and what lets nobody be locked in a transaction for want of one. */
function isAlwaysHeard({ actions, changes }: StatementFacts): boolean {
  return (
    changes.length > 0 &&
    actions.every(({ effect }) => effect === 'session') &&
    changes.every((change) =>
      change.kind === 'set'
        ? change.name in STATED_SETTINGS
        : change.kind === 'transaction' && /^rollback/.test(change.operation),
    )
  );
}

/** The first of the strictest, one that a named rule decided before one of the default: it says more. */
function strictestOf(verdicts: readonly Verdict[]): Verdict | undefined {
  let found: Verdict | undefined;
  for (const verdict of verdicts) {
    const better =
      found === undefined ||
      isStricter(verdict.outcome, found.outcome) ||
      (verdict.outcome === found.outcome && found.rule === undefined && verdict.rule !== undefined);
    if (better) found = verdict;
  }
  return found;
}

function matchedRules(verdicts: readonly Verdict[]): readonly MatchedRule[] {
  const found = new Map<string, MatchedRule>();
  for (const verdict of verdicts) {
    for (const rule of verdict.matched) found.set(rule.name, { name: rule.name, decision: rule.decision });
  }
  return [...found.values()];
}

/** Every approve rule that matched any part of the text is satisfied by one and the same request. */
function termsOf(verdicts: readonly Verdict[]): ApprovalTerms {
  const rules = new Set<CompiledRule>();
  for (const verdict of verdicts) {
    for (const rule of verdict.matched) if (rule.decision === 'approve') rules.add(rule);
  }
  const [first, ...others] = [...rules].map((rule) => rule.terms);
  return joinTerms([first ?? DEFAULT_TERMS, ...others]);
}

function admitted(terms: ApprovalTerms, identity: Requester, groups: FileGroups): boolean {
  const lists = listsOf(terms);
  return (
    lists.length === 0 || lists.some(({ approvers }) => compilePrincipals(approvers, groups).admits(identity))
  );
}

/** For what of the terms an identity's approval counts. */
function standsFor(terms: ApprovalTerms, identity: Principal, groups: FileGroups): readonly string[] {
  const lists = [
    ...(terms.allOf ?? []).map((one) => [one]),
    ...listsOf(terms).map(({ approvers }) => approvers),
  ];
  const wanted = wantedOf(terms);
  const names = lists
    .filter((list) => wanted.has(listName(list)) && compilePrincipals(list, groups).admits(identity))
    .map(listName);
  return [...new Set(names)];
}

/** What the client reads: why the effect is unknown, then the rule's own words; or what no rule allows. */
function blockWords(verdict: Verdict, asked: Asked): string | undefined {
  const { effect, object } = verdict.action;
  const words: string[] = [];
  if (effect === 'unknown') {
    words.push(...verdict.reasons.slice(0, MOST_REASONS));
    const more = verdict.reasons.length - MOST_REASONS;
    if (more > 0) words.push(`and ${more} more`);
  }
  if (verdict.rule?.message !== undefined) words.push(verdict.rule.message);
  if (words.length > 0) return words.join('; ');
  if (verdict.rule !== undefined) return undefined;
  const what =
    effect === 'unknown'
      ? 'statements of unknown effect'
      : `${effect}${object && object.name !== '*' ? ` of ${object.name}` : ''}`;
  return `no rule allows ${what} for ${asked.requester.name} on ${asked.target.connection}`;
}

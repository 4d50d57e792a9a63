import { compilePolicy } from '../../src/policy/compile.ts';
import type { Policy } from '../../src/policy/decision.ts';
import { parsePolicy, policyHash } from '../../src/policy/parse.ts';
import type {
  HoldOutcome,
  InternedStatement,
  SessionDesk,
  StatementToRecord,
} from '../../src/session/desk.ts';
import { cutKey } from '../../src/session/judged.ts';
import { SessionMeter } from '../../src/session/session-meter.ts';
import { TurnEnd } from '../../src/session/turn-end.ts';
import type { TextFacts } from '../../src/sql/facts.ts';
import type { Passed } from './fuzz-target.ts';
import type { Random } from './mutations.ts';

const READ = '  - {name: read, effects: [read, session], decision: allow}';
const MASK = `masks:
  - {name: m, columns: ["public.people.email"], strategy: redact}
`;
const TEXTS = [
  `version: 1\nrules:\n${READ}\n${MASK}`,
  `version: 1\nrules:\n${READ}\n  - {name: w, effects: [write], decision: approve}\n${MASK}`,
  `version: 1\nrules:\n${READ}\n  - {name: w, effects: [write], decision: approve, at: commit}\n${MASK}`,
  `version: 1\nrules:\n  - {name: all, effects: [read, write, session], decision: allow}\n${MASK}limits:
  - {name: some, rows_read: 3, rows_written: 5, decision: approve}\n`,
  `version: 1\nrules:\n${READ}\n${MASK}limits:\n  - {name: few, rows_read: 3, statements: 20, decision: block}
guards:\n  - {name: g, statement_timeout: 2s, read_only: true}\n`,
];

/** Policies of every kind that changes what a session does with a statement. */
export function fuzzPolicies(): readonly Policy[] {
  return TEXTS.map((source) => {
    const file = parsePolicy(source, 'fuzz').policy;
    if (file === undefined) throw new Error(`a policy of the fuzz harness does not parse: ${source}`);
    return compilePolicy(file, policyHash(source));
  });
}

/** What the guard of the last policy puts in the place of a SET that would loosen it. */
const CEILINGS = [
  'SET statement_timeout = 2000',
  'SET LOCAL statement_timeout = 2000',
  'SET default_transaction_read_only = on',
  'SET LOCAL default_transaction_read_only = on',
  'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY',
];

const turnEnd = new TurnEnd(() => {}, setImmediate);
const TARGET = { connection: 'c', labels: {}, protocol: 'postgres' };
const REQUESTER = { id: 'i', name: 'fuzz', groups: [] };

/**
 * A desk without books whose approvers say anything at once; what it lets through it tells to `passed`. `textOf` knows
 * which text was analysed to these facts.
 */
export function fuzzDesk(
  policy: Policy,
  passed: Passed,
  random: Random,
  textOf: (facts: TextFacts) => string | undefined,
): SessionDesk {
  const masks = policy.masksFor(REQUESTER, TARGET);
  const guard = policy.guardFor(REQUESTER, TARGET);
  if (guard !== undefined) for (const text of CEILINGS) passed.parse(text);
  const meter = new SessionMeter({
    policy: () => policy,
    requester: () => REQUESTER,
    target: TARGET,
    monotonic: () => 0,
    after: () => () => {},
    openSessions: () => 1,
    cut: () => {},
  });
  const run = (statement: StatementToRecord) => {
    passed.run(statement.text);
    meter.add('statements', 1);
    return cutKey(statement.decision);
  };
  const decided = (statement: StatementToRecord, ofResult: boolean): HoldOutcome => {
    if (random.below(3) === 0) return { outcome: 'denied', by: 'ana', reason: 'no' };
    if (random.below(8) === 0) return { outcome: 'expired' };
    if (statement.decision.limit !== undefined) meter.renew(statement.decision.limit);
    // That a result may go on entitles to nothing at the target.
    const judged = ofResult ? cutKey(statement.decision) : run(statement);
    return { outcome: 'approved', by: 'ana', judged };
  };
  return {
    id: 's',
    requester: REQUESTER,
    requesterKind: 'machine',
    ahead: undefined,
    state: () => {},
    target: TARGET,
    get stage() {
      return meter.stage;
    },
    get metered() {
      return meter.metered;
    },
    spend: (kind, count) => meter.spend(kind, count),
    renew: (limit) => meter.renew(limit),
    guard: () => guard,
    policy: () => policy,
    masks: () => masks,
    decide(facts) {
      const decision = meter.decide(facts);
      const sql = textOf(facts);
      if (decision.outcome !== 'block' && sql !== undefined) passed.parse(sql);
      return decision;
    },
    pass: run,
    intern: (statement) => ({ statement }) as unknown as InternedStatement,
    passAgain: ({ statement }) => run(statement),
    refuse: () => {},
    hold: async (statement, card) => ({
      id: 'ap-1',
      rule: statement.decision.rule ?? '',
      approvers: [],
      expiresIn: 1000,
      outcome: turn().then(() => decided(statement, card.estimate.startsWith('its result waits'))),
      onComment: () => {},
      withdraw: () => {},
    }),
    commit: () => {},
    prepare: () => {},
    atTurnEnd: (step) => turnEnd.add(step),
    record: () => {},
    recordStaged: () => {},
    connecting: (connect) => connect(),
    note(message) {
      // A guard's own value, in the place of a SET that was let through.
      const instead = /^sent instead: (.*)$/s.exec(message)?.[1];
      if (instead !== undefined) passed.run(instead);
    },
    onCut: () => {},
    close: async () => {},
  };
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

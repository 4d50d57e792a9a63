import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Decision, PolicyTarget, Requester } from '../../../src/policy/decision.ts';
import { wantedOf } from '../../../src/policy/terms.ts';
import { EFFECTS, type TextFacts } from '../../../src/sql/facts.ts';
import { ANA, action, BOB, DEVIN, doing, PROD, policyOf, STAGE, statement, text } from './facts.ts';

const AGENTS = `version: 1
groups:
  agents: ["ci-*"]
rules:
  - name: read
    who: [group:agents]
    connections: ["prod-*"]
    effects: [read, session]
    decision: allow
  - name: write
    who: [group:agents]
    effects: [write]
    tables: ["public.*"]
    decision: approve
    approvers: [group:dba]
    approvals: 2
    expires: 5m
  - name: no-drop
    commands: [DROP, TRUNCATE, "ALTER TABLE * DROP *"]
    decision: block
    message: ask for a migration window
  - name: no-unbounded
    when: [update-without-where, delete-without-where]
    decision: block
`;

const READ = action('read', 'SELECT public.customers', 'public.customers');
const WRITE = action('write', 'UPDATE public.customers', 'public.customers');
const DROP = action('ddl', 'DROP TABLE public.customers', 'public.customers');

function decide(
  yaml: string,
  facts: TextFacts,
  who: Requester = DEVIN,
  where: PolicyTarget = PROD,
): Decision {
  return policyOf(yaml).decide(who, where, facts);
}

function outcome(yaml: string, facts: TextFacts, who: Requester = DEVIN): string {
  const decision = decide(yaml, facts, who);
  return `${decision.outcome} by ${decision.rule ?? 'default'}`;
}

/** A policy of one rule, written in flow style. */
function rule(keys: string, fallback = 'block'): string {
  return `version: 1\ndefault: ${fallback}\nrules:\n  - {name: r, ${keys}}\n`;
}

describe('who and where', () => {
  test('a rule applies to members of its group, by their own groups or by the file', () => {
    expect(outcome(AGENTS, doing(READ), DEVIN)).toBe('allow by read');
    expect(outcome(AGENTS, doing(READ), { id: 'x', name: 'ci-7', groups: [] })).toBe('allow by read');
    expect(outcome(AGENTS, doing(READ), ANA)).toBe('block by default');
  });

  test('a rule applies to the connections it names, by glob or by label', () => {
    expect(decide(AGENTS, doing(READ), DEVIN, STAGE).outcome).toBe('block');
    const labelled = rule('connections: ["env=st*"], effects: [read], decision: allow');
    expect(decide(labelled, doing(READ), DEVIN, STAGE).outcome).toBe('allow');
    expect(decide(labelled, doing(READ), DEVIN, PROD).outcome).toBe('block');
  });

  test('connect is offered only where some rule could let something through', () => {
    const policy = policyOf(AGENTS);
    expect(policy.mayConnect(DEVIN, PROD)).toBe(true);
    expect(policy.mayConnect(ANA, PROD)).toBe(false);
    expect(policyOf('version: 1\ndefault: allow').mayConnect(ANA, PROD)).toBe(true);
  });
});

describe('the strictest decision', () => {
  test('of all matching rules counts, whatever their order', () => {
    const yaml = `version: 1
rules:
  - {name: block, tables: [public.secret], decision: block}
  - {name: allow, effects: [read], decision: allow}
  - {name: approve, effects: [read], tables: ["public.c*"], decision: approve}
`;
    expect(outcome(yaml, doing(READ))).toBe('approve by approve');
    expect(outcome(yaml, doing(action('read', 'SELECT public.secret', 'public.secret')))).toBe(
      'block by block',
    );
    expect(decide(yaml, doing(READ)).matched).toEqual([
      { name: 'allow', decision: 'allow' },
      { name: 'approve', decision: 'approve' },
    ]);
  });

  test('of all actions of a statement counts', () => {
    expect(outcome(AGENTS, doing(READ, WRITE))).toBe('approve by write');
    expect(outcome(AGENTS, doing(READ, WRITE, DROP))).toBe('block by no-drop');
  });

  test('of all statements of a text counts', () => {
    const both = text(statement({ actions: [READ] }), statement({ actions: [DROP] }));
    expect(outcome(AGENTS, both)).toBe('block by no-drop');
  });

  test('a named rule is told before the default, because it says more', () => {
    const facts = doing(action('admin', 'CREATE ROLE bob', 'bob', 'role'), DROP);
    const decision = decide(AGENTS, facts);
    expect(decision).toMatchObject({
      outcome: 'block',
      rule: 'no-drop',
      command: 'DROP TABLE public.customers',
    });
  });

  test('an empty query is allowed: there is nothing to judge', () => {
    expect(decide('version: 1', text())).toMatchObject({ outcome: 'allow', rule: undefined, matched: [] });
  });

  test('an empty policy blocks everything', () => {
    expect(outcome('version: 1', doing(action('read', 'SELECT')))).toBe('block by default');
  });

  test('adding a block rule never lets anything through, adding an allow rule never stops anything more strictly than block', () => {
    const rank = { allow: 0, approve: 1, block: 2 };
    const rules = fc.array(
      fc.record({
        decision: fc.constantFrom('allow', 'approve', 'block'),
        effects: fc.option(fc.subarray([...EFFECTS], { minLength: 1 }), { nil: undefined }),
        tables: fc.option(fc.constantFrom('public.*', '*.a', 'other.*', '*'), { nil: undefined }),
      }),
      { maxLength: 5 },
    );
    const actions = fc.array(
      fc.record({
        effect: fc.constantFrom(...EFFECTS),
        table: fc.constantFrom(undefined, 'public.a', '?.a', 'x.y'),
      }),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(rules, actions, (list, done) => {
        const yaml = (extra: string): string =>
          `version: 1\nrules:\n${list
            .map((r, i) => {
              const effects = r.effects ? `, effects: [${r.effects.join(', ')}]` : '';
              const tables = r.tables ? `, tables: ["${r.tables}"]` : '';
              return `  - {name: r${i}, decision: ${r.decision}${effects}${tables}}\n`;
            })
            .join('')}${extra}`;
        const facts = doing(...done.map((a) => action(a.effect, 'DO', a.table)));
        const plain = decide(yaml('  - {name: none, who: [nobody], decision: block}\n'), facts);
        const blocked = decide(yaml('  - {name: more, decision: block}\n'), facts);
        expect(blocked.outcome).toBe('block');
        const approved = decide(
          yaml(`  - {name: more, decision: approve, effects: [${EFFECTS.join(', ')}]}\n`),
          facts,
        );
        if (plain.outcome !== 'block')
          expect(rank[approved.outcome]).toBeGreaterThanOrEqual(rank[plain.outcome]);
        // Nothing passes without a rule that says so for each unknown action.
        if (done.some((a) => a.effect === 'unknown') && !list.some((r) => r.effects?.includes('unknown'))) {
          expect(plain.outcome).toBe('block');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('effects', () => {
  const unknown = text(
    statement({ actions: [action('unknown', 'SELECT public.f')], reasons: ['nobody knows f'] }),
  );

  test('left out mean all, but unknown only for a block rule', () => {
    expect(outcome(rule('decision: allow'), doing(DROP))).toBe('allow by r');
    expect(outcome(rule('decision: allow'), unknown)).toBe('block by default');
    expect(outcome(rule('decision: approve'), unknown)).toBe('block by default');
    expect(outcome(rule('decision: block', 'allow'), unknown)).toBe('block by r');
  });

  test('unknown is let through only by a rule that names it', () => {
    expect(outcome(rule('effects: [unknown], decision: allow'), unknown)).toBe('allow by r');
    expect(outcome(rule('effects: [unknown], decision: approve'), unknown)).toBe('approve by r');
  });

  test('the default never lets unknown through', () => {
    expect(outcome('version: 1\ndefault: allow', unknown)).toBe('block by default');
    expect(outcome('version: 1\ndefault: approve', unknown)).toBe('block by default');
    expect(outcome('version: 1\ndefault: allow', doing(DROP))).toBe('allow by default');
  });
});

describe('tables', () => {
  const allow = rule('tables: ["public.*"], decision: allow');
  const block = rule('tables: ["public.*"], decision: block', 'allow');

  test('cover the objects they match', () => {
    expect(outcome(allow, doing(READ))).toBe('allow by r');
    expect(outcome(allow, doing(action('read', 'SELECT audit.log', 'audit.log')))).toBe('block by default');
    expect(outcome(block, doing(READ))).toBe('block by r');
  });

  test.each(['read', 'session'] as const)('do not stand against a %s that touches none', (effect) => {
    const facts = doing(action(effect, 'SELECT'));
    expect(outcome(allow, facts)).toBe('allow by r');
    expect(outcome(block, facts)).toBe('allow by default');
  });

  test('block a change that names no table and so may touch any', () => {
    const facts = doing(action('write', 'VACUUM'));
    expect(outcome(allow, facts)).toBe('block by default');
    expect(outcome(block, facts)).toBe('block by r');
  });

  test('an approve rule that only possibly covers an action is no ground to let it through', () => {
    const approve = 'tables: ["public.*"], decision: approve';
    const facts = doing(action('admin', 'DROP DATABASE shop', 'shop', 'database'));
    expect(outcome(rule(approve), facts)).toBe('block by default');
    expect(outcome(rule(approve, 'allow'), facts)).toBe('approve by r');
  });

  test('dropping a schema is covered by what forbids its tables', () => {
    const facts = doing(action('ddl', 'DROP SCHEMA public', 'public', 'schema'));
    expect(outcome(block, facts)).toBe('block by r');
    expect(outcome(rule('tables: ["audit.*"], decision: block', 'allow'), facts)).toBe('allow by default');
  });

  test('a role is no table', () => {
    expect(outcome(block, doing(action('admin', 'CREATE ROLE bob', 'bob', 'role')))).toBe('allow by default');
  });

  test('a name that could not be resolved is stopped by its table part and allowed only by everything', () => {
    const facts = doing(action('read', 'SELECT ?.customers', '?.customers'));
    expect(outcome(rule('tables: [public.customers], decision: block', 'allow'), facts)).toBe('block by r');
    expect(outcome(rule('tables: [public.customers], decision: approve'), facts)).toBe('approve by r');
    expect(outcome(rule('tables: [public.orders], decision: block', 'allow'), facts)).toBe(
      'allow by default',
    );
    expect(outcome(allow, facts)).toBe('block by default');
    expect(outcome(rule('tables: ["*.customers"], decision: allow'), facts)).toBe('block by default');
    expect(outcome(rule('tables: ["*.*"], decision: allow'), facts)).toBe('allow by r');
    expect(outcome(rule('tables: ["*"], decision: allow'), facts)).toBe('allow by r');
  });

  test('match letter case as PostgreSQL stores it', () => {
    expect(outcome(allow, doing(action('read', 'SELECT', 'PUBLIC.customers')))).toBe('block by default');
  });
});

describe('commands', () => {
  const block = (command: string): string => rule(`commands: ["${command}"], decision: block`, 'allow');

  test.each([
    ['DROP', 'DROP TABLE public.x', true],
    ['drop', 'DROP TABLE public.x', true],
    ['DROP TABLE', 'DROP TABLE public.x', true],
    ['DROP  TABLE', 'DROP TABLE public.x', true],
    ['DROP', 'DROPLET public.x', false],
    ['DROP', 'ALTER TABLE public.t DROP COLUMN c', false],
    ['ALTER TABLE * DROP *', 'ALTER TABLE public.t DROP COLUMN c', true],
    ['ALTER TABLE * DROP', 'ALTER TABLE public.t DROP COLUMN c', true],
    ['ALTER TABLE * DROP *', 'ALTER TABLE public.t ADD COLUMN c', false],
    ['*', 'SELECT', true],
  ])('%s against %s: %s', (pattern, command, matches) => {
    const facts = doing(action('ddl', command, 'public.x'));
    expect(outcome(block(pattern), facts)).toBe(matches ? 'block by r' : 'allow by default');
  });
});

describe('conditions', () => {
  test('match when the statement has one of them', () => {
    const unbounded = text(statement({ actions: [WRITE], conditions: ['update-without-where'] }));
    expect(outcome(AGENTS, unbounded)).toBe('block by no-unbounded');
    expect(outcome(AGENTS, doing(WRITE))).toBe('approve by write');
  });

  test('hold for their own statement only', () => {
    const facts = text(
      statement({ actions: [READ] }),
      statement({ actions: [WRITE], conditions: ['delete-without-where'] }),
    );
    const yaml = rule('when: [delete-without-where], effects: [read], decision: block', 'allow');
    expect(outcome(yaml, facts)).toBe('allow by default');
  });
});

describe('what a blocked client reads', () => {
  test("the rule's own message, its name and what was blocked", () => {
    expect(decide(AGENTS, doing(DROP))).toMatchObject({
      outcome: 'block',
      rule: 'no-drop',
      message: 'ask for a migration window',
      command: 'DROP TABLE public.customers',
      policy: 'hash-1',
    });
  });

  test('what no rule allows, when the default blocked', () => {
    expect(decide('version: 1', doing(WRITE))).toMatchObject({
      message: 'no rule allows write of public.customers for devin on prod-db',
    });
  });

  test('why the effect is unknown, before the words of the rule', () => {
    const unknown = text(
      statement({ actions: [action('unknown', 'SELECT')], reasons: ['a', 'b', 'c', 'd', 'e'] }),
    );
    expect(decide('version: 1', unknown)).toMatchObject({ message: 'a; b; c; and 2 more' });
    const yaml = rule('effects: [unknown], decision: block, message: ask us');
    expect(decide(yaml, unknown)).toMatchObject({ message: 'a; b; c; and 2 more; ask us' });
  });
});

describe('approval terms', () => {
  test('are those of the rule', () => {
    expect(decide(AGENTS, doing(WRITE))).toMatchObject({
      outcome: 'approve',
      terms: { approvers: ['group:dba'], approvals: 2, expires: 300_000, selfApproval: false },
    });
  });

  test('of several matching rules must all be satisfied', () => {
    const yaml = `version: 1
rules:
  - {name: a, decision: approve, approvers: [group:dba], expires: 1h, self_approval: true}
  - {name: b, decision: approve, tables: [public.customers], approvers: [bob, ana@example.com], approvals: 2, self_approval: true}
  - {name: c, decision: approve, expires: 2m}
`;
    const decision = decide(yaml, doing(WRITE));
    expect(decision).toMatchObject({
      rule: 'a',
      terms: {
        approvers: ['group:dba'],
        alsoAdmittedBy: [['bob', 'ana@example.com']],
        approvalsEach: [1, 2],
        approvals: 2,
        expires: 120_000,
        selfApproval: false,
      },
    });
    if (decision.outcome !== 'approve') throw new Error('expected approve');
    const policy = policyOf(yaml);
    const { terms } = decision;
    const carl = { id: 'x', name: 'carl', groups: ['dba'] };
    const dan = { id: 'y', name: 'dan', groups: [] };
    expect([BOB, ANA, carl, dan].map((who) => policy.mayApprove(terms, who))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    // Each counts for the rules that name it, and each rule wants as many as it says.
    expect(policy.standsFor(terms, BOB)).toEqual(['group:dba', 'bob or ana@example.com']);
    expect(policy.standsFor(terms, ANA)).toEqual(['bob or ana@example.com']);
    expect([...wantedOf(terms)]).toEqual([
      ['group:dba', 1],
      ['bob or ana@example.com', 2],
    ]);
  });

  test('of rules that matched different statements of one text count together', () => {
    const yaml = `version: 1
rules:
  - {name: a, decision: approve, effects: [write], approvers: [bob]}
  - {name: b, decision: approve, effects: [ddl], approvers: [ana@example.com]}
`;
    const decision = decide(yaml, doing(WRITE, DROP));
    if (decision.outcome !== 'approve') throw new Error('expected approve');
    expect([...wantedOf(decision.terms)]).toEqual([
      ['bob', 1],
      ['ana@example.com', 1],
    ]);
  });

  test('a default of approve asks any approver', () => {
    const decision = decide('version: 1\ndefault: approve', doing(READ));
    expect(decision).toMatchObject({
      outcome: 'approve',
      terms: { approvers: [], approvals: 1, expires: 900_000 },
    });
    if (decision.outcome === 'approve')
      expect(policyOf('version: 1').mayApprove(decision.terms, ANA)).toBe(true);
  });

  test('groups of the file and of the identity both make an approver', () => {
    const policy = policyOf('version: 1\ngroups: {dba: ["ana@*"]}');
    const terms = { approvers: ['group:dba'], approvals: 1, expires: 1, selfApproval: false };
    expect([ANA, BOB, DEVIN].map((who) => policy.mayApprove(terms, who))).toEqual([true, true, false]);
  });
});

describe('approvers of whom each must say yes', () => {
  const policy = policyOf(`version: 1
groups:
  dba: [ana]
  security: [ana, sid]
rules:
  - name: both
    effects: [write]
    decision: approve
    all_of: [group:dba, group:security]
  - name: lead
    effects: [write]
    tables: ["public.orders"]
    decision: approve
    all_of: [lee]
    approvals: 1
`);
  const person = (name: string) => ({ id: name, name, groups: [] });
  const terms = (name: string) => {
    const decision = policy.decide(DEVIN, PROD, doing(action('write', `UPDATE ${name}`, name)));
    if (decision.outcome !== 'approve') throw new Error(decision.outcome);
    return decision.terms;
  };

  test('are as many different people as there are of them, and stand for what admits them', () => {
    expect(terms('public.customers')).toMatchObject({
      allOf: ['group:dba', 'group:security'],
      approvals: 2,
      approvers: ['group:dba', 'group:security'],
    });
    const { standsFor } = policy;
    expect(standsFor(terms('public.customers'), person('ana'))).toEqual(['group:dba', 'group:security']);
    expect(standsFor(terms('public.customers'), person('sid'))).toEqual(['group:security']);
    expect(policy.mayApprove(terms('public.customers'), person('lee'))).toBe(false);
  });

  test('add up over the rules that match', () => {
    expect(terms('public.orders')).toMatchObject({
      allOf: ['group:dba', 'group:security', 'lee'],
      approvals: 2,
    });
    expect(policy.mayApprove(terms('public.orders'), person('lee'))).toBe(true);
    expect(policy.standsFor(terms('public.orders'), person('lee'))).toEqual(['lee']);
    expect([...wantedOf(terms('public.orders'))]).toEqual([
      ['group:dba', 1],
      ['group:security', 1],
      ['lee', 1],
      ['group:dba or group:security', 2],
    ]);
  });
});

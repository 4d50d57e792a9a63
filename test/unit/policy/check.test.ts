import { describe, expect, test } from 'vitest';
import { checkPolicy } from '../../../src/policy/check.ts';
import type { Known } from '../../../src/policy/known.ts';
import { fileOf } from './facts.ts';

const KNOWN: Known = {
  identities: [
    { name: 'owner', groups: [], roles: ['owner'] },
    { name: 'devin', groups: ['agents'], roles: ['requester'] },
    { name: 'ana', groups: ['dba'], roles: ['approver'] },
    { name: 'bob', groups: ['dba'], roles: ['approver', 'requester'] },
  ],
  connections: [
    { name: 'prod-db', labels: { env: 'prod' }, protocol: 'postgres' },
    { name: 'bastion', labels: {}, protocol: 'ssh' },
  ],
};

function check(rules: string, known: Known = KNOWN): string[] {
  return checkPolicy(fileOf(`version: 1\n${rules}`), known).map(
    (p) => `${p.severity} ${p.line}:${p.column} ${p.message}`,
  );
}

const approve = (keys: string): string => `rules:\n  - {name: r, decision: approve, ${keys}}`;

describe('checkPolicy', () => {
  test('finds nothing in a policy whose names all exist', () => {
    expect(
      check(`groups: {people: [ana, bob]}
rules:
  - {name: r, who: [group:agents, devin], connections: ["prod-*", env=prod], tables: ["public.*"], decision: allow}
  - {name: w, who: [group:agents], effects: [write], decision: approve, approvers: [group:people], approvals: 2}
masks:
  - {name: m, columns: ["*.ssn"], strategy: redact, except: [group:dba]}`),
    ).toEqual([]);
  });

  test.each([
    [
      'rules:\n  - {name: r, who: [group:agent], decision: allow}',
      '3:21',
      'nobody is in group "agent" (did you mean "agents"?)',
    ],
    [approve('approvers: [group:dbas]'), '3:46', 'nobody is in group "dbas" (did you mean "dba"?)'],
    [
      'masks:\n  - {name: m, columns: ["*.a"], strategy: redact, except: [group:x]}',
      '3:60',
      'nobody is in group "x"',
    ],
    [approve('approvers: [devin]'), '3:45', 'nobody could ever decide'],
    [
      approve('approvers: [ana], approvals: 2'),
      '3:45',
      'needs 2 approvals, but only one person could ever give one',
    ],
    [approve('approvers: [group:dba], approvals: 3'), '3:45', 'only 2 people could ever'],
    [
      'rules:\n  - {name: r, decision: allow}\nlimits:\n  - {name: l, statements: 5, decision: approve, approvers: [devin]}',
      '5:60',
      'limit "l": none of its approvers has the role approver or owner',
    ],
    [
      'rules:\n  - {name: r, decision: allow}\nlimits:\n  - {name: l, who: [ana], statements: 5, decision: approve, approvers: [ana]}',
      '5:72',
      'limit "l": its approvers are the requesters themselves',
    ],
    [approve('who: [ana], approvers: [ana]'), '3:57', 'its approvers are the requesters themselves'],
    [
      approve('who: [bob, ana], approvers: [group:dba], approvals: 2'),
      '3:62',
      'its approvers are the requesters',
    ],
    [
      'rules:\n  - {name: r, connections: [bastion], tables: ["a.*"], decision: block}',
      '3:47',
      'ssh has no tables',
    ],
    ['masks:\n  - {name: m, columns: ["*.a"], strategy: redact, except: ["*"]}', '3:59', 'excepts everybody'],
  ])('a rule that could never apply is an error: %j', (rules, at, message) => {
    const errors = check(rules).filter((problem) => problem.startsWith('error'));
    expect(errors).toEqual(expect.arrayContaining([expect.stringContaining(`error ${at} `)]));
    expect(errors.join('\n')).toContain(message);
  });

  test.each([
    [
      'rules:\n  - {name: r, who: [devon], decision: allow}',
      'there is no identity "devon" yet (did you mean "devin"?)',
    ],
    ['rules:\n  - {name: r, who: ["ci-*"], decision: allow}', 'no identity matches "ci-*" yet'],
    [
      'groups: {x: [nobody]}\nrules:\n  - {name: r, who: [group:x], decision: allow}',
      'group "x": there is no identity "nobody" yet',
    ],
    [
      'rules:\n  - {name: r, connections: [prod-bd], decision: allow}',
      'there is no connection "prod-bd" yet (did you mean "prod-db"?)',
    ],
    ['rules:\n  - {name: r, connections: [env=qa], decision: allow}', 'no connection matches "env=qa" yet'],
    [approve('approvers: [carl]'), 'nobody who may approve exists yet'],
    [approve('approvers: [ana, carl], approvals: 2'), 'only 1 of the 2 needed approvers exists yet'],
    [approve('approvers: ["sre-*"]'), 'nobody who may approve exists yet'],
    ['rules:\n  - {name: r, effects: [unknown], decision: allow}', 'whose effect cannot be told'],
    [approve('self_approval: true'), 'may approve its own statement'],
    ['rules:\n  - {name: r, tables: ["public.Customers"], decision: allow}', 'stores others in lower case'],
    ['default: allow', 'what no rule matches is allowed'],
    ['rules:\n  - {name: r, decision: block}', 'every statement is blocked'],
  ])('what may still come, or opens more than it seems to, is a warning: %j', (rules, message) => {
    const problems = check(rules);
    expect(problems.join('\n')).toContain(message);
    expect(problems.filter((problem) => problem.startsWith('error'))).toEqual([]);
  });

  test('approvers that are left out are everyone with the role, and always may come', () => {
    expect(check(approve('who: [devin]'))).toEqual([]);
    const [warning] = check(approve('effects: [write]'), { ...KNOWN, identities: [] });
    expect(warning).toContain('nobody who may approve exists yet');
  });

  test('self-approval makes the requester a possible approver', () => {
    const problems = check(approve('who: [ana], approvers: [ana], self_approval: true'));
    expect(problems.filter((problem) => problem.startsWith('error'))).toEqual([]);
  });

  test('a table rule that reaches a database too is no error', () => {
    expect(check('rules:\n  - {name: r, connections: ["*"], tables: ["a.*"], decision: allow}')).toEqual([]);
  });
});

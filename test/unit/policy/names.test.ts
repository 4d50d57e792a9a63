import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkPolicy } from '../../../src/policy/check.ts';
import { compilePolicy } from '../../../src/policy/compile.ts';
import type { Known } from '../../../src/policy/known.ts';
import { compileNameGlob } from '../../../src/policy/name-glob.ts';
import { fileOf } from './facts.ts';

describe('a glob over names', () => {
  test.each([
    ['ci-*', ['ci-x', 'ci-'], ['ci-x@gitlab', 'ci-@example.com', 'ana']],
    ['ci-*@gitlab', ['ci-x@gitlab'], ['ci-x', 'ci-x@evil', 'ci-x@gitlab.evil', 'ci-x@a@gitlab']],
    [
      '*@example.com',
      ['ana@example.com'],
      ['ana', 'ana@evil.com', 'ana@example.com.evil', 'a@b@example.com'],
    ],
    ['*@*', ['ana@example.com', 'ci-x@gitlab'], ['ana', 'a@b@c']],
    ['ana', ['ana'], ['ana@example.com', 'anab']],
    ['*', ['ana', 'ana@example.com', 'a@b@c'], []],
  ])('%s means whom its writer meant', (pattern, meant, others) => {
    const glob = compileNameGlob(pattern);
    expect(meant.filter((name) => !glob.matches(name))).toEqual([]);
    expect(others.filter((name) => glob.matches(name))).toEqual([]);
  });

  test('without an @ never means an identity of an issuer, whatever the issuer calls it', () => {
    const word = fc.stringMatching(/^[a-z0-9*._-]{1,12}$/).filter((pattern) => pattern !== '*');
    fc.assert(
      fc.property(word, fc.stringMatching(/^[a-z0-9._-]{0,12}$/), (pattern, name) => {
        expect(compileNameGlob(pattern).matches(`${name}@corp`)).toBe(false);
      }),
    );
  });
});

const GLOBS = `version: 1
groups:
  pipelines: ["ci-*"]
rules:
  - {name: direct, who: ["ci-*"], effects: [read], decision: allow}
  - {name: by-group, who: [group:pipelines], effects: [write], decision: approve, approvers: ["lead-*"]}
masks:
  - {name: m, columns: ["*.ssn"], strategy: redact, except: ["ci-*"]}
`;

test('rules, groups, approvers and exceptions take nobody of an issuer for a local identity', () => {
  const policy = compilePolicy(fileOf(GLOBS), 'hash');
  const target = { connection: 'prod-db', labels: {}, protocol: 'postgres' };
  const asked = (name: string) => ({
    may: policy.mayConnect({ id: name, name, groups: [] }, target),
    masks: policy.masksFor({ id: name, name, groups: [] }, target).length,
  });
  expect(asked('ci-7')).toEqual({ may: true, masks: 0 });
  expect(asked('ci-7@github')).toEqual({ may: false, masks: 1 });
  const terms = { approvers: ['lead-*'], approvals: 1, expires: 1, selfApproval: false };
  expect(policy.mayApprove(terms, { id: '1', name: 'lead-a', groups: [] })).toBe(true);
  expect(policy.mayApprove(terms, { id: '2', name: 'lead-a@github', groups: [] })).toBe(false);
});

const known = (...identities: Known['identities']): Known => ({ identities, connections: [] });
const requester = (name: string) => ({ name, groups: [], roles: ['requester'] });
const approver = (name: string) => ({ name, groups: [], roles: ['approver'], kind: 'person' as const });
const check = (text: string, identities: Known) =>
  checkPolicy(fileOf(text), identities).map(({ message, severity }) => `${severity} ${message}`);

test('policy check says whom a glob does not mean, and what to write instead', () => {
  const found = check(GLOBS, known(requester('ci-1'), requester('ci-7@github'), approver('lead-a')));
  expect(found.filter((words) => words.includes('ci-7@github'))).toEqual([
    expect.stringMatching(
      /^warning group "pipelines": "ci-\*" means identities that were created here, not ci-7@github: for those write "ci-\*@github"$/,
    ),
    expect.stringMatching(/^warning rule "direct": "ci-\*"/),
    expect.stringMatching(/^warning mask "m": "ci-\*"/),
  ]);
});

const PEOPLE = (people: string, approvals = 2) => `version: 1
identity: {people: ${people}}
rules:
  - {name: w, who: [devin], decision: approve, approvers: [ana, ana@example.com], approvals: ${approvals}}
`;

describe('people', () => {
  const both = known(requester('devin'), approver('ana'), approver('ana@example.com'));

  test('who look like one and are not linked are named, once one of them may decide', () => {
    expect(check(PEOPLE('{}'), both)).toEqual([
      expect.stringContaining('identity: {people: {ana: [ana, ana@example.com]}}'),
    ]);
    expect(check(PEOPLE('{ana: [ana, ana@example.com]}', 1), both)).toEqual([]);
    const asking = known(requester('devin'), requester('eve'), requester('eve@example.com'), approver('ana'));
    expect(check(PEOPLE('{}', 1), asking).filter((words) => words.includes('look like'))).toEqual([]);
  });

  test('count once: a rule that needs two of one person can never be satisfied', () => {
    expect(check(PEOPLE('{ana: [ana, ana@example.com]}'), both)).toEqual([
      expect.stringMatching(/^error rule "w": needs 2 approvals, but only one person could ever give one/),
    ]);
  });

  test('are told apart: an identity is one person, and a person has two identities at least', () => {
    const problems = (people: string) => () => fileOf(`version: 1\nidentity: {people: ${people}}`);
    expect(problems('{ana: [ana, ana@corp], eve: [eve, ana@corp]}')).toThrow(/ana@corp is listed before/);
    expect(problems('{ana: [ana]}')).toThrow(/name two identities/);
    expect(problems('{ana: [ana, "ana@*"]}')).toThrow(/whole name/);
  });
});

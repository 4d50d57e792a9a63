import { describe, expect, test } from 'vitest';
import { checkPolicy } from '../../../src/policy/check.ts';
import { compilePolicy } from '../../../src/policy/compile.ts';
import type { Requester } from '../../../src/policy/decision.ts';
import { diffPolicies } from '../../../src/policy/diff.ts';
import type { Known } from '../../../src/policy/known.ts';
import { parsePolicy } from '../../../src/policy/parse.ts';
import { action, doing, fileOf, PROD } from './facts.ts';

const ISSUER = `identity:
  issuers:
    - name: corp
      issuer: https://login.example.com
      domain: example.com
      audiences: [hoopctl]
      identities:
        - match: {email: "*@example.com"}
          name: "{email}"
          kind: person
`;

const problems = (text: string) =>
  parsePolicy(text, 'p').problems.map(({ column, line, message }) => `${line}:${column} ${message}`);
const withIssuer = (change: (text: string) => string) => `version: 1\n${change(ISSUER)}`;

describe('the identity part of a policy', () => {
  test('is read, with defaults that are safe', () => {
    expect(fileOf(withIssuer((text) => text)).identity.issuers[0]).toMatchObject({
      algorithms: ['RS256', 'ES256', 'EdDSA'],
      leeway: 30_000,
      max_token_age: 86_400_000,
      session: 3_600_000,
      step_up: { max_age: 300_000 },
      identities: [{ roles: ['requester'] }],
    });
  });

  test.each([
    [
      'an unknown key',
      ['audiences:', 'audience:'],
      '7:7',
      'unknown key "audience" (did you mean "audiences"?)',
    ],
    ['plain http', ['https://', 'http://'], '5:15', 'must be https'],
    [
      'plain http on loopback without the switch',
      ['https://login.example.com', 'http://127.0.0.1:1'],
      '5:15',
      'allow_http_loopback',
    ],
    ['a URL with a user', ['https://login', 'https://a:b@login'], '5:15', 'without user'],
    ['no audience', ['[hoopctl]', '[]'], '7:18', '"audiences" is empty'],
    [
      'a shared secret algorithm',
      ['audiences:', 'algorithms: [HS256]\n      audiences:'],
      '7:20',
      'cannot be "HS256"',
    ],
    [
      'no algorithm at all',
      ['audiences:', 'algorithms: [none]\n      audiences:'],
      '7:20',
      'cannot be "none"',
    ],
    [
      'a session longer than an hour',
      ['audiences:', 'session: 2h\n      audiences:'],
      '7:16',
      'must be between',
    ],
    [
      'clocks that differ by an hour',
      ['audiences:', 'leeway: 1h\n      audiences:'],
      '7:15',
      'must be between',
    ],
    ['a rule that matches everything', ['{email: "*@example.com"}', '{}'], '9:18', 'name at least one claim'],
    ['a person by a plain name', ['"{email}"', 'ana'], '10:17', "a person's name comes from a claim"],
    ['braces that do not close', ['"{email}"', '"{email"'], '10:17', 'braces'],
    [
      'a role nobody knows',
      ['kind: person', 'kind: person\n          roles: [root]'],
      '12:19',
      'cannot be "root"',
    ],
    [
      'an actor that is a person',
      [
        '      identities:',
        '      actors: [{match: {sub: a}, name: "{sub}", kind: person}]\n      identities:',
      ],
      '8:',
      'an actor is a machine',
    ],
  ])('refuses %s where it stands', (_, [from = '', to = ''], place, words) => {
    const found = problems(withIssuer((text) => text.replace(from, to)));
    expect(
      found.find((line) => line.startsWith(place) && line.includes(words)),
      found.join('\n'),
    ).toBeDefined();
  });

  test('refuses two issuers that could be taken for each other', () => {
    const [head = '', body = ''] = ISSUER.split('    - name: corp\n');
    const twice = `version: 1\n${head}    - name: corp\n${body}    - name: corp2\n${body}`;
    expect(problems(twice)).toEqual([
      expect.stringContaining('another issuer has the same'),
      expect.stringContaining('another issuer has the same'),
    ]);
  });
});

const KNOWN: Known = {
  identities: [
    { name: 'owner', groups: [], roles: ['owner'], local: true },
    { name: 'eve@example.com', groups: [], roles: ['requester'], local: true },
  ],
  connections: [{ name: 'prod-db', labels: {}, protocol: 'postgres' }],
};
const check = (text: string) =>
  checkPolicy(fileOf(text), KNOWN).map(({ message, severity }) => `${severity} ${message}`);
const RULES = 'rules:\n  - {name: w, decision: approve, approvers: [group:leads]}\n';

describe('checking it against what exists', () => {
  test("refuses a local identity whose name is the issuer's to give", () => {
    expect(check(withIssuer((text) => text))).toContainEqual(
      expect.stringMatching(/^error issuer "corp": the local identity eve@example.com/),
    );
  });

  test('warns where two issuers bring groups, which have one name wherever they come from', () => {
    const second = ISSUER.replace('identity:\n  issuers:\n', '')
      .replace('corp', 'partner')
      .replace('login.example.com', 'login.partner.example')
      .replace('domain: example.com', 'domain: partner.example');
    const bring = (text: string, taken = '') =>
      text.replace('audiences:', `groups_claim: groups\n${taken}      audiences:`);
    const shared = (text: string) => check(text).filter((line) => line.includes('bring groups'));
    expect(shared(`version: 1\n${bring(ISSUER)}${second}`)).toEqual([]);
    const both = shared(`version: 1\n${bring(ISSUER)}${bring(second)}`);
    expect(both).toEqual([
      expect.stringMatching(
        /^warning "corp" and "partner" bring groups.*"corp" that count under groups_taken/,
      ),
      expect.stringMatching(/^warning .*"partner" that count/),
    ]);
    const taken = '      groups_taken: [partner-*]\n';
    expect(shared(`version: 1\n${bring(ISSUER)}${bring(second, taken)}`)).toHaveLength(1);
  });

  test('takes groups that only the issuer knows for possible, and still finds those nobody can bring', () => {
    expect(check(`version: 1\n${RULES}`)).toContainEqual(
      expect.stringMatching(/^error .*nobody is in group "leads"/),
    );
    const brings = withIssuer((text) => text.replace('audiences:', 'groups_claim: groups\n      audiences:'));
    expect(check(`${brings}${RULES}`).filter((line) => /leads|approver/.test(line))).toEqual([
      expect.stringMatching(/^warning .*nobody who signed in so far brought the group "leads"/),
    ]);
    const again = `${brings}${RULES}${RULES.slice(RULES.indexOf('  - ')).replaceAll('name: ', 'name: again-')}`;
    expect(check(again).filter((line) => line.includes('leads'))).toEqual([
      expect.stringMatching(/brought the group "leads", which 1 more place names$/),
    ]);
    const gives = withIssuer((text) => `${text}          groups: [leads]\n`);
    expect(check(`${gives}${RULES}`).filter((line) => /^error .*leads/.test(line))).toEqual([]);
  });
});

const ANA = { id: 'id-ana', name: 'ana', groups: ['dba'] };
const agent = (endUser?: Requester): Requester => ({
  id: 'id-a',
  name: 'agent',
  groups: ['agents'],
  endUser,
});
const READ = doing(action('read', 'SELECT public.t', 'public.t'));

describe('a requester that acts for a person', () => {
  const policy = (rules: string) => compilePolicy(fileOf(`version: 1\nrules:\n${rules}`), 'h');

  test.each([
    ['who names the machine', '  - {name: r, who: [agent], decision: allow}', 'allow'],
    ['who names the person', '  - {name: r, who: [ana], decision: allow}', 'allow'],
    ['who names the group of the person', '  - {name: r, who: [group:dba], decision: allow}', 'allow'],
    ['who names somebody else', '  - {name: r, who: [bob], decision: allow}', 'block'],
    [
      'the person is blocked',
      '  - {name: r, decision: allow}\n  - {name: s, who: [ana], decision: block}',
      'block',
    ],
  ])('is matched by either: %s', (_, rules, outcome) => {
    expect(policy(rules).decide(agent(ANA), PROD, READ).outcome).toBe(outcome);
  });

  test('sees what a mask covers only when both are excepted', () => {
    const masks = (except: string) =>
      compilePolicy(
        fileOf(
          `version: 1\nmasks:\n  - {name: m, columns: ["*.ssn"], strategy: redact, except: ${except}}\n`,
        ),
        'h',
      ).masksFor(agent(ANA), PROD).length;
    expect(masks('[ana]')).toBe(1);
    expect(masks('[agent]')).toBe(1);
    expect(masks('[agent, ana]')).toBe(0);
  });

  test('gets none of the roles of the person', () => {
    const given = compilePolicy(fileOf('version: 1\nidentity:\n  roles: {approver: [group:dba]}\n'), 'h');
    expect(given.rolesOf(ANA)).toEqual(['approver']);
    expect(given.rolesOf(agent(ANA))).toEqual([]);
    const rules = { approvers: ['group:dba'], approvals: 1, expires: 1, selfApproval: false };
    expect(given.mayApprove(rules, agent(ANA))).toBe(false);
  });
});

test('a difference in what is trusted is told in words', () => {
  const before = withIssuer((text) => text);
  const after = `${withIssuer((text) => text.replace('[hoopctl]', '[hoopctl, other]'))}  roles: {owner: [ana@example.com]}\n`;
  expect(diffPolicies(before, after).summary).toEqual([
    'issuer corp: audiences [hoopctl] -> [hoopctl, other]',
    'role owner: added (who [ana@example.com])',
  ]);
});

import { describe, expect, test } from 'vitest';
import { issuerSchema } from '../../../src/identity/issuer-schema.ts';
import { bearerOf, idOfOrigin } from '../../../src/identity/token-bearer.ts';

/** Claim sets as the issuers' own documentation shows them; signatures and times are proved elsewhere. */
const GITHUB = {
  jti: '8a1d2f7e-1d6c-4b50-9b3e-2a5f0f2f6c11',
  sub: 'repo:acme/shop:environment:production',
  aud: 'hoopctl',
  ref: 'refs/heads/main',
  sha: '9f2c0d1e5d7a4c1b8e6f3a2b1c0d9e8f7a6b5c4d',
  repository: 'acme/shop',
  repository_owner: 'acme',
  repository_owner_id: '65',
  repository_id: '74',
  repository_visibility: 'private',
  run_id: '30433642',
  run_number: '10',
  run_attempt: '2',
  runner_environment: 'github-hosted',
  actor: 'octocat',
  actor_id: '12',
  workflow: 'migrate',
  head_ref: '',
  base_ref: '',
  event_name: 'push',
  ref_type: 'branch',
  ref_protected: 'true',
  environment: 'production',
  job_workflow_ref: 'acme/shop/.github/workflows/migrate.yml@refs/heads/main',
  iss: 'https://token.actions.githubusercontent.com',
};
const GITLAB = {
  namespace_id: '72',
  namespace_path: 'platform',
  project_id: '20',
  project_path: 'platform/shop',
  user_id: '1',
  user_login: 'sample-user',
  user_email: 'sample-user@example.com',
  user_identities: [{ provider: 'google', extern_uid: '23532' }],
  pipeline_id: '574',
  pipeline_source: 'push',
  job_id: '302',
  ref: 'main',
  ref_type: 'branch',
  ref_path: 'refs/heads/main',
  ref_protected: 'true',
  environment: 'production',
  environment_protected: 'true',
  iss: 'https://gitlab.example.com',
  sub: 'project_path:platform/shop:ref_type:branch:ref:main',
  aud: 'hoopctl',
};
const KUBERNETES = {
  aud: ['hoopctl'],
  iss: 'https://oidc.eks.eu-west-1.amazonaws.com/id/ABC',
  'kubernetes.io': {
    namespace: 'prod',
    node: { name: 'ip-10-0-0-1', uid: 'b1' },
    pod: { name: 'migrator-7d9f', uid: 'p1' },
    serviceaccount: { name: 'migrator', uid: 's1' },
  },
  sub: 'system:serviceaccount:prod:migrator',
};
const SPIFFE = {
  aud: ['hoopctl'],
  iss: 'https://spire.example.org',
  sub: 'spiffe://example.org/ns/prod/sa/migrator',
};

const issuer = (iss: string, rule: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  issuerSchema.parse({
    name: 'ci',
    issuer: iss,
    domain: 'ci',
    audiences: ['hoopctl'],
    identities: [{ kind: 'machine', ...rule }],
    ...more,
  });

const read = (claims: Record<string, unknown>, rule: Record<string, unknown>, more = {}) =>
  bearerOf(issuer(String(claims.iss), rule, more), {
    claims,
    actor: claims.act as Record<string, unknown> | undefined,
  });
const code = (run: () => unknown) => {
  try {
    run();
    return 'taken';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('a workload token', () => {
  test('of GitHub Actions is the repository it runs for', () => {
    const rule = {
      match: { repository: 'acme/*', ref: 'refs/heads/main', environment: 'production' },
      name: '{repository}',
      subject: '{repository_id}',
      groups: ['pipelines'],
    };
    const bearer = read(GITHUB, rule);
    expect(bearer).toMatchObject({
      identity: { name: 'acme/shop@ci', kind: 'machine', roles: ['requester'] },
      groups: ['pipelines'],
      endUser: undefined,
    });
    const otherRun = read({ ...GITHUB, sub: 'repo:acme/shop:ref:refs/heads/main', run_id: '1' }, rule);
    expect(otherRun.id).toBe(bearer.id);
    expect(read({ ...GITHUB, repository_id: '75' }, rule).id).not.toBe(bearer.id);
  });

  test.each([
    ['a fork', { repository: 'mallory/shop' }],
    ['a repository that ends the same', { repository: 'mallory/acme/shop' }],
    ['another branch', { ref: 'refs/heads/x' }],
    ['a branch that begins the same', { ref: 'refs/heads/main2' }],
    ["a tag of the branch's name", { ref: 'refs/tags/refs/heads/main' }],
    ['a pull request', { ref: 'refs/pull/1/merge' }],
    ['no environment', { environment: undefined }],
    ['an environment in a list of its own making', { environment: { production: true } }],
  ])('of GitHub Actions for %s is refused', (_, change) => {
    const rule = {
      match: { repository: 'acme/*', ref: 'refs/heads/main', environment: 'production' },
      name: '{repository}',
    };
    expect(code(() => read({ ...GITHUB, ...change }, rule))).toBe('token_no_rule');
  });

  test('of GitLab CI is the project it runs for, on protected branches only', () => {
    const rule = {
      match: { project_path: 'platform/*', ref_protected: 'true' },
      name: '{project_path}',
      subject: '{project_id}',
    };
    expect(read(GITLAB, rule).identity.name).toBe('platform/shop@ci');
    expect(code(() => read({ ...GITLAB, ref_protected: 'false' }, rule))).toBe('token_no_rule');
  });

  test('of a Kubernetes service account is known by nested claims', () => {
    const rule = {
      match: { 'kubernetes.io.namespace': ['prod', 'staging'], sub: 'system:serviceaccount:*' },
      name: '{kubernetes.io.namespace}/{kubernetes.io.serviceaccount.name}',
    };
    expect(read(KUBERNETES, rule).identity).toMatchObject({
      name: 'prod/migrator@ci',
      subject: 'system:serviceaccount:prod:migrator',
    });
    const other = { ...KUBERNETES, 'kubernetes.io': { ...KUBERNETES['kubernetes.io'], namespace: 'dev' } };
    expect(code(() => read(other, rule))).toBe('token_no_rule');
  });

  test('of SPIFFE is one identity by a plain name', () => {
    const rule = { match: { sub: 'spiffe://example.org/ns/prod/*' }, name: 'migrator' };
    expect(read(SPIFFE, rule).identity).toMatchObject({ name: 'migrator@ci', subject: 'migrator\nmigrator' });
    expect(code(() => read({ ...SPIFFE, sub: 'spiffe://evil.org/ns/prod/sa/migrator' }, rule))).toBe(
      'token_no_rule',
    );
  });

  test('never becomes another identity by a claim that looks like a template of another rule', () => {
    const bySub = read(
      { ...GITHUB, sub: '{repository}\\nacme/shop' },
      { match: { sub: '*' }, name: 'a/{repository}' },
    );
    const byRepository = read(GITHUB, { match: { sub: '*' }, name: '{repository}', subject: '{repository}' });
    expect(byRepository.origin.subject).toBe('{repository}\nacme/shop');
    expect(bySub.id).not.toBe(byRepository.id);
  });
});

describe('a token with an actor', () => {
  const PEOPLE = { kind: 'person', match: { email: '*@ci' }, name: '{email}', roles: ['approver'] };
  const token = {
    iss: 'https://login.example.com',
    sub: 'u-1',
    email: 'ana@ci',
    email_verified: true,
    groups: ['dba'],
    act: { sub: 'agent-7', client_id: 'devin', act: { sub: 'front' } },
  };
  const more = {
    groups_claim: 'groups',
    actors: [
      { match: { client_id: 'devin' }, name: 'devin', subject: '{sub}', kind: 'machine', groups: ['agents'] },
    ],
  };

  test('stands for the actor, who gets nothing of the person', () => {
    expect(read(token, PEOPLE, more)).toEqual({
      id: idOfOrigin({ issuer: token.iss, subject: 'agent-7' }),
      origin: { issuer: token.iss, subject: 'agent-7' },
      identity: {
        name: 'devin@ci',
        subject: 'agent-7',
        kind: 'machine',
        groups: ['agents'],
        roles: ['requester'],
      },
      groups: ['agents'],
      endUser: {
        id: idOfOrigin({ issuer: token.iss, subject: 'u-1' }),
        name: 'ana@ci',
        groups: ['dba'],
        vouchedBy: 'token',
      },
    });
  });

  test.each([
    ['its actor is of another issuer', { act: { ...token.act, iss: 'https://evil.example' } }, 'token_actor'],
    ['no rule knows its actor', { act: { sub: 'agent-8', client_id: 'other' } }, 'token_no_rule'],
    ['nobody knows its person', { email: 'ana@elsewhere' }, 'token_no_rule'],
  ])('is refused when %s', (_, change, expected) => {
    expect(code(() => read({ ...token, ...change }, PEOPLE, more))).toBe(expected);
  });

  test('brings of its groups those that the policy takes of this issuer', () => {
    const many = { ...token, act: undefined, groups: ['dba', 'acme-leads', 'owners', 'ACME-leads'] };
    const taken = { ...more, groups_taken: ['acme-*', 'oncall'] };
    expect(read(many, PEOPLE, taken).groups).toEqual(['acme-leads']);
    expect(read(many, { ...PEOPLE, groups: ['staff'] }, taken).groups).toEqual(['acme-leads', 'staff']);
  });

  test('is refused when its subject is a machine', () => {
    const rule = { kind: 'machine', match: { email: '*@ci' }, name: '{email}' };
    expect(code(() => read(token, rule, more))).toBe('token_actor');
  });
});

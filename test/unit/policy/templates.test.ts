import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkPolicy } from '../../../src/policy/check.ts';
import { compilePolicy } from '../../../src/policy/compile.ts';
import type { Requester } from '../../../src/policy/decision.ts';
import { policyJsonSchema, policyJsonSchemaText } from '../../../src/policy/json-schema.ts';
import type { Known } from '../../../src/policy/known.ts';
import { parsePolicy } from '../../../src/policy/parse.ts';
import type { TextFacts } from '../../../src/sql/facts.ts';
import { action, doing, PROD, statement, text } from './facts.ts';

const TEMPLATES = fileURLToPath(new URL('../../../templates', import.meta.url));
const POLICIES = join(TEMPLATES, 'policies');

const read = (name: string): string => readFileSync(join(POLICIES, name), 'utf8');

function template(name: string) {
  const { policy, problems } = parsePolicy(read(name), name);
  expect(problems).toEqual([]);
  if (policy === undefined) throw new Error('no policy');
  return policy;
}

const FRESH: Known = { identities: [{ name: 'owner', groups: [], roles: ['owner'] }], connections: [] };
const USED: Known = {
  identities: [
    ...FRESH.identities,
    { name: 'devin', groups: ['agents'], roles: ['requester'] },
    { name: 'agent-1', groups: [], roles: ['requester'] },
    { name: 'ci-7', groups: [], roles: ['requester'] },
    { name: 'migrate-shop', groups: [], roles: ['requester'] },
    { name: 'ana', groups: [], roles: ['approver'] },
  ],
  connections: [{ name: 'prod-db', labels: {}, protocol: 'postgres' }],
};

const named = (name: string, groups: string[] = []): Requester => ({ id: `id-${name}`, name, groups });
const PEOPLE: Record<string, Requester> = {
  agent: named('agent-1'),
  member: named('claude', ['agents']),
  migrator: named('migrate-shop'),
  stranger: named('eve'),
  engineer: named('lea@example.com', ['engineers']),
};

/** Facts of the statements that the tables below speak of. */
const STATEMENTS: Record<string, TextFacts> = {
  select: doing(action('read', 'SELECT public.customers', 'public.customers')),
  begin: doing(action('session', 'BEGIN')),
  'set timeout': doing(action('session', 'SET statement_timeout')),
  'pg_dump empties search_path': doing(
    action('session', 'CALL pg_catalog.set_config', 'pg_catalog.set_config', 'function'),
  ),
  'set role': text(
    statement({ actions: [action('session', 'SET role')], conditions: ['dangerous-session-change'] }),
  ),
  'quoting off': text(
    statement({
      actions: [action('session', 'SET standard_conforming_strings')],
      conditions: ['standard-conforming-strings-off', 'dangerous-session-change'],
    }),
  ),
  update: doing(action('write', 'UPDATE public.customers', 'public.customers')),
  'update all': text(
    statement({
      actions: [action('write', 'UPDATE public.customers', 'public.customers')],
      conditions: ['update-without-where'],
    }),
  ),
  'create table': doing(action('ddl', 'CREATE TABLE public.t', 'public.t')),
  'drop table': doing(action('ddl', 'DROP TABLE public.customers', 'public.customers')),
  'drop column': doing(action('ddl', 'ALTER TABLE public.customers DROP COLUMN plan', 'public.customers')),
  truncate: doing(action('write', 'TRUNCATE public.customers', 'public.customers')),
  'create role': doing(action('admin', 'CREATE ROLE bob', 'bob', 'role')),
  'copy program': doing(action('admin', 'COPY PROGRAM')),
  opaque: text(statement({ actions: [action('unknown', 'SELECT public.f')], reasons: ['nobody knows f'] })),
  'filter by ssn': text(
    statement({
      actions: [action('read', 'SELECT public.customers', 'public.customers')],
      columnUses: [{ column: 'public.customers.ssn', use: 'predicate' }],
    }),
  ),
};

/** template: who: statement: expected decision. */
const EXPECTATIONS: Record<string, Record<string, Record<string, string>>> = {
  'team-gateway.yaml': {
    engineer: { select: 'allow engineers-read', 'set role': 'block nobody-turns-the-session-around' },
    stranger: { select: 'block default' },
  },
  'read-only-agent.yaml': {
    agent: {
      select: 'allow agents-read',
      begin: 'allow agents-read',
      'set timeout': 'allow agents-read',
      'pg_dump empties search_path': 'allow agents-read',
      'set role': 'block no-dangerous-settings',
      update: 'block default',
      'create table': 'block default',
      'drop table': 'block default',
      'create role': 'block default',
      opaque: 'block default',
      'filter by ssn': 'block default',
    },
    member: { select: 'allow agents-read', update: 'block default' },
    stranger: { select: 'block default' },
  },
  'agent-with-approved-writes.yaml': {
    agent: {
      select: 'allow agents-read',
      begin: 'allow agents-read',
      'pg_dump empties search_path': 'allow agents-read',
      update: 'approve writes-need-approval',
      'update all': 'block no-unbounded-writes',
      'drop table': 'block no-destructive-ddl',
      'drop column': 'block no-destructive-ddl',
      truncate: 'block no-destructive-ddl',
      'create table': 'block default',
      'create role': 'block no-administration',
      'copy program': 'block no-administration',
      'set role': 'block no-dangerous-settings',
      opaque: 'block default',
      'filter by ssn': 'block default',
    },
    member: { update: 'approve writes-need-approval' },
    stranger: { select: 'block default', update: 'block default' },
  },
  'migration-window.yaml': {
    migrator: {
      select: 'allow migrators-change',
      update: 'allow migrators-change',
      'create table': 'allow migrators-change',
      'update all': 'approve unbounded-writes-need-approval',
      'drop table': 'approve destruction-needs-two',
      'drop column': 'approve destruction-needs-two',
      truncate: 'approve destruction-needs-two',
      'set role': 'allow migrators-change',
      'quoting off': 'block no-changed-quoting',
      'create role': 'block no-administration',
      opaque: 'block default',
      'filter by ssn': 'allow migrators-change',
    },
    agent: {
      select: 'allow agents-read',
      update: 'block default',
      'drop table': 'block default',
      'set role': 'block no-dangerous-settings',
      'filter by ssn': 'block default',
    },
    stranger: { select: 'block default' },
  },
  // Statements of another kind: test/unit/templates/ssh-policy.test.ts.
  'ssh-agent.yaml': {},
  // And test/unit/templates/kubernetes-policy.test.ts.
  'kubernetes-agent.yaml': {},
};

const cases = Object.entries(EXPECTATIONS).flatMap(([file, people]) =>
  Object.entries(people).flatMap(([who, table]) =>
    Object.entries(table).map(([what, expected]) => [file, who, what, expected] as const),
  ),
);

describe('starter policies', () => {
  test('each has its expectations', () => {
    expect(Object.keys(EXPECTATIONS).sort()).toEqual(
      readdirSync(POLICIES)
        .filter((f) => f.endsWith('.yaml'))
        .sort(),
    );
  });

  test.each(Object.keys(EXPECTATIONS))('%s checks without errors on a fresh machine', (name) => {
    const problems = checkPolicy(template(name), FRESH).map((p) => `${p.severity} ${p.message}`);
    expect(problems.filter((problem) => problem.startsWith('error'))).toEqual([]);
  });

  test('the everyday ones have nothing left to warn of once their identities exist', () => {
    expect(checkPolicy(template('read-only-agent.yaml'), USED)).toEqual([]);
    expect(checkPolicy(template('agent-with-approved-writes.yaml'), USED)).toEqual([]);
    expect(checkPolicy(template('migration-window.yaml'), USED)).toEqual([]);
  });

  test.each(cases)('%s: %s, %s: %s', (file, who, what, expected) => {
    const facts = STATEMENTS[what];
    const requester = PEOPLE[who];
    if (facts === undefined || requester === undefined) throw new Error('no such case');
    const decision = compilePolicy(template(file), 'h').decide(requester, PROD, facts);
    expect(`${decision.outcome} ${decision.rule ?? 'default'}`).toBe(expected);
  });

  test('the password mask means columns and not tables', () => {
    const policy = compilePolicy(template('read-only-agent.yaml'), 'h');
    const using = (column: string) =>
      text(statement({ actions: [action('read', 'SELECT')], columnUses: [{ column, use: 'predicate' }] }));
    const decide = (column: string) => policy.decide(named('agent-1'), PROD, using(column)).outcome;
    expect(decide('public.users.password_hash')).toBe('block');
    expect(decide('public.password_resets.id')).toBe('allow');
  });

  test('name the JSON Schema beside them for editors', () => {
    for (const name of readdirSync(POLICIES)) expect(read(name)).toContain('$schema=../policy.schema.json');
  });
});

describe('templates/policy.schema.json', () => {
  test('is current: node scripts/write-policy-schema.mjs writes it', () => {
    expect(readFileSync(join(TEMPLATES, 'policy.schema.json'), 'utf8')).toBe(policyJsonSchemaText());
  });

  test('knows every key, refuses others, and lists conditions and detectors', () => {
    const schema = policyJsonSchema({ conditions: ['c1'], detectors: ['d1'] });
    const shown = JSON.stringify(schema);
    expect(schema).toMatchObject({ additionalProperties: false, required: ['version'] });
    expect(Object.keys(schema.properties as object)).toEqual([
      'version',
      'default',
      'groups',
      'identity',
      'rules',
      'masks',
      'functions',
      'limits',
      'guards',
    ]);
    expect(shown).toContain('"enum":["c1"]');
    expect(shown).toContain('"enum":["d1"]');
    expect(shown).toContain('"enum":["redact","partial","hash","null",null]');
  });
});

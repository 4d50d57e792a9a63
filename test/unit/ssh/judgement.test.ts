import { expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy/compile.ts';
import { parsePolicy } from '../../../src/policy/parse.ts';
import { type Asked, factsOf } from '../../../src/protocols/ssh/judgement.ts';

const requester = { id: 'i-1', name: 'devin', groups: [] };
const target = { connection: 'web-1', labels: {}, protocol: 'ssh' };

function outcome(rules: string, asked: Asked): string {
  const { policy, problems } = parsePolicy(`version: 1\nrules:\n${rules}\n`, 'test');
  if (policy === undefined) throw new Error(JSON.stringify(problems));
  return compilePolicy(policy, 'hash').decide(requester, target, factsOf(asked)).outcome;
}
const exec = (line: string): Asked => ({ kind: 'exec', line, terminal: false });
const sftp = (verb: 'READ' | 'WRITE', ...paths: string[]): Asked => ({
  kind: 'sftp',
  uses: [{ verb, paths }],
  unmaskable: false,
});

const READS = '  - {name: reads, effects: [read, session], decision: allow}';

test('a line is as strict as the strictest command in it', () => {
  expect(outcome(READS, exec('ls | wc'))).toBe('allow');
  expect(outcome(READS, exec('ls; rm x'))).toBe('block');
  expect(outcome(READS, exec('ls $(rm x)'))).toBe('block');
  expect(outcome(READS, exec('eval ls'))).toBe('block');
});

test('a line that does nothing is read, since somebody signs in for it', () => {
  const writes = '  - {name: writes, effects: [write], decision: allow}';
  for (const line of ['x=1', 'export X=1', '# nothing', '']) {
    expect([line, outcome(READS, exec(line)), outcome(writes, exec(line))]).toEqual([line, 'allow', 'block']);
  }
});

test('a command is allowed by its name and arguments, in its own letter case', () => {
  const rule = '  - {name: deploy, effects: [unknown], commands: ["/srv/deploy.sh prod"], decision: allow}';
  expect(outcome(rule, exec('/srv/deploy.sh prod'))).toBe('allow');
  expect(outcome(rule, exec('/srv/deploy.sh staging'))).toBe('block');
  expect(outcome(rule, exec('/srv/DEPLOY.sh prod'))).toBe('block');
  expect(outcome(rule, exec("/srv/deploy.sh 'prod x'"))).toBe('block');
  expect(outcome(rule, exec('/srv/deploy.sh prod; rm x'))).toBe('block');
  expect(outcome(rule, exec('/srv/deploy.sh $X'))).toBe('block');
});

test('a command is blocked in whatever letter case', () => {
  const rules = `${READS}\n  - {name: no, commands: [LS], decision: block}`;
  expect(outcome(rules, exec('ls'))).toBe('block');
});

test('a rule over paths allows what names a path and no program, whose paths nobody knows', () => {
  const rule = '  - {name: app, effects: [read, write], objects: ["/srv/app/*"], decision: allow}';
  expect(outcome(rule, sftp('READ', '/srv/app/x'))).toBe('allow');
  expect(outcome(rule, sftp('READ', '/etc/shadow'))).toBe('block');
  expect(outcome(rule, sftp('READ', '/srv/app/link', '/etc/shadow'))).toBe('block');
  expect(outcome(rule, exec('cat /etc/shadow'))).toBe('block');
  expect(outcome(rule, exec('true > /srv/app/x'))).toBe('block');
});

test('a shell, an odd subsystem and a forward each need a rule that names them', () => {
  const all = '  - {name: all, effects: [read, write, admin, session], decision: allow}';
  expect(outcome(all, { kind: 'shell', terminal: true })).toBe('block');
  expect(outcome(all, { kind: 'subsystem', name: 'netconf' })).toBe('block');
  expect(outcome(READS, { kind: 'forward', host: 'db', port: 5432, unmaskable: false })).toBe('block');
  const shell = '  - {name: shell, effects: [unknown], commands: [SHELL], decision: allow}';
  expect(outcome(shell, { kind: 'shell', terminal: true })).toBe('allow');
  expect(outcome(shell, exec('SHELL'))).toBe('allow');
  expect(outcome(shell, exec('./x'))).toBe('block');
  const forward =
    '  - {name: f, effects: [admin], objects: ["db:5432"], commands: [FORWARD], decision: allow}';
  expect(outcome(forward, { kind: 'forward', host: 'db', port: 5432, unmaskable: false })).toBe('allow');
  expect(outcome(forward, { kind: 'forward', host: 'db', port: 22, unmaskable: false })).toBe('block');
  expect(outcome(forward, { kind: 'forward', host: 'db', port: 5432, unmaskable: true })).toBe('block');
});

test('variables that change what runs are unknown', () => {
  const env = (name: string, value = 'x'): Asked => ({ kind: 'environment', name, value });
  for (const value of ['C.UTF-8', 'en_US.UTF-8', 'de_DE@euro', 'POSIX', ''])
    expect(outcome(READS, env('LC_ALL', value))).toBe('allow');
  // There a byte of a letter can be a backslash, and Bash reads another line than was judged.
  expect(outcome(READS, env('TZ', 'Europe/Berlin'))).toBe('allow');
  expect(outcome(READS, env('TZ', 'a[$(rm x)]'))).toBe('block');
  for (const value of ['zh_TW', 'zh_CN.GBK', 'ja_JP.SJIS', '../../tmp'])
    expect(outcome(READS, env('LC_ALL', value))).toBe('block');
  for (const name of ['LD_PRELOAD', 'BASH_ENV', 'PATH', 'LC_ALL_X']) {
    if (name !== 'LC_ALL_X') expect(outcome(READS, env(name))).toBe('block');
  }
});

test('where another shell reads the line nothing in it is known', () => {
  const asked: Asked = { kind: 'exec', line: 'ls', terminal: false, foreignShell: 'fish' };
  expect(outcome(READS, asked)).toBe('block');
});

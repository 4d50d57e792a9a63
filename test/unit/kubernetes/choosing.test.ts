import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy/compile.ts';
import { parsePolicy } from '../../../src/policy/parse.ts';
import { type Choice, choose } from '../../../src/protocols/kubernetes/choosing.ts';
import { programOptions } from '../../../src/protocols/kubernetes/connect-actions.ts';
import { containerShell } from '../../../src/protocols/kubernetes/container-shell.ts';
import type { ApiRequest } from '../../../src/protocols/kubernetes/request-facts.ts';
import { readTarget } from '../../../src/protocols/kubernetes/request-target.ts';
import { readStatement } from '../../../src/protocols/kubernetes/statement-text.ts';

const requester = { id: 'i-1', name: 'devin', groups: [] };
const target = { connection: 'k8s', labels: {}, protocol: 'kubernetes' };
const EXEC = '  - {name: exec, effects: [admin], commands: ["EXEC *"], decision: allow}';
const named = (command: string, decision = 'allow') =>
  `  - {name: ${decision}-${command.length}, effects: [unknown], commands: ["${command}"], decision: ${decision}}`;

/** `exec -it web -- COMMAND`. */
function request(command: readonly string[], flags = 'stdin=true&tty=true') {
  const words = command.map((word) => `command=${encodeURIComponent(word)}`).join('&');
  return readTarget(`/api/v1/namespaces/shop/pods/web/exec?${words}&container=main&${flags}&stdout=true`);
}

function chosen(rules: readonly string[], command: readonly string[], flags?: string): Choice {
  return choice([EXEC, ...rules], {
    method: 'GET',
    target: request(command, flags),
    body: undefined,
    impersonates: undefined,
  });
}

function choice(rules: readonly string[], api: ApiRequest): Choice {
  const { policy, problems } = parsePolicy(`version: 1\nrules:\n${rules.join('\n')}\n`, 'test');
  if (policy === undefined) throw new Error(JSON.stringify(problems));
  const compiled = compilePolicy(policy, 'hash');
  return choose(
    api,
    (group) => group !== 'aggregated.example',
    false,
    (facts) => compiled.decide(requester, target, facts),
  );
}

describe('a shell in a container can be gated', () => {
  test.each([
    [['bash']],
    [['sh']],
    [['/bin/sh']],
    [['/usr/bin/bash', '-i']],
    [['/usr/local/bin/bash', '-il']],
    [['ash', '-l']],
    [['bash', '--login', '-i']],
    [['bash', '--norc', '--noprofile']],
    [['sh', '-c', 'command -v bash >/dev/null && exec bash || exec sh']],
    [['/bin/sh', '-c', 'command -v bash >/dev/null 2>&1 && exec bash || exec sh']],
    [['sh', '-c', 'clear; (bash || ash || sh)']],
    [['sh', '-c', 'bash || sh']],
  ])('when it is asked for as %j', (command) => {
    const { gated } = chosen([named('LINE-GATED SHELL')], command);
    const words = gated?.runs('echo "$1"; exit') ?? [];
    expect(words.slice(-1)).toEqual(['echo "$1"; exit']);
    expect(words[0]).toBe(command[0]);
    expect(words).toContain('-c');
  });

  test.each([
    [['bash', '--rcfile', '/tmp/x']],
    [['bash', '--init-file', '/tmp/x', '-i']],
    [['bash', '-O', 'expand_aliases']],
    [['bash', '-s']],
    [['bash', '-c', 'bash']],
    [['bash', '/tmp/script']],
    [['/tmp/bash']],
    [['./bash']],
    [['/bin/../tmp/bash']],
    [['bash ']],
    [['BASH']],
    [['env', 'BASH_ENV=/tmp/x', 'bash']],
    [['zsh']],
    [['fish']],
    [['ksh']],
    [['sh', '-c', 'exec bash --rcfile /tmp/x']],
    [['sh', '-c', 'bash || sh; reboot']],
    [['sh', '-c', 'bash || sh\nreboot']],
    [['sh', '-ic', 'bash || sh']],
    [['sh', '-c', 'bash || sh', 'more']],
    [['script', '-qc', 'bash']],
    [['su', '-']],
    [['busybox', 'sh']],
  ])('but not as %j, which is refused with what to do instead', (command) => {
    const { decision, gated } = chosen([named('LINE-GATED SHELL')], command);
    expect(gated).toBeUndefined();
    expect(decision).toMatchObject({ outcome: 'block' });
    if (command[1] !== '-c') expect(decision).toMatchObject({ message: expect.stringContaining('-- bash') });
  });

  test('bash runs its lines without the files and functions of its environment', () => {
    const runs = (...command: string[]) => containerShell(programOptions(request(command).query))?.runs('x');
    expect(runs('bash', '-l')).toEqual(['bash', '-p', '-c', 'x']);
    expect(runs('sh', '-l')).toEqual(['sh', '-c', 'x']);
    expect(runs('sh', '-c', 'bash || sh')?.[2]).toContain('exec bash -p -c "$0"; exec sh -c "$0"');
    expect(runs('bash', '-c', 'bash || sh')?.slice(0, 3)).toEqual(['bash', '-p', '-c']);
  });

  test('and not without input, nor by attach', () => {
    expect(chosen([named('LINE-GATED SHELL')], ['bash'], 'tty=true').gated).toBeUndefined();
    expect(containerShell(programOptions(request(['bash'], 'stdin=0').query))).toBeUndefined();
  });
});

describe('of what a shell can be', () => {
  const kind = (...rules: string[]) => {
    const { decision, facts, gated } = chosen(rules, ['bash']);
    const command = facts.facts.statements[0]?.actions.at(-1)?.command;
    return `${decision.outcome} ${command}${gated === undefined ? '' : ' (gated)'}`;
  };

  test('policy gives what it lets in most easily, and gates nobody who may have it recorded as easily', () => {
    expect(kind()).toBe('block bash');
    expect(kind(named('LINE-GATED SHELL'))).toBe('allow LINE-GATED SHELL (gated)');
    expect(kind(named('LINE-GATED SHELL', 'approve'))).toBe('approve LINE-GATED SHELL (gated)');
    expect(kind(named('SHELL'))).toBe('allow SHELL');
    expect(kind(named('bash'))).toBe('allow bash');
    expect(kind(named('SHELL'), named('LINE-GATED SHELL'))).toBe('allow SHELL');
    expect(kind(named('SHELL', 'approve'), named('LINE-GATED SHELL'))).toBe('allow LINE-GATED SHELL (gated)');
    expect(kind(named('SHELL', 'approve'), named('LINE-GATED SHELL', 'approve'))).toBe('approve SHELL');
  });

  test('what a rule blocks by one of its names is not let in by the other', () => {
    expect(kind(named('SHELL', 'block'), named('bash'))).toBe('block SHELL');
    expect(kind(named('bash', 'block'), named('SHELL'))).toBe('block bash');
    expect(kind(named('SHELL', 'block'), named('LINE-GATED SHELL'))).toBe('allow LINE-GATED SHELL (gated)');
    expect(
      kind('  - {name: pods, objects: ["shop/pods/*"], decision: block}', named('LINE-GATED SHELL')),
    ).toMatch(/^block/);
  });

  test('each needs the right to exec as well', () => {
    const rules = [named('LINE-GATED SHELL'), '  - {name: no, commands: ["EXEC *"], decision: block}'];
    expect(chosen(rules, ['bash']).decision.outcome).toBe('block');
  });
});

describe('a write that is only rehearsed', () => {
  const READ = '  - {name: read, effects: [read], decision: allow}';
  const DRY_RUNS = named('DRY-RUN *');
  const ASK = '  - {name: ask, effects: [write, admin], decision: approve}';
  const WEB = '/apis/apps/v1/namespaces/shop/deployments/web';
  const outcome = (rules: readonly string[], statement: string) => {
    const { decision, facts } = choice(rules, readStatement(statement, 'shop'));
    return `${decision.outcome} ${facts.facts.statements[0]?.actions[0]?.command}`;
  };

  test.each([
    [`PATCH ${WEB}?dryRun=All&fieldManager=kubectl\n{}`, 'PATCH shop/deployments/web'],
    [`PUT ${WEB}?dryRun=All\n{"metadata":{"name":"web"}}`, 'UPDATE shop/deployments/web'],
    ['POST /api/v1/namespaces/shop/pods?dryRun=All\n{"metadata":{"name":"a"}}', 'CREATE shop/pods/a'],
    ['POST /apis/example.com/v1/namespaces/shop/widgets?dryRun=All\n{}', 'CREATE shop/widgets.example.com/*'],
    ['diff -f -\nkind: Deployment\nmetadata: {name: web}', 'PATCH shop/deployments/web'],
    ['label pod web a=b --dry-run=server', 'PATCH shop/pods/web'],
  ])('is let in where a rule names it: %j', (statement, command) => {
    expect(outcome([READ, DRY_RUNS], statement)).toBe(`allow DRY-RUN ${command}`);
    expect(outcome([READ, DRY_RUNS, ASK], statement)).toBe(`allow DRY-RUN ${command}`);
  });

  test('is the write that it is for, where no rule names it', () => {
    expect(outcome([READ], `PATCH ${WEB}?dryRun=All\n{}`)).toBe('block PATCH shop/deployments/web');
    expect(outcome([READ, ASK], `PATCH ${WEB}?dryRun=All\n{}`)).toBe('approve PATCH shop/deployments/web');
    const all = '  - {name: all, effects: [read, write, admin, ddl, session], decision: allow}';
    expect(outcome([all], `PATCH ${WEB}?dryRun=All\n{}`)).toBe('allow PATCH shop/deployments/web');
  });

  test('shows the object as it would be, so that one who may not read it may not have that', () => {
    expect(outcome([DRY_RUNS], `PATCH ${WEB}?dryRun=All\n{}`)).toMatch(/^block/);
    expect(outcome([READ, DRY_RUNS], 'PATCH /api/v1/namespaces/shop/secrets/db?dryRun=All\n{}')).toMatch(
      /^block/,
    );
    expect(outcome([READ, DRY_RUNS], 'POST /api/v1/namespaces/shop/secrets?dryRun=All\n{}')).toMatch(
      /^block/,
    );
  });

  test('stays within the objects that a rule is about', () => {
    const here =
      '  - {name: d, effects: [unknown], commands: ["DRY-RUN *"], objects: ["shop/*"], decision: allow}';
    expect(outcome([READ, here], `PATCH ${WEB}?dryRun=All\n{}`)).toMatch(/^allow/);
    expect(outcome([READ, here], `PATCH ${WEB.replace('shop', 'kube-system')}?dryRun=All\n{}`)).toMatch(
      /^block/,
    );
  });

  test.each([
    // The options of a deletion may stand in its body, and then those of the query do not count.
    [`DELETE ${WEB}?dryRun=All\n{"kind":"DeleteOptions"}`],
    [`DELETE ${WEB}?dryRun=All`],
    ['DELETE /api/v1/namespaces/shop/pods?dryRun=All'],
    // What the API server does not read as a dry run.
    [`PATCH ${WEB}\n{"dryRun":["All"]}`],
    [`PATCH ${WEB}?dryrun=All\n{}`],
    [`PATCH ${WEB}?dryRun=all\n{}`],
    [`PATCH ${WEB}?dryRun=\n{}`],
    [`PATCH ${WEB}?dryRun=None\n{}`],
    [`PATCH ${WEB}?dryRun=&dryRun=All\n{}`],
    [`PATCH ${WEB}?dryRun=All&dryRun=None\n{}`],
    // What is more than a write, or does something of its own.
    ['POST /api/v1/namespaces/shop/pods/web/eviction?dryRun=All\n{}'],
    ['POST /api/v1/namespaces/shop/pods/web/exec?dryRun=All&command=reboot'],
    ['POST /api/v1/namespaces/shop/serviceaccounts/default/token?dryRun=All\n{}'],
    ['PUT /api/v1/nodes/n1/status?dryRun=All\n{}'],
    [`PATCH ${WEB}/scale?dryRun=All\n{}`],
    ['POST /api/v1/namespaces/shop/bindings?dryRun=All\n{}'],
    ['POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings?dryRun=All\n{}'],
    ['POST /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations?dryRun=All\n{}'],
    ['POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All\n{}'],
    // Another server may not know of dry runs, and do it.
    ['POST /apis/aggregated.example/v1/namespaces/shop/things?dryRun=All\n{}'],
    ['POST /version?dryRun=All\n{}'],
  ])('is not what asks for it in vain: %j', (statement) => {
    expect(outcome([READ, DRY_RUNS], statement)).toMatch(/^block/);
  });
});

import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy/compile.ts';
import { parsePolicy } from '../../../src/policy/parse.ts';
import { type Choice, choose } from '../../../src/protocols/kubernetes/choosing.ts';
import { programOptions } from '../../../src/protocols/kubernetes/connect-actions.ts';
import { containerShell } from '../../../src/protocols/kubernetes/container-shell.ts';
import { readTarget } from '../../../src/protocols/kubernetes/request-target.ts';

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
  const { policy, problems } = parsePolicy(`version: 1\nrules:\n${[EXEC, ...rules].join('\n')}\n`, 'test');
  if (policy === undefined) throw new Error(JSON.stringify(problems));
  const compiled = compilePolicy(policy, 'hash');
  return choose(
    { method: 'GET', target: request(command, flags), body: undefined, impersonates: undefined },
    () => true,
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

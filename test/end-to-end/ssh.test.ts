import { userInfo } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GovernedMachine, openMachine } from '../servers/governed-machine.ts';
import type { Hoopctl } from '../servers/hoopctl.ts';

const POLICY = `
version: 1
groups: {dba: [owner]}
rules:
  - {name: reads, connections: [web-1], effects: [read], decision: allow}
  - {name: locale, connections: [web-1], commands: ["ENV *"], effects: [session], decision: allow}
  - {name: writes, connections: [web-1], effects: [write], decision: approve}
  - {name: no-dd, connections: [web-1], commands: [dd], decision: block, message: never}
`;

let machine: GovernedMachine;
let hoopctl: Hoopctl;
let devin: { readonly token: string };

beforeAll(async () => {
  machine = await openMachine(POLICY);
  ({ hoopctl } = machine);
  devin = { token: machine.token };
});
afterAll(async () => {
  await machine?.stop();
});

describe('connect', () => {
  test('runs one allowed command and gives its output and its exit code', async () => {
    const one = await hoopctl.run(['connect', 'web-1', '--', 'echo hello; ls /nonexistent'], devin);
    expect(one.stdout).toBe('hello\n');
    expect(one.stderr).toContain('No such file');
    expect(one.code).toBe(2);
  });

  test('reads a line as the shell of the account there does', async () => {
    const bash = userInfo().shell?.endsWith('/bash') === true;
    const line = 'i=0; while ((i < 3)); do ((i++)); done; echo $i';
    const one = await hoopctl.run(['connect', 'web-1', '--', line], devin);
    expect([one.stdout, one.code]).toEqual(bash ? ['3\n', 0] : ['', 126]);
  });

  test('refuses what the policy does not allow with 126 and the rule', async () => {
    const one = await hoopctl.run(['connect', 'web-1', '--', 'dd if=/dev/zero of=/tmp/never'], devin);
    expect(one.stderr).toContain('blocked by rule "no-dd": dd if=/dev/zero of=/tmp/never');
    expect(one.code).toBe(126);
  });
});

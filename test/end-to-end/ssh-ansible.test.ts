import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GovernedMachine, openMachine } from '../servers/governed-machine.ts';
import type { Hoopctl } from '../servers/hoopctl.ts';
import type { SshUser } from '../servers/ssh-config.ts';
import type { SshServer } from '../servers/sshd.ts';

/** It brings many Python packages along, so the tests' machine is not made to have it. */
const ANSIBLE = '/usr/bin/ansible';

describe.skipIf(!existsSync(ANSIBLE))('Ansible', () => {
  let machine: GovernedMachine;
  let sshd: SshServer;
  let hoopctl: Hoopctl;
  let devin: SshUser;
  let here: string;

  beforeAll(async () => {
    machine = await openMachine(`
version: 1
rules:
  - {name: files, effects: [read, write, session], decision: allow}
`);
    ({ sshd, hoopctl, devin } = machine);
    here = join(hoopctl.home, '..', 'ansible');
    mkdirSync(here);
    writeFileSync(join(here, 'hosts'), 'web-1 ansible_python_interpreter=/usr/bin/python3\n');
  });
  afterAll(async () => {
    await machine?.stop();
  });

  const ping = () =>
    devin.run(ANSIBLE, ['-i', join(here, 'hosts'), 'all', '-m', 'ping'], {
      deadline: 90_000,
      env: {
        HOME: here,
        ANSIBLE_SSH_ARGS: `-F ${devin.config}`,
        ANSIBLE_HOST_KEY_CHECKING: 'False',
        ANSIBLE_LOCAL_TEMP: join(here, 'tmp'),
        ANSIBLE_REMOTE_TEMP: join(sshd.directory, 'ansible'),
        LC_ALL: 'C.UTF-8',
      },
    });

  test('is told why where no rule lets them run', async () => {
    const { code, stderr, stdout } = await ping();
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain('no rule of the policy allows it');
  }, 120_000);

  test('pings through the Host block of ssh-config, where a rule lets its modules run', async () => {
    await hoopctl.applyPolicy(`
version: 1
rules:
  - {name: files, effects: [read, write, session], decision: allow}
  - {name: modules, effects: [unknown], commands: ["python3 */ansible-tmp-*/AnsiballZ_ping.py"], decision: allow}
`);
    const { code, stderr, stdout } = await ping();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain('"ping": "pong"');
  }, 120_000);
});

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type GovernedMachine, openMachine } from '../servers/governed-machine.ts';
import type { Hoopctl } from '../servers/hoopctl.ts';
import type { SshUser } from '../servers/ssh-config.ts';
import type { SshServer } from '../servers/sshd.ts';
import { Terminal } from '../servers/terminal.ts';

let machine: GovernedMachine;
let sshd: SshServer;
let hoopctl: Hoopctl;
let devin: SshUser;
let token: string;

beforeAll(async () => {
  machine = await openMachine(`
version: 1
rules:
  - {name: reads, effects: [read, session], decision: allow}
  - {name: writes, effects: [write], decision: approve, expires: 30s}
  - {name: no-rm, commands: [rm], decision: block, message: nothing is removed here}
  - {name: gated, effects: [unknown], commands: ["LINE-GATED SHELL"], decision: allow}
  - {name: python, effects: [unknown], commands: [python3, "INPUT python3"], decision: allow}
masks:
  - {name: pii, detect: [credit_card], strategy: redact}
`);
  ({ sshd, hoopctl, devin, token } = machine);
});
afterAll(async () => {
  if (isOpen) shell.close();
  await machine?.stop();
});

const there = (name: string) => join(sshd.directory, name);
const PROMPT = /web-1:[^\n]+\$ $/;

/** Serves one test after the other, since each that is opened costs a client, a login and a dial. */
let shell: Terminal;
let isOpen = false;
async function open(): Promise<void> {
  if (isOpen) shell.close();
  shell = new Terminal('ssh', ['-F', devin.config, 'web-1'], { env: hoopctl.env({ token }) });
  await shell.shows(PROMPT);
  isOpen = true;
}
/** The shell has ended. */
async function exitCode(): Promise<number> {
  const code = await shell.exited;
  isOpen = false;
  return code;
}
beforeEach(async () => {
  if (!isOpen) await open();
  shell.forget();
});
afterEach(({ task }) => {
  // What it left there is nobody's prompt.
  if (task.result?.state === 'fail' && isOpen) shell.close();
  if (task.result?.state === 'fail') isOpen = false;
});

/** Types a line and waits for what it shows and the prompt behind it. */
async function line(text: string, shows: string | RegExp): Promise<void> {
  shell.type(`${text}\r`);
  await shell.shows(shows);
  await shell.shows(PROMPT);
}

describe('a line-gated shell', () => {
  test('runs what the policy allows, keeps the directory and plain variables, and ends with the last code', async () => {
    mkdirSync(there('sub dir'), { recursive: true });
    await line(`cd '${there('sub dir')}' && pwd`, `\n${there('sub dir')}\n`);
    await line('pwd', `\n${there('sub dir')}\n`);
    await line("greeting='hello  you'", '\n');
    await line('echo "$greeting"', '\nhello  you\n');
    await line('ls /nowhere', 'cannot access');
    await line('echo "it was $?"', '\nit was 2\n');
    await line('ls /nowhere', 'cannot access');
    shell.type('exit\r');
    expect(await exitCode()).toBe(2);
  });

  test('completes names of files by a listing that it judges and records, and asks nobody for it', async () => {
    mkdirSync(there('deep dir'), { recursive: true });
    writeFileSync(there('deep dir/a long name'), 'found\n');
    writeFileSync(there('deep dir/4111 1111 1111 1111'), 'x');
    shell.type(`cat ${sshd.directory}/dee\t`);
    await shell.shows('deep\\ dir/');
    shell.type('a\t\r');
    await shell.shows('found\n');
    await shell.shows(PROMPT);
    shell.type(`cat ${sshd.directory}/deep\\ dir/4\t\x03`);
    await shell.shows('^C');
    const screen = await shell.shows(PROMPT);
    expect(screen.input).not.toContain('4111 1111');
  });

  test('finds an earlier line by Ctrl-R, lists them, and says why no program is put aside', async () => {
    await line('echo first one', '\nfirst one\n');
    await line('echo second', '\nsecond\n');
    shell.type('\x12fir');
    await shell.shows("(reverse-i-search)'fir': echo first one");
    shell.type('\r');
    await shell.shows('\nfirst one\n');
    await shell.shows(PROMPT);
    await line('history 2', /\d {2}echo second\s+\d {2}echo first one|\d {2}echo first one/);
    await line('fg', 'there are no jobs here');
    // What is typed before the program has the terminal reaches nobody.
    shell.type('echo begun; sleep 20\r');
    await shell.shows('\nbegun');
    shell.type('\x1a');
    await shell.shows('cannot be put aside here');
    shell.type('\x03');
    await shell.shows(PROMPT);
  });

  test('kills a blocked line, says why, and lives on', async () => {
    writeFileSync(there('kept'), 'x');
    await line(`rm ${there('kept')}`, 'nothing is removed here');
    await line('echo alive', '\nalive\n');
    expect(existsSync(there('kept'))).toBe(true);
    shell.type('\x04');
    expect(await exitCode()).toBe(0);
  });

  test('holds a line until it is approved, and runs these very bytes', async () => {
    shell.type(`echo "a  'b" > ${there('approved')}\r`);
    const id = (await shell.shows(/needs approval: (ap-\w+)/))[1] ?? '';
    expect(existsSync(there('approved'))).toBe(false);
    expect(await hoopctl.approve(id)).toMatchObject({ code: 0 });
    await shell.shows('approved by owner');
    await shell.shows(PROMPT);
    expect(readFileSync(there('approved'), 'utf8')).toBe("a  'b\n");
  });

  test('withdraws a line on Ctrl-C, and tells of one that is denied', async () => {
    shell.type(`touch ${there('withdrawn')}\r`);
    const id = (await shell.shows(/needs approval: (ap-\w+)/))[1] ?? '';
    shell.type('\x03');
    await shell.shows('was withdrawn: Ctrl-C was pressed');
    await shell.shows(PROMPT);
    expect((await hoopctl.approve(id)).code).not.toBe(0);
    shell.type(`touch ${there('denied')}\r`);
    const other = (await shell.shows(/needs approval: (ap-\w+)/))[1] ?? '';
    await hoopctl.deny(other, 'not on a Friday');
    await shell.shows('not on a Friday');
    await shell.shows(PROMPT);
    expect(existsSync(there('withdrawn'))).toBe(false);
    expect(existsSync(there('denied'))).toBe(false);
  });

  test('interrupts what runs on Ctrl-C and gives up what was typed meanwhile', async () => {
    shell.type('echo begun; sleep 30\r');
    await shell.shows('\nbegun\n');
    shell.type(`rm ${there('x')}\r`);
    await shell.shows('programs get no keys here');
    shell.type('\x03');
    await shell.shows(PROMPT);
    await line('echo next', '\nnext\n');
    expect(shell.text).not.toContain('nothing is removed');
  });

  test('edits, remembers and asks for the rest of a line of several', async () => {
    shell.type('echo wrong\x17right\x1b[D\x1b[D\x1b[D\x1b[D\x1b[Dup\x01\x1b[C\r');
    await shell.shows('\nupright\n');
    await shell.shows(PROMPT);
    await line('\x1b[A', '\nupright\n');
    shell.type('cat <<END\r');
    await shell.shows('> ');
    shell.type('one $(echo two)\r');
    await shell.shows('> ');
    shell.type('END\r');
    await shell.shows('\none two\n');
    await shell.shows(PROMPT);
  });

  test('takes what is pasted as one line to be judged', async () => {
    shell.type('\x1b[200~echo one\necho two\x1b[201~');
    await shell.shows('> echo two');
    expect(shell.text).not.toContain('\none\n');
    shell.type('\r');
    await shell.shows('\none\ntwo\n');
    await shell.shows(PROMPT);
  });

  test('masks what programs print', async () => {
    await line('echo 4111111111111111', '\n[masked]\n');
  });

  test('gives keys to a program only where a rule names it', async () => {
    // What is told once is told once a shell.
    await open();
    shell.type('python3 -q\r');
    await shell.shows('>>> ');
    shell.type('print(6 * 7)\r');
    await shell.shows('\n42\n');
    shell.type('\x04');
    await shell.shows(PROMPT);
    // "cat" reads, and is given nothing to read but its end.
    shell.type('echo begun; cat\r');
    await shell.shows('\nbegun\n');
    shell.type('hunter2\r');
    await shell.shows('programs get no keys here');
    shell.type('\x04');
    await shell.shows(PROMPT);
    // It may have been a password: it is no line, and nobody is told of it.
    await line('echo later', '\nlater\n');
    expect(shell.text).not.toContain('hunter2');
  });
});

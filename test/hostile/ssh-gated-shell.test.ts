import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GovernedMachine, openMachine } from '../servers/governed-machine.ts';
import type { Hoopctl } from '../servers/hoopctl.ts';
import type { ProgramResult } from '../servers/psql.ts';
import { type SshUser, sshUser } from '../servers/ssh-config.ts';
import type { SshServer } from '../servers/sshd.ts';

let machine: GovernedMachine;
let sshd: SshServer;
let hoopctl: Hoopctl;
let devin: SshUser;

beforeAll(async () => {
  // What is not understood runs where it is named: its traces must end with it all the same.
  machine = await openMachine(`
version: 1
rules:
  - {name: reads, effects: [read, session], decision: allow}
  - {name: gated, effects: [unknown], commands: ["LINE-GATED SHELL"], decision: allow}
  - {name: vouched, effects: [unknown], commands: [alias, shopt, eval, enable, bind, hash, PROMPT_COMMAND=*, "./forge *"], decision: allow}
`);
  ({ sshd, hoopctl, devin } = machine);
});
afterAll(async () => {
  await devin?.ssh([...shared(), '-O', 'exit', 'web-1']);
  await machine?.stop();
});

const there = (name: string) => join(sshd.directory, name);

/** One connection for all shells: each is a channel of its own. */
const shared = () =>
  ['ControlMaster=auto', 'ControlPersist=60', `ControlPath=${join(hoopctl.home, '..', 'control')}`].flatMap(
    (option) => ['-o', option],
  );

/** Lines as they are typed; on a terminal unless it is said. */
function typed(lines: readonly string[], terminal: boolean): Promise<ProgramResult> {
  const options = terminal ? ['-tt'] : ['-T'];
  return devin.ssh([...shared(), ...options, 'web-1'], { stdin: `${lines.join('\n')}\n` });
}

/** A file that only a way round the gate would take away. */
function victim(name: string): string {
  writeFileSync(there(name), 'kept');
  return there(name);
}

describe.each([true, false])('in a line-gated shell (terminal: %s)', (terminal) => {
  test('a line that is entered later is judged as it stands there, whatever came before it', async () => {
    const file = victim(`v-${terminal}`);
    const { stdout, stderr } = await typed(
      [
        `alias ls='rm ${file}'`,
        'shopt -s expand_aliases',
        'ls',
        `ls() { rm ${file}; }`,
        'ls',
        `trap 'rm ${file}' DEBUG`,
        'true',
        `eval 'cat() { rm ${file}; }'`,
        `cat ${file}`,
        'enable -n echo',
        `bind -x '"a": rm ${file}'`,
        'a',
        `PROMPT_COMMAND='rm ${file}'`,
        'true',
        'echo the end',
      ],
      terminal,
    );
    expect(stdout + stderr).toContain('the end');
    expect(existsSync(file)).toBe(true);
  });

  test('no way of typing a line makes another line of it', async () => {
    const ways: Readonly<Record<string, (file: string) => readonly string[]>> = {
      history: (file) => [`echo rm ${file}`, '!!', '!echo', 'fc -s', '^echo ^^'],
      'quoted control character': (file) => [`ls\x16\n rm ${file}`],
      'keys of another editor': (file) => [`echo x\x1b#rm ${file}`, `\x12rm ${file}`, '\x1bx'],
      'paste that ends early': (file) => [`\x1b[200~ls\x1b[201~;rm ${file}`],
      'answer of a terminal': (file) => [`\x1bP1$r;rm ${file}\x1b\\`, `\x1b]lrm ${file}\x07`],
      'here-document': (file) => ['sh <<E', `rm ${file}`, 'E'],
      'line of several': (file) => ['ls \\', `; rm ${file}`, 'if true; then', `rm ${file}`, 'fi'],
      'background job': (file) => [`sleep 0 & rm ${file}`, `(rm ${file}) &`],
      'another shell': (file) => ['bash', `rm ${file}`, 'exec sh', `rm ${file}`],
      'carriage return': (file) => [`ls\rrm ${file}`],
    };
    const victims = Object.entries(ways).map(([name, lines], index) => {
      const file = victim(`w-${terminal}-${index}`);
      return { name, file, lines: lines(file) };
    });
    const { stdout, stderr } = await typed(
      [...victims.flatMap(({ lines }) => lines), "echo the ''end"],
      terminal,
    );
    expect(stdout + stderr).toContain('the end');
    expect(victims.filter(({ file }) => !existsSync(file)).map(({ name }) => name)).toEqual([]);
  });

  test('files that one line has opened are closed for the next', async () => {
    const { stdout, stderr } = await typed([`exec 3</etc/hostname`, 'cat <&3', "echo the ''end"], terminal);
    expect(stdout + stderr).toMatch(/3: Bad file descriptor|Bad fd/);
  });

  test('a program can report a directory and nothing else, and every line says where it runs', async () => {
    // It finds the nonce where only its own line's is.
    const script = `#!/bin/sh
nonce=$(tr '\\0' '\\n' < /proc/$PPID/cmdline | sed -n 's/.*;%s;%s.*007. \\([0-9a-f]*\\) .*/\\1/p' | head -n 1)
printf '\\033]7;%s;%s\\007' "$nonce" "$1"
kill -9 $PPID
`;
    mkdirSync(there("it's $(id)"), { recursive: true });
    writeFileSync(there('forge'), script, { mode: 0o755 });
    const forged = `${there("it's $(id)")}`;
    const { stdout } = await typed(
      [
        `cd ${sshd.directory}`,
        `./forge "${forged.replaceAll('$', '\\$')}"`,
        'pwd',
        './forge "/x;rm"',
        'pwd',
        "echo the ''end",
      ],
      terminal,
    );
    expect(stdout).toContain('the end');
    expect(stdout).toContain(forged);
  });
});

test('bytes that are no text, a flood of keys, and a line that never ends harm nobody', async () => {
  const noise = Buffer.alloc(50_000);
  for (let at = 0; at < noise.length; at++) noise[at] = (at * 7919 + (at >> 8) * 31) & 255;
  writeFileSync(there('noise'), noise);
  writeFileSync(there('open'), `cat <<END\n${'\n'.repeat(3000)}`);
  writeFileSync(there('arrows'), `${'x'.repeat(5000)}${'\x1b[D'.repeat(20_000)}\r`);
  for (const [name, option] of [
    ['noise', '-tt'],
    ['noise', '-T'],
    ['open', '-tt'],
    ['open', '-T'],
    ['arrows', '-tt'],
  ]) {
    const { code } = await devin.run('bash', [
      '-c',
      `timeout 30 ssh -F ${devin.config} ${shared().join(' ')} ${option} web-1 < ${there(name ?? '')} > ${there('out')} 2>&1`,
    ]);
    expect(code).not.toBe(124);
  }
  const { stdout } = await devin.ssh(['web-1', 'echo fine']);
  expect(stdout).toBe('fine\n');
  expect(readFileSync(there('noise')).equals(noise)).toBe(true);
}, 60_000);

test('a shell that is named by no rule is not opened, and one that is recorded only wins where both are', async () => {
  const other = await hoopctl.createIdentity('eve', 'requester');
  await hoopctl.applyPolicy(`
version: 1
rules:
  - {name: reads, effects: [read, session], decision: allow}
  - {name: gated, who: [devin], effects: [unknown], commands: ["LINE-GATED SHELL"], decision: allow}
  - {name: full, who: [eve], effects: [unknown], commands: ["LINE-GATED SHELL", SHELL], decision: allow}
`);
  const shells: { explanation: { decision: string } }[] = [];
  for (const [who, statement] of [
    ['devin', 'LINE-GATED SHELL'],
    ['devin', 'SHELL'],
    ['devin', 'INPUT vi'],
    ['eve', 'SHELL'],
  ] as const) {
    shells.push(
      await hoopctl.json([...['policy', 'explain', '--connection', 'web-1', '--as', who, statement]]),
    );
  }
  expect(shells.map(({ explanation }) => explanation.decision)).toEqual(['allow', 'block', 'block', 'allow']);
  const eve = await sshUser(hoopctl, other);
  const { stdout } = await eve.ssh(['-T', 'web-1'], { stdin: 'f() { echo kept; }\nf\n' });
  expect(stdout).toBe('kept\n');
});

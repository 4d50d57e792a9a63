import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GovernedMachine, openMachine } from '../servers/governed-machine.ts';
import type { Hoopctl } from '../servers/hoopctl.ts';
import type { SshUser } from '../servers/ssh-config.ts';
import type { SshServer } from '../servers/sshd.ts';

let machine: GovernedMachine;
let sshd: SshServer;
let hoopctl: Hoopctl;
let devin: SshUser;
let here: string;

/** Ten megabytes of nothing that repeats. */
const BULK = Buffer.alloc(10 * 1024 * 1024);
for (let at = 0; at < BULK.length; at += 4) BULK.writeUInt32LE((at * 2654435761) >>> 0, at);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

beforeAll(async () => {
  machine = await openMachine(
    (server) => `
version: 1
rules:
  - {name: files, connections: [web-1], effects: [read, write, session], decision: allow}
  - {name: no-secrets, connections: [web-1], commands: ["SFTP * */secret*"], decision: block}
  - {name: tunnel, connections: [web-1], commands: ["FORWARD 127.0.0.1:${server.port}"], effects: [admin], decision: allow}
`,
  );
  ({ sshd, hoopctl, devin } = machine);
  here = join(hoopctl.home, '..', 'here');
  mkdirSync(here);
  writeFileSync(join(here, 'bulk'), BULK);
});
afterAll(async () => {
  await machine?.stop();
});

const there = (name: string) => join(sshd.directory, name);
const local = (name: string) => join(here, name);

describe('ssh', () => {
  test('passes standard input and output of any bytes and size', async () => {
    const { code } = await devin.run('bash', [
      '-c',
      `ssh -F ${devin.config} web-1 cat < ${local('bulk')} > ${local('echoed')}`,
    ]);
    expect(code).toBe(0);
    expect(sha256(readFileSync(local('echoed')))).toBe(sha256(BULK));
  });

  test('tells by which signal a program ended, as ssh shows it', async () => {
    const { code } = await devin.ssh(['web-1', 'exit 7']);
    expect(code).toBe(7);
  });

  test('gives several commands over one connection with ControlMaster', async () => {
    const socket = local('control');
    const master = ['-o', `ControlPath=${socket}`, '-o', 'ControlMaster=auto', '-o', 'ControlPersist=5'];
    const outputs = [];
    for (const word of ['one', 'two', 'three']) {
      outputs.push((await devin.ssh([...master, 'web-1', `echo ${word}`])).stdout.trim());
    }
    await devin.ssh([...master, '-O', 'exit', 'web-1']);
    expect(outputs).toEqual(['one', 'two', 'three']);
  });

  test('gets no shell, agent, or forward that the policy does not name', async () => {
    const shell = await devin.ssh(['-tt', 'web-1'], { stdin: 'id\n' });
    expect(shell.stdout + shell.stderr).toContain('SHELL');
    expect(shell.code).toBe(126);
    const forward = await devin.ssh(['-W', '127.0.0.1:1', 'web-1']);
    expect(forward.code).not.toBe(0);
    const remote = await devin.ssh([
      '-o',
      'ExitOnForwardFailure=yes',
      '-R',
      '0:127.0.0.1:1',
      'web-1',
      'true',
    ]);
    expect(remote.code).toBe(255);
  });

  test('forwards to a place that the policy names', async () => {
    const { stdout } = await devin.run('bash', [
      '-c',
      `(echo x; sleep 1) | ssh -F ${devin.config} -W 127.0.0.1:${sshd.port} web-1 | head -c 8`,
    ]);
    expect(stdout).toBe('SSH-2.0-');
  });
});

describe('files', () => {
  test('scp copies both ways and ends with 0', async () => {
    const to = await devin.run('scp', ['-F', devin.config, local('bulk'), `web-1:${there('scp')}`]);
    expect(to).toMatchObject({ code: 0 });
    expect(sha256(readFileSync(there('scp')))).toBe(sha256(BULK));
    const from = await devin.run('scp', ['-F', devin.config, `web-1:${there('scp')}`, local('scp')]);
    expect(from).toMatchObject({ code: 0 });
    expect(sha256(readFileSync(local('scp')))).toBe(sha256(BULK));
  });

  test('scp copies by its old protocol as well', async () => {
    const to = await devin.run('scp', ['-O', '-F', devin.config, local('bulk'), `web-1:${there('scp-old')}`]);
    expect(to).toMatchObject({ code: 0 });
    const from = await devin.run('scp', [
      '-O',
      '-F',
      devin.config,
      `web-1:${there('scp-old')}`,
      local('scp-old'),
    ]);
    expect(from).toMatchObject({ code: 0 });
    expect(sha256(readFileSync(local('scp-old')))).toBe(sha256(BULK));
  });

  test('sftp lists, makes, renames and removes', async () => {
    const batch = [
      `cd ${sshd.directory}`,
      'mkdir d',
      `put ${local('bulk')} d/a`,
      'rename d/a d/b',
      'ls -l d',
      'ln -s b d/c',
      'chmod 600 d/b',
      `get d/b ${local('sftp')}`,
      'rm d/c',
      'rm d/b',
      'rmdir d',
      'df .',
    ];
    const result = await devin.run('sftp', ['-F', devin.config, '-b', '-', 'web-1'], {
      stdin: `${batch.join('\n')}\n`,
    });
    expect(result).toMatchObject({ code: 0 });
    expect(sha256(readFileSync(local('sftp')))).toBe(sha256(BULK));
    expect(existsSync(there('d'))).toBe(false);
  });

  test('a path that a rule blocks is refused, through a link too', async () => {
    writeFileSync(there('secret-1'), 'hidden');
    symlinkSync(there('secret-1'), there('innocent'));
    for (const name of ['secret-1', 'innocent', './secret-1', '../work/secret-1']) {
      const target = local('stolen');
      const result = await devin.run('sftp', ['-F', devin.config, '-b', '-', 'web-1'], {
        stdin: `get ${sshd.directory}/${name} ${target}\n`,
      });
      expect(result.code).not.toBe(0);
      expect(existsSync(target) && readFileSync(target, 'utf8') === 'hidden').toBe(false);
    }
  });

  test('rsync copies both ways', async () => {
    const to = await devin.run('rsync', ['-a', local('bulk'), `web-1:${there('rsync')}`]);
    expect(to).toMatchObject({ code: 0 });
    const from = await devin.run('rsync', ['-az', `web-1:${there('rsync')}`, local('rsync')]);
    expect(from).toMatchObject({ code: 0 });
    expect(sha256(readFileSync(local('rsync')))).toBe(sha256(BULK));
  });

  test('git clones and pushes', async () => {
    execFileSync('git', ['init', '-q', '--bare', there('repo.git')]);
    const url = `web-1:${there('repo.git')}`;
    const git = (...args: string[]) =>
      devin.run('git', ['-c', 'user.name=d', '-c', 'user.email=d@example.com', ...args], { cwd: here });
    expect(await git('clone', '-q', url, 'clone')).toMatchObject({ code: 0 });
    writeFileSync(local('clone/file'), 'x');
    await git('-C', 'clone', 'add', 'file');
    await git('-C', 'clone', 'commit', '-q', '-m', 'x');
    expect(await git('-C', 'clone', 'push', '-q', 'origin', 'HEAD:main')).toMatchObject({ code: 0 });
    expect(await git('clone', '-q', '-b', 'main', url, 'again')).toMatchObject({ code: 0 });
    expect(readFileSync(local('again/file'), 'utf8')).toBe('x');
  });

  test('tar goes over exec', async () => {
    const { code } = await devin.run('bash', [
      '-c',
      `ssh -F ${devin.config} web-1 tar -cf - -C ${sshd.directory} rsync | tar -xf - -C ${here} --transform s/rsync/tarred/`,
    ]);
    expect(code).toBe(0);
    expect(sha256(readFileSync(local('tarred')))).toBe(sha256(BULK));
  });

  test('what was transferred is recorded by path and hash', async () => {
    const { sessions } = await hoopctl.json<{ sessions: { id: string }[] }>([
      'session',
      'list',
      '--text',
      'SFTP WRITE',
    ]);
    const { stdout } = await hoopctl.ok(['replay', sessions.at(-1)?.id ?? '', '--json']);
    const files = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'file');
    expect(files).toContainEqual(
      expect.objectContaining({
        path: there('scp'),
        direction: 'write',
        bytes: BULK.length,
        sha256: sha256(BULK),
      }),
    );
  });
});

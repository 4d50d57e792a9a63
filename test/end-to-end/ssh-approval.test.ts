import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
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

beforeAll(async () => {
  machine = await openMachine(`
version: 1
rules:
  - {name: reads, effects: [read, session], decision: allow}
  - {name: writes, effects: [write], decision: approve, expires: 20s}
  - {name: greeting, effects: [unknown], commands: ["ENV GREETING"], decision: allow}
  - {name: shells, effects: [unknown], commands: [SHELL], decision: allow}
masks:
  - {name: pii, detect: [email, credit_card], strategy: redact}
`);
  ({ sshd, hoopctl, devin } = machine);
});
afterAll(async () => {
  await machine?.stop();
});

const there = (name: string) => join(sshd.directory, name);

/** Runs a line that waits, and decides it as soon as its id is shown. */
async function held(line: string, decide: (id: string) => Promise<unknown>, options: readonly string[] = []) {
  let seen = false;
  const decided: Promise<unknown>[] = [];
  let text = '';
  const result = await devin.ssh([...options, 'web-1', line], {
    onOutput: (_stream, piece) => {
      text += piece;
      const id = /needs approval: (ap-\w+)/.exec(text)?.[1];
      if (id === undefined || seen) return;
      seen = true;
      decided.push(decide(id));
    },
  });
  await Promise.all(decided);
  return result;
}

describe('a command that waits for approval', () => {
  test('runs once it is approved, these very bytes', async () => {
    const result = await held(`echo "a  'b" > ${there('approved')}`, async (id) => {
      expect(existsSync(there('approved'))).toBe(false);
      expect(await hoopctl.approve(id)).toMatchObject({ code: 0 });
    });
    expect(result.code).toBe(0);
    expect(result.stderr).toContain('approved by owner');
    expect(readFileSync(there('approved'), 'utf8')).toBe("a  'b\n");
  });

  test('ends with 126 and the reason when it is denied', async () => {
    const result = await held(`touch ${there('denied')}`, (id) => hoopctl.deny(id, 'not on a Friday'));
    expect(result.code).toBe(126);
    expect(result.stderr).toContain('not on a Friday');
    expect(existsSync(there('denied'))).toBe(false);
  });

  test('is withdrawn when its client goes away', async () => {
    let id = '';
    await devin
      .ssh(['web-1', `touch ${there('gone')}`], {
        onSpawn: (child) => {
          child.stderr?.on('data', (piece: Buffer) => {
            const found = /needs approval: (ap-\w+)/.exec(piece.toString())?.[1];
            if (found === undefined) return;
            id = found;
            child.kill('SIGINT');
          });
        },
      })
      .catch(() => {});
    expect(id).not.toBe('');
    await expect.poll(async () => (await hoopctl.approve(id)).code, { timeout: 5000 }).not.toBe(0);
    expect(existsSync(there('gone'))).toBe(false);
  });

  test('is withdrawn when its channel is closed, though the connection goes on', async () => {
    const socket = join(hoopctl.home, '..', 'control-2');
    const master = ['-o', `ControlPath=${socket}`, '-o', 'ControlMaster=auto', '-o', 'ControlPersist=30'];
    await devin.ssh([...master, 'web-1', 'true']);
    const line = `touch ${there('left')}`;
    let id = '';
    const child = ['-c', `echo unread | ssh -F ${devin.config} ${master.join(' ')} web-1 ${line}`];
    await devin
      .run('bash', child, {
        onSpawn: (spawned) => {
          spawned.stderr?.on('data', (piece: Buffer) => {
            id ||= /needs approval: (ap-\w+)/.exec(piece.toString())?.[1] ?? '';
            if (id !== '') execFileSync('pkill', ['-P', String(spawned.pid), '-x', 'ssh']);
          });
        },
      })
      .catch(() => {});
    expect(id).not.toBe('');
    await expect
      .poll(async () => (await hoopctl.approve(id)).stderr, { timeout: 5000 })
      .toContain('withdrawn');
    expect((await devin.ssh([...master, 'web-1', 'echo on'])).stdout).toBe('on\n');
    await devin.ssh([...master, '-O', 'exit', 'web-1']);
    expect(existsSync(there('left'))).toBe(false);
  });

  test('another channel of the same connection goes on meanwhile, and none overtakes it', async () => {
    const socket = join(hoopctl.home, '..', 'control');
    const master = ['-o', `ControlPath=${socket}`, '-o', 'ControlMaster=auto', '-o', 'ControlPersist=10'];
    await devin.ssh([...master, 'web-1', 'true']);
    const result = await held(
      `touch ${there('later')}`,
      async (id) => {
        expect((await devin.ssh([...master, 'web-1', 'echo meanwhile'])).stdout).toBe('meanwhile\n');
        expect(existsSync(there('later'))).toBe(false);
        await hoopctl.approve(id);
      },
      master,
    );
    await devin.ssh([...master, '-O', 'exit', 'web-1']);
    expect(result.code).toBe(0);
    expect(existsSync(there('later'))).toBe(true);
  });
});

describe('the environment', () => {
  test('holds what the policy allows and nothing else', async () => {
    const { stdout } = await devin.ssh([
      '-o',
      'SetEnv=GREETING=hello LD_PRELOAD=/x LC_ALL=C',
      'web-1',
      'env',
    ]);
    expect(stdout).toContain('GREETING=hello');
    expect(stdout).toContain('LC_ALL=C');
    expect(stdout).not.toContain('LD_PRELOAD');
  });
});

describe('output', () => {
  test('is masked, whatever writes it', async () => {
    const { stdout, stderr } = await devin.ssh(['web-1', 'echo jane@example.com; echo 4111111111111111 >&2']);
    expect(stdout).toBe('[masked]\n');
    expect(stderr).toBe('[masked]\n');
  });

  test('of files cannot be masked, so that they cannot be read by sftp', async () => {
    const result = await devin.run('sftp', ['-F', devin.config, '-b', '-', 'web-1'], {
      stdin: `get /etc/hostname ${there('x')}\n`,
    });
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain('masks cannot follow');
  });
});

describe('a shell that the policy allows', () => {
  test('is recorded, replayed, and exported for asciinema', async () => {
    const shell = await devin.ssh(['-tt', 'web-1'], { stdin: 'stty size; echo mark-$((20+3)); exit 5\n' });
    expect(shell.code).toBe(5);
    expect(shell.stdout).toContain('mark-23');
    const { sessions } = await hoopctl.json<{ sessions: { id: string }[] }>([
      'session',
      'list',
      '--text',
      'SHELL',
    ]);
    const id = sessions[0]?.id ?? '';
    expect((await hoopctl.ok(['replay', id, '--no-wait'])).stdout).toContain('mark-23');
    const file = join(hoopctl.home, '..', 'cast');
    await hoopctl.ok(['replay', id, '--asciicast', file]);
    const [header = '', ...lines] = readFileSync(file, 'utf8').trim().split('\n');
    expect(JSON.parse(header)).toMatchObject({ version: 2, title: 'devin on web-1' });
    expect(lines.map((line) => JSON.parse(line)[2]).join('')).toContain('mark-23');
    const page = join(hoopctl.home, '..', 'page.html');
    await hoopctl.ok(['replay', id, '--html', page]);
    const html = readFileSync(page, 'utf8');
    expect(html).toContain("default-src 'none'");
    expect(JSON.stringify(JSON.parse(/id="frames">([^<]*)</.exec(html)?.[1] ?? ''))).toContain('mark-23');
    expect((await hoopctl.run(['replay', id, '--html', page])).code).toBe(9);
    // It wants a terminal to write to.
    const played = execFileSync('script', ['-qec', `asciinema cat ${file}`, '/dev/null'], {
      encoding: 'utf8',
      env: { ...process.env, HOME: sshd.directory, LC_ALL: 'C.UTF-8' },
    });
    expect(played).toContain('mark-23');
  });
});

describe('policy explain', () => {
  test('says what a command line does and why it cannot be told', async () => {
    const { explanation } = await hoopctl.json<{
      explanation: { effects: string[]; decision: string; reasons: string[] };
    }>([...['policy', 'explain', '--connection', 'web-1', '--as', 'devin', 'ls; eval x']]);
    expect(explanation).toMatchObject({ effects: ['read', 'unknown'], decision: 'block' });
    expect(explanation.reasons.join()).toContain('eval');
  });
});

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Proxy as HeldProxy, Hoopctl } from '../servers/hoopctl.ts';
import { ask, writeKubeconfig } from '../servers/kube-client.ts';
import { type ProgramResult, run } from '../servers/psql.ts';
import { Terminal } from '../servers/terminal.ts';

/** Rules for `gina`, who may open shells whose lines are judged. */
export const SHELL_RULES = `
  - {name: gated, who: ["gina-*"], effects: [unknown], commands: ["LINE-GATED SHELL"], decision: allow}
  - {name: python, who: ["gina-*"], effects: [unknown], commands: [python3, "INPUT python3"], decision: allow}
  - {name: no-unlink, commands: [unlink], decision: block, message: nothing is unlinked here}
`;

interface Parts {
  readonly hoopctl: Hoopctl;
  /** The approver's token. */
  readonly ana: string;
  readonly policy: string;
}

/** Line-gated shells of the pod `web`, by the real kubectl. */
export function testGatedShells(parts: () => Parts): void {
  describe.each([
    ['WebSockets', {}],
    ['SPDY', { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false' }],
  ])('a line-gated shell in a pod, over %s', (carrier, more) => {
    let hoopctl: Hoopctl;
    let ana: string;
    let proxy: HeldProxy & { readonly certificate: string };
    let env: Record<string, string>;
    let place: string;
    let shell: Terminal | undefined;

    beforeAll(async () => {
      ({ hoopctl, ana } = parts());
      const token = await hoopctl.createIdentity(`gina-${carrier.toLowerCase()}`, 'requester');
      proxy = (await hoopctl.proxy('prod-k8s', { token })) as typeof proxy;
      const kubeconfig = writeKubeconfig(proxy, join(hoopctl.home, '..'));
      env = { PATH: process.env.PATH ?? '', KUBECONFIG: kubeconfig, HOME: join(kubeconfig, '..'), ...more };
      place = mkdtempSync(join(tmpdir(), 'pod-'));
      writeFileSync(there('kept'), 'x');
    });
    afterAll(async () => {
      shell?.close();
      await proxy?.stop();
      rmSync(place, { recursive: true, force: true });
    });

    /** What does not hang on what carries the streams. */
    const once = (name: string, run: () => Promise<void>) => {
      if (carrier === 'WebSockets') test(name, run);
    };
    const PROMPT = /prod-k8s\/default\/web[^\n]*\$ $/;
    const there = (name: string) => join(place, name);
    const kubectl = (args: readonly string[], stdin?: string): Promise<ProgramResult> =>
      run('kubectl', args, { env, ...(stdin === undefined ? {} : { stdin }) });
    const start = (...command: string[]) =>
      new Terminal('kubectl', ['exec', '-it', 'web', '--', ...command], { env, columns: 110, rows: 40 });

    async function open(...command: string[]): Promise<Terminal> {
      shell?.close();
      shell = start(...command);
      await shell.shows(PROMPT);
      return shell;
    }
    /** One shell for most of them: each that is opened costs a client. */
    async function opened(): Promise<Terminal> {
      return shell ?? open('bash');
    }
    beforeEach(() => shell?.forget());

    async function line(terminal: Terminal, text: string, shows: string | RegExp): Promise<void> {
      terminal.type(`${text}\r`);
      await terminal.shows(shows);
      await terminal.shows(PROMPT);
    }

    test('runs what the policy allows, keeps directory and plain variables, and masks what it says', async () => {
      mkdirSync(there('sub dir'));
      const on = await opened();
      await line(on, `cd '${there('sub dir')}' && pwd`, `\n${there('sub dir')}\n`);
      await line(on, "greeting='hello  you'", '\n');
      await line(on, 'echo "$greeting" from "$PWD"', `\nhello  you from ${there('sub dir')}\n`);
      await line(on, 'echo jane@example.com', '\n[masked]\n');
      await line(on, 'ls /nowhere', 'cannot access');
      await line(on, 'echo "it was $?"', '\nit was 2\n');
    });

    test('tells programs the size of the terminal, also a new one', async () => {
      const on = await opened();
      await line(on, 'for i in 1 2 3 4 5; do sleep 0.1; stty size; done', /(?:\n40 110){2}\n/);
      on.resize(97, 33);
      await line(on, 'for i in 1 2 3 4 5; do sleep 0.1; stty size; done', /(?:\n33 97){2}\n/);
    });

    once('kills a blocked line, says why, and lives on', async () => {
      const on = await opened();
      await line(on, `unlink ${there('kept')}`, 'nothing is unlinked here');
      expect(on.text).toContain(`"exec web -n default -c main -- sh -c '<command>'"`);
      await line(on, 'reboot', 'no rule of the policy allows it: reboot');
      await line(on, 'echo alive', '\nalive\n');
      expect(existsSync(there('kept'))).toBe(true);
    });

    test('holds a line until it is approved, and runs exactly that', async () => {
      const on = await opened();
      on.type(`echo "a  'b" > ${there('approved')}\r`);
      const id = (await on.shows(/needs approval: (ap-\w+) \(expires in/))[1] ?? '';
      await on.shows(`an approver runs: hoopctl approve ${id}`);
      expect(existsSync(there('approved'))).toBe(false);
      const { stderr } = await hoopctl.approve(id, { token: ana });
      expect(stderr).toContain('pod default/web, container main');
      expect(stderr).toContain(`echo "a  'b" > ${there('approved')}`);
      await on.shows('approved by ana');
      await on.shows(PROMPT);
      expect(readFileSync(there('approved'), 'utf8')).toBe("a  'b\n");
    });

    test('withdraws a line on Ctrl-C, and tells of one that is denied', async () => {
      const on = await opened();
      on.type(`touch ${there('withdrawn')}\r`);
      const id = (await on.shows(/needs approval: (ap-\w+)/))[1] ?? '';
      on.type('\x03');
      await on.shows('was withdrawn: Ctrl-C was pressed');
      await on.shows(PROMPT);
      expect((await hoopctl.approve(id, { token: ana })).code).not.toBe(0);
      on.type(`touch ${there('denied')}\r`);
      const other = (await on.shows(/needs approval: (ap-\w+)/))[1] ?? '';
      await hoopctl.deny(other, 'not on a Friday', { token: ana });
      await on.shows('not on a Friday');
      await on.shows(PROMPT);
      expect([existsSync(there('withdrawn')), existsSync(there('denied'))]).toEqual([false, false]);
    });

    once('takes what is pasted as one line to be judged, and completes names of files', async () => {
      writeFileSync(there('found here'), 'the text\n');
      const on = await opened();
      on.type('\x1b[200~echo one\necho two\x1b[201~');
      await on.shows('> echo two');
      expect(on.text).not.toContain('\none\n');
      on.type('\r');
      await on.shows('\none\ntwo\n');
      await on.shows(PROMPT);
      on.type(`cat ${place}/f\t`);
      await on.shows('found\\ here');
      on.type('\r');
      await on.shows('\nthe text\n');
      await on.shows(PROMPT);
    });

    test('gives keys to a program only where a rule names it, and Ctrl-C to every one', async () => {
      const on = await open('bash');
      on.type('python3 -q\r');
      await on.shows('>>> ');
      on.type('print(6 * 7)\r');
      await on.shows('\n42\n');
      on.type('\x04');
      await on.shows(PROMPT);
      await line(on, 'vi /etc/hosts', 'no rule of the policy allows it: vi');
      // It prints what is there once it runs: before that a shell may lose a Ctrl-C.
      writeFileSync(there('log'), 'begun\n');
      on.type(`tail -f ${there('log')}\r`);
      await on.shows('\nbegun\n');
      on.type('hunter2\r');
      await on.shows('programs get no keys here');
      on.type('\x03');
      await on.shows(PROMPT);
      await line(on, 'echo later', '\nlater\n');
      expect(on.text).not.toContain('hunter2');
    });

    test('ends with the code of its last line', async () => {
      const on = await opened();
      on.type('exit 3\r');
      expect(await on.exited).toBe(3);
      shell = undefined;
    });

    once('is what k9s opens, and a plain sh', async () => {
      await open('sh', '-c', 'command -v bash >/dev/null && exec bash || exec sh');
      await line(await opened(), '[[ a == a ]] && echo "it is $BASH"', /\nit is \S*bash\n/);
      await open('/bin/sh', '-i');
      await line(await opened(), 'reboot', 'no rule of the policy allows it');
      await line(await opened(), 'echo fine', '\nfine\n');
    });

    once('reads no file and no function that its environment names', async () => {
      writeFileSync(there('rc'), 'echo escaped\nls() { echo escaped; }\n');
      process.env.BASH_ENV = there('rc');
      process.env.ENV = there('rc');
      process.env['BASH_FUNC_ls%%'] = '() { echo escaped; }';
      try {
        for (const command of [['bash'], ['bash', '-il'], ['sh', '-c', 'bash || sh']]) {
          await open(...command);
          await line(await opened(), `ls ${place}`, /\n[^\n]*\bkept\b/);
          expect(shell?.text).not.toContain('escaped');
        }
      } finally {
        for (const name of ['BASH_ENV', 'ENV', 'BASH_FUNC_ls%%']) delete process.env[name];
      }
    });

    once('is not what another shell would be, which is refused with what to do instead', async () => {
      const refused = start('bash', '--rcfile', '/tmp/x');
      await refused.shows('kubectl exec -it POD -- bash');
      expect(await refused.exited).not.toBe(0);
    });

    test('reads lines as they come where there is no terminal', async () => {
      const lines = `cd ${place}\npwd\nreboot\nunlink kept\nif true; then\n  echo several\nfi\ncat nothing\n`;
      const result = await kubectl(['exec', '-i', 'web', '--', 'sh'], lines);
      expect(result).toMatchObject({ code: 1, stdout: `${place}\nseveral\n` });
      expect(result.stderr).toMatch(/allows it: reboot[\s\S]*nothing is unlinked here[\s\S]*cat: nothing/);
      expect(existsSync(there('kept'))).toBe(true);
    });

    test('passes bulk output whole', async () => {
      const { code, stdout } = await kubectl(['exec', '-i', 'web', '--', 'bash'], 'seq 1 200000\n');
      expect(code).toBe(0);
      expect(stdout).toBe(`${Array.from({ length: 200_000 }, (_, i) => i + 1).join('\n')}\n`);
    });

    once('is not what a request without streams gets', async () => {
      const path = '/api/v1/namespaces/default/pods/web/exec?command=bash&stdin=true&tty=true&container=main';
      const answer = await ask(proxy, 'POST', path);
      expect([answer.status, answer.text]).toEqual([
        400,
        expect.stringContaining('a shell needs an upgrade'),
      ]);
    });

    once("says in the cluster's words that a pod is not there", async () => {
      const result = await kubectl(['exec', '-i', 'nobody', '--', 'sh'], 'ls\n');
      expect(result.code).toBe(1);
      expect(result.stderr).toContain('pods "nobody" not found');
    });

    once('runs no line any more once the policy opens no such shell', async () => {
      const on = await open('bash');
      await hoopctl.applyPolicy(
        parts().policy.replace('name: gated, who: ["gina', 'name: gated, who: ["nobody'),
      );
      try {
        await line(on, 'ls', 'no rule of the policy allows it: LINE-GATED SHELL');
      } finally {
        await hoopctl.applyPolicy(parts().policy);
      }
      await line(on, 'echo again', '\nagain\n');
    });

    once('ends with its session, what waits in it too', async () => {
      const on = await open('bash');
      on.type(`touch ${there('late')}\r`);
      const id = (await on.shows(/needs approval: (ap-\w+)/))[1] ?? '';
      const { sessions } = await hoopctl.json<{
        sessions: { id: string; identity: string; status: string }[];
      }>(['session', 'list']);
      const own = sessions.find(({ identity, status }) => identity.startsWith('gina-') && status === 'open');
      await hoopctl.ok(['session', 'kill', own?.id ?? '', '--yes']);
      await on.shows('hoopctl: the session was ended by owner');
      expect(await on.exited).toBe(255);
      shell = undefined;
      expect((await hoopctl.approve(id, { token: ana })).code).not.toBe(0);
      expect(existsSync(there('late'))).toBe(false);
    });

    test('is recorded, line for line and as it was shown', async () => {
      await kubectl(['exec', '-i', 'web', '--', 'sh'], 'echo noted\nunlink kept\n');
      const { sessions } = await hoopctl.json<{ sessions: { id: string; identity: string }[] }>([
        'session',
        'list',
      ]);
      const own = sessions.filter(({ identity }) => identity.startsWith('gina-'));
      const replays = await Promise.all(
        own.map(({ id }) => hoopctl.ok(['replay', id, '--no-wait', '--json'])),
      );
      const all = replays.map(({ stdout }) => stdout).join('');
      expect(all).toContain('unknown: LINE-GATED SHELL');
      expect(all).toContain('read: echo noted · pod default/web, container main');
      expect(all).toContain('"rule":"no-unlink"');
    });
  });
}

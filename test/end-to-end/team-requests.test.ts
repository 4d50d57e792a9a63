import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LAUNCHER, PASSPHRASE, type RunOptions } from '../servers/hoopctl.ts';
import { Machine, openTeamGateway, type TeamGateway } from '../servers/team-gateway.ts';
import { Terminal } from '../servers/terminal.ts';

const POLICY = `version: 1
groups:
  dba: [ana]
  security: [ben]
rules:
  - name: agents-read
    who: [group:agents]
    effects: [read, session]
    decision: allow
  - name: four-eyes
    who: [group:agents]
    tables: ["public.customers"]
    effects: [write]
    decision: approve
    all_of: [group:dba, group:security]
  - name: upkeep
    who: [group:agents]
    effects: [write, admin]
    decision: approve
    approvers: [group:dba, group:security]
  - name: schema
    who: [group:agents]
    effects: [ddl]
    decision: approve
    approvers: [group:security]
`;
const UPDATE = "UPDATE customers SET plan = 'pro' WHERE id = 1";

let team: TeamGateway;
const ben = new Machine();
beforeAll(async () => {
  team = await openTeamGateway();
  const { authority, gateway, shop } = team;
  await ben.login({ port: gateway.ports.api, ca: authority.certFile }, shop.ben);
  // The owner's own commands go to the gateway's socket, which is in the same state directory.
  await shop.hoopctl.applyPolicy(POLICY);
  await shop.server.query(
    'CREATE TABLE counted (n int); CREATE TABLE swept (id int); ALTER TABLE counted OWNER TO app; ALTER TABLE swept OWNER TO app',
    'shop',
  );
});
afterAll(async () => {
  team?.gateway.child.kill('SIGKILL');
  await Promise.all([ben.close(), team?.devin.close(), team?.ana.close()]);
  await team?.shop.stop();
});

const ask = async (text: string): Promise<string> => {
  const args = ['request', 'prod-db', '-c', text, '--reason', 'because', '--no-wait'];
  const made = await team.devin.hoopctl.ok(args);
  return made.stdout.trim();
};
const run = (id: string, options: RunOptions = {}) => team.devin.hoopctl.run(['run', id], options);

describe('requests at a gateway, everybody on a machine of their own', { timeout: 120_000 }, () => {
  test('need one of each group where the rule says so, and run where they were asked', async () => {
    const id = await ask(UPDATE);
    const listed = await team.ana.hoopctl.json<{ approvals: { id: string; session: null }[] }>(['approvals']);
    expect(listed.approvals).toMatchObject([{ id, session: null, mayDecide: true }]);
    expect(await team.ana.hoopctl.approve(id)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 of 2'),
    });
    expect((await team.ana.hoopctl.approve(id)).code).toBe(5);
    expect(await run(id)).toMatchObject({ code: 8, stdout: '' });
    expect((await ben.hoopctl.approve(id)).code).toBe(0);
    expect((await team.ana.hoopctl.run(['run', id])).code).toBe(5);
    expect(await run(id)).toMatchObject({ code: 0, stdout: 'UPDATE 1\n' });
    expect((await run(id)).code).toBe(9);
    expect(await team.shop.plan()).toBe('pro');
  });

  test('under several rules need what each of them wants, of whom it names', async () => {
    const id = await ask(`ALTER TABLE counted ADD COLUMN m int;\n${UPDATE}`);
    expect(await team.ana.hoopctl.approve(id)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 of 2'),
    });
    expect((await run(id)).code).toBe(8);
    expect((await ben.hoopctl.approve(id)).code).toBe(0);
    expect(await run(id)).toMatchObject({ code: 0, stdout: 'ALTER TABLE\nUPDATE 1\n' });
  });

  test('tell who waits of comments and of a denial with its reason', async () => {
    let told = '';
    let deciding: Promise<unknown> | undefined;
    const decide = async (id: string) => {
      await team.ana.hoopctl.ok(['comment', id, 'which ticket?']);
      await ben.hoopctl.deny(id, 'no ticket');
    };
    const made = await team.devin.hoopctl.run(['request', 'prod-db', '-c', UPDATE, '--reason', 'because'], {
      onOutput: (stream, text) => {
        if (stream === 'stderr') told += text;
        const id = /"approval":"(ap-\w+)"/.exec(told)?.[1];
        if (id !== undefined) deciding ??= decide(id);
      },
    });
    await deciding;
    expect(made).toMatchObject({ code: 7, stdout: '', stderr: expect.stringContaining('no ticket') });
    expect(made.stderr).toContain('"comments":[{"by":"ana","text":"which ticket?"}]');
  });

  test('are shown by `approvals --watch` on a terminal of another machine, which takes a key', async () => {
    const { CI: _, ...env } = team.ana.hoopctl.env();
    const watch = new Terminal(process.execPath, [LAUNCHER, 'approvals', '--watch'], { env });
    try {
      await watch.shows('nothing is waiting');
      const first = await ask('INSERT INTO counted VALUES (7)');
      await watch.shows(new RegExp(`${first} · waiting[\\s\\S]*requested ahead[\\s\\S]*q quit:`));
      watch.type('a');
      await watch.shows('Approver passphrase:');
      watch.type(`${PASSPHRASE}\r`);
      await watch.shows(`✔ ${first} approved`);
      expect(await run(first)).toMatchObject({ code: 0, stdout: 'INSERT 0 1\n' });
      const second = await ask('INSERT INTO counted VALUES (77)');
      await watch.shows(
        new RegExp(`${second} · waiting[\\s\\S]*before +differs from ${first}[\\s\\S]*q quit:`),
      );
      watch.type('d');
      await watch.shows('Reason');
      watch.type('once is enough\r');
      await watch.shows('Approver passphrase:');
      watch.type(`${PASSPHRASE}\r`);
      await watch.shows(`✔ ${second} denied`);
      expect(await run(second)).toMatchObject({ code: 7, stderr: expect.stringContaining('once is enough') });
      watch.type('\x03');
      expect(await watch.exited).toBe(130);
    } finally {
      watch.close();
    }
  });

  test('run statement by statement what refuses a transaction, as the card says', async () => {
    const id = await ask('INSERT INTO counted VALUES (1);\nVACUUM swept;\nINSERT INTO counted VALUES (2)');
    const shown = await ben.hoopctl.approve(id);
    expect(shown).toMatchObject({ code: 0 });
    expect(shown.stderr.replaceAll(/\s+/g, ' ')).toContain('statement by statement (3), each by itself');
    expect(await run(id)).toMatchObject({ code: 0, stdout: 'INSERT 0 1\nVACUUM\nINSERT 0 1\n' });
  });
});

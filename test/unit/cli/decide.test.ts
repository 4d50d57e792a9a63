import { afterEach, describe, expect, it } from 'vitest';
import { Conflict, LoginNeeded, NotPermitted } from '../../../src/base/errors.ts';
import { run as approve } from '../../../src/cli/approve.ts';
import { run as deny } from '../../../src/cli/deny.ts';
import { type FakeDaemon, type FakeHandlers, startFakeDaemon } from './fake-daemon.ts';
import { approvalSample } from './samples.ts';
import { testIo } from './test-io.ts';

let daemon: FakeDaemon | undefined;
afterEach(async () => {
  await daemon?.close();
  daemon = undefined;
});

async function fake(handlers: FakeHandlers = {}): Promise<FakeDaemon> {
  daemon = await startFakeDaemon({
    approvalShow: () => approvalSample({ version: 3 }),
    approvalDecide: () => ({ approval: approvalSample({ status: 'approved', version: 4 }), auditId: '64' }),
    ...handlers,
  });
  return daemon;
}

const stepUp = undefined;
const script = { json: false, id: 'ap-7kq2m', yes: true, passphraseStdin: true, stepUp };
const person = { json: false, id: 'ap-7kq2m', yes: false, passphraseStdin: false, stepUp };

describe('approve', () => {
  it('sends the passphrase from stdin with the version of the card that was shown', async () => {
    const { client, calls } = await fake();
    const io = testIo({ stdin: 'correct horse\n' });
    await approve(script, io, client);
    expect(calls[1]).toMatchObject({
      name: 'approvalDecide',
      params: { id: 'ap-7kq2m' },
      body: { decision: 'approve', passphrase: 'correct horse', version: 3 },
    });
    expect(io.stderr()).toContain("what    update customers set plan = 'pro' where id = 1;");
    expect(io.stdout()).toBe('✔ ap-7kq2m approved (audit 64)\n');
  });

  it('prints one document with --json', async () => {
    const { client } = await fake();
    const io = testIo({ stdin: 'correct horse\n' });
    await approve({ ...script, json: true }, io, client);
    expect(JSON.parse(io.stdout())).toMatchObject({
      schemaVersion: 1,
      auditId: '64',
      approval: { id: 'ap-7kq2m' },
    });
  });

  it('asks for a yes after the card, then for the passphrase', async () => {
    const { client } = await fake();
    const asked: string[] = [];
    const io = testIo({
      prompts: {
        confirm: async (question) => asked.push(question) > 0,
        secret: async (question) => `${asked.push(question)} words long`,
      },
    });
    await approve(person, io, client);
    expect(asked).toEqual(['Approve this statement?', 'Approver passphrase:']);
  });

  it('decides nothing after a no, and never with exit code 0', async () => {
    const { client, calls } = await fake();
    const io = testIo({ prompts: { confirm: async () => false } });
    await expect(approve(person, io, client)).rejects.toMatchObject({ kind: 'approval-pending' });
    expect(calls.map(({ name }) => name)).toEqual(['approvalShow']);
  });

  it.each([
    ['--yes', { ...script, yes: false }],
    ['--passphrase-stdin', { ...script, passphraseStdin: false }],
  ])('names %s where nobody can be asked, before it decides anything', async (flag, options) => {
    const { client, calls } = await fake();
    await expect(approve(options, testIo(), client)).rejects.toMatchObject({
      kind: 'usage',
      next: `give ${flag}`,
    });
    expect(calls.map(({ name }) => name)).not.toContain('approvalDecide');
  });

  it('tells who may not decide that, not that a passphrase is missing', async () => {
    const { client } = await fake({
      approvalShow: () => approvalSample({ version: 3, mayDecide: false, mayNotReason: 'it is yours' }),
    });
    await expect(approve({ ...script, passphraseStdin: false }, testIo(), client)).rejects.toMatchObject({
      code: 'may_not_decide',
      why: 'it is yours',
    });
  });

  it('asks again after a wrong passphrase, three times at most', async () => {
    const wrong = () => {
      throw new NotPermitted('wrong_passphrase', 'that is not it');
    };
    const { client, calls } = await fake({ approvalDecide: wrong });
    const io = testIo({ prompts: { confirm: async () => true, secret: async () => 'guess' } });
    await expect(approve(person, io, client)).rejects.toMatchObject({ code: 'wrong_passphrase' });
    expect(calls.filter(({ name }) => name === 'approvalDecide')).toHaveLength(3);
  });

  it('does not try a wrong passphrase from stdin twice', async () => {
    const { client, calls } = await fake({
      approvalDecide: () => {
        throw new NotPermitted('wrong_passphrase', 'that is not it');
      },
    });
    await expect(approve(script, testIo({ stdin: 'x\n' }), client)).rejects.toBeInstanceOf(NotPermitted);
    expect(calls).toHaveLength(2);
  });

  describe('by a sign-in that is too old', () => {
    const tooOld = () =>
      new LoginNeeded('step_up_needed', 'deciding needs a fresh sign-in', { why: 'an hour ago' });

    /** Decides once somebody has signed in anew. */
    async function stale() {
      let fresh = false;
      const made = await fake({
        approvalShow: () => approvalSample({ version: 3, presence: 'sign-in' }),
        approvalDecide: () => {
          if (!fresh) throw tooOld();
          return { approval: approvalSample({ status: 'approved', version: 4 }), auditId: '64' };
        },
      });
      const signIn = async () => {
        fresh = true;
      };
      return { ...made, signIn };
    }

    it('has the person sign in, and sends the same decision about the same card', async () => {
      const { calls, client, signIn } = await stale();
      const io = testIo();
      await approve({ ...script, passphraseStdin: false, stepUp: signIn }, io, client);
      const sent = calls.filter(({ name }) => name === 'approvalDecide').map(({ body }) => body);
      expect(sent).toEqual([
        { decision: 'approve', version: 3 },
        { decision: 'approve', version: 3 },
      ]);
      expect(io.stderr()).toContain('deciding needs a fresh sign-in: an hour ago');
    });

    it('fails where nobody is there to sign in, and when signing in fails', async () => {
      const { client } = await stale();
      const options = { ...script, passphraseStdin: false };
      await expect(approve(options, testIo(), client)).rejects.toMatchObject({ code: 'step_up_needed' });
      const denied = async () => {
        throw new LoginNeeded('access_denied', 'the sign-in was denied');
      };
      await expect(approve({ ...options, stepUp: denied }, testIo(), client)).rejects.toMatchObject({
        code: 'access_denied',
      });
    });
  });

  it('says why this identity may not decide, and asks nothing', async () => {
    const approval = approvalSample({
      mayDecide: false,
      mayNotReason: 'you cannot decide your own statement',
    });
    const { client } = await fake({ approvalShow: () => approval });
    await expect(approve(script, testIo({ stdin: 'x\n' }), client)).rejects.toMatchObject({
      kind: 'not-permitted',
      why: 'you cannot decide your own statement',
    });
  });

  it('says that a request has ended', async () => {
    const approval = approvalSample({ status: 'expired', endReason: 'nobody decided' });
    const { client } = await fake({ approvalShow: () => approval });
    await expect(approve(script, testIo({ stdin: 'x\n' }), client)).rejects.toBeInstanceOf(Conflict);
  });

  it('pages a statement that does not fit, and asks only after its end', async () => {
    const statement = Array.from({ length: 100 }, (_, line) => `-- line ${line}`).join('\n');
    const { client } = await fake({ approvalShow: () => approvalSample({ statement }) });
    const order: string[] = [];
    const io = testIo({
      tty: true,
      rows: 24,
      prompts: {
        key: async () => {
          order.push('page');
          return ' ';
        },
        confirm: async () => {
          order.push('question');
          return true;
        },
        secret: async () => 'correct horse',
      },
    });
    await approve(person, io, client);
    expect(order).toEqual([...Array(5).fill('page'), 'question']);
    for (let line = 0; line < 100; line++) expect(io.stderr()).toContain(`│ -- line ${line}\n`);
  });

  it('decides nothing when the reader stops in the middle of a long statement', async () => {
    const statement = 'select 1;\n'.repeat(100);
    const { client, calls } = await fake({ approvalShow: () => approvalSample({ statement }) });
    const io = testIo({ tty: true, prompts: { key: async () => 'q' } });
    await expect(approve(person, io, client)).rejects.toMatchObject({ code: 'not_decided' });
    expect(calls).toHaveLength(1);
  });
});

describe('deny', () => {
  it('sends the reason', async () => {
    const { client, calls } = await fake();
    const options = { json: false, id: 'ap-7kq2m', reason: ' not today ', passphraseStdin: true, stepUp };
    await deny(options, testIo({ stdin: 'correct horse\n' }), client);
    expect(calls[1]?.body).toMatchObject({ decision: 'deny', reason: 'not today' });
  });

  it('asks for the reason on a terminal and names --reason elsewhere', async () => {
    const { client, calls } = await fake();
    const options = { json: false, id: 'ap-7kq2m', reason: undefined, passphraseStdin: true, stepUp };
    await expect(deny(options, testIo(), client)).rejects.toMatchObject({ next: 'give --reason TEXT' });
    const io = testIo({ stdin: 'correct horse\n', prompts: { line: async () => 'too risky' } });
    await deny(options, io, client);
    expect(calls.at(-1)?.body).toMatchObject({ reason: 'too risky' });
  });
});

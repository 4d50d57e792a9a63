import { afterEach, describe, expect, it } from 'vitest';
import type { ApprovalView } from '../../../src/api/approval-schemas.ts';
import { watchApprovals } from '../../../src/cli/approvals-watch.ts';
import { type FakeDaemon, type FakeHandlers, startFakeDaemon } from './fake-daemon.ts';
import { approvalSample } from './samples.ts';
import { testIo } from './test-io.ts';

let daemon: FakeDaemon | undefined;
afterEach(async () => {
  await daemon?.close();
  daemon = undefined;
});

/** A daemon whose watch stream stays open; `send` adds events. */
async function watched(handlers: FakeHandlers = {}) {
  const events: ApprovalView[] = [];
  let wake = Promise.withResolvers<void>();
  daemon = await startFakeDaemon({
    approvalWatch: async function* (call) {
      call.gone.addEventListener('abort', () => wake.resolve());
      while (!call.gone.aborted) {
        for (let next = events.shift(); next !== undefined; next = events.shift()) {
          yield { type: 'changed', approval: next };
        }
        await wake.promise;
        wake = Promise.withResolvers();
      }
    },
    approvalDecide: ({ params }) => ({
      approval: approvalSample({ id: params.id ?? '', status: 'approved', version: 2 }),
      auditId: '9',
    }),
    ...handlers,
  });
  const send = (...approvals: ApprovalView[]) => {
    events.push(...approvals);
    wake.resolve();
  };
  return { daemon, send };
}

describe('approvals --watch', () => {
  it('prints one JSON line per change off a terminal, and ends with 130 on Ctrl-C', async () => {
    const { daemon, send } = await watched();
    const io = testIo();
    const seen = Promise.withResolvers<void>();
    const write = io.out.write;
    io.out.write = (text) => {
      write(text);
      seen.resolve();
    };
    const watching = watchApprovals(false, io, daemon.client);
    send(approvalSample());
    await seen.promise;
    io.signal('SIGINT');
    expect(await watching).toBe(130);
    expect(JSON.parse(io.stdout())).toMatchObject({ type: 'changed', approval: { id: 'ap-7kq2m' } });
  });

  it('asks about each request in turn and leaves on q', async () => {
    const { daemon, send } = await watched();
    const keys = ['a', 'n', 'q'];
    const io = testIo({ prompts: { key: async () => keys.shift(), secret: async () => 'correct horse' } });
    send(approvalSample({ id: 'ap-1' }), approvalSample({ id: 'ap-2' }), approvalSample({ id: 'ap-3' }));
    expect(await watchApprovals(false, io, daemon.client)).toBe(0);
    const decided = daemon.calls.filter(({ name }) => name === 'approvalDecide');
    expect(decided.map(({ params }) => params.id)).toEqual(['ap-1']);
    expect(io.stdout()).toContain('ap-1 approved');
  });

  it('does not ask about what this identity may not decide', async () => {
    const { daemon, send } = await watched();
    const io = testIo({ prompts: { key: async () => 'q' } });
    send(approvalSample({ id: 'ap-own', mayDecide: false }), approvalSample({ id: 'ap-theirs' }));
    await watchApprovals(false, io, daemon.client);
    expect(io.stderr()).not.toContain('ap-own');
    expect(io.stderr()).toContain('ap-theirs');
  });

  it('takes the question back when the request ends meanwhile', async () => {
    const { daemon, send } = await watched();
    const questions: string[] = [];
    const io = testIo({
      prompts: {
        key: async (question, _keys, signal) => {
          questions.push(question);
          if (questions.length > 1) return 'q';
          send(approvalSample({ status: 'withdrawn', version: 2, endReason: 'cancelled by the client' }));
          await new Promise((resolve) => signal?.addEventListener('abort', resolve));
          send(approvalSample({ id: 'ap-next' }));
          return undefined;
        },
      },
    });
    send(approvalSample());
    await watchApprovals(false, io, daemon.client);
    expect(io.stderr()).toContain('ap-7kq2m changed: withdrawn: cancelled by the client');
    expect(daemon.calls.some(({ name }) => name === 'approvalDecide')).toBe(false);
  });
});

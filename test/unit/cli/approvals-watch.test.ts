import { afterEach, describe, expect, it } from 'vitest';
import type { ApprovalView } from '../../../src/api/approval-schemas.ts';
import { LoginNeeded, NotReachable } from '../../../src/base/errors.ts';
import { watchApprovals } from '../../../src/cli/approvals-watch.ts';
import { lastingWatch } from '../../../src/cli/lasting-watch.ts';
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
    const watching = watchApprovals({ json: false, lasting: false, stepUp: undefined }, io, daemon.client);
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
    expect(await watchApprovals({ json: false, lasting: false, stepUp: undefined }, io, daemon.client)).toBe(
      0,
    );
    const decided = daemon.calls.filter(({ name }) => name === 'approvalDecide');
    expect(decided.map(({ params }) => params.id)).toEqual(['ap-1']);
    expect(io.stdout()).toContain('ap-1 approved');
  });

  it('does not ask about what this identity may not decide', async () => {
    const { daemon, send } = await watched();
    const io = testIo({ prompts: { key: async () => 'q' } });
    send(approvalSample({ id: 'ap-own', mayDecide: false }), approvalSample({ id: 'ap-theirs' }));
    await watchApprovals({ json: false, lasting: false, stepUp: undefined }, io, daemon.client);
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
    await watchApprovals({ json: false, lasting: false, stepUp: undefined }, io, daemon.client);
    expect(io.stderr()).toContain('ap-7kq2m changed: withdrawn: cancelled by the client');
    expect(daemon.calls.some(({ name }) => name === 'approvalDecide')).toBe(false);
  });
});

describe('a watch that lasts', () => {
  async function all(events: AsyncIterable<string>): Promise<string[]> {
    const seen: string[] = [];
    for await (const event of events) seen.push(event);
    return seen;
  }

  const gone = () => new NotReachable('gateway_not_reachable', 'gone', { retryable: true });

  /** Streams in turn: what each tells, and how it ends; `waits` has the pauses between them. */
  function streams(...each: readonly (readonly [events: readonly string[], end?: Error])[]) {
    const waits: number[] = [];
    const rest = [...each];
    const stop = new AbortController();
    let losses = 0;
    const open = async function* () {
      const [events, end] = rest.shift() ?? [[]];
      yield* events;
      if (end !== undefined) throw end;
      if (rest.length === 0) stop.abort();
    };
    const watch = lastingWatch(
      open,
      () => {
        losses++;
      },
      stop.signal,
      async (milliseconds) => {
        waits.push(milliseconds);
      },
    );
    return { watch, waits, losses: () => losses };
  }

  it('goes on where a stream broke off, with longer and longer pauses, and tells each loss once', async () => {
    const made = streams([['a'], gone()], [[], gone()], [[], gone()], [['b']], [['c']]);
    expect(await all(made.watch)).toEqual(['a', 'b', 'c']);
    expect(made.waits).toEqual([1000, 2000, 4000, 1000]);
    expect(made.losses()).toBe(2);
  });

  it('fails at once where nothing was ever reached, or where no other try helps', async () => {
    await expect(all(streams([[], gone()]).watch)).rejects.toMatchObject({
      code: 'gateway_not_reachable',
    });
    const ended = streams([['a'], new LoginNeeded('login_ended', 'signed out')]);
    await expect(all(ended.watch)).rejects.toMatchObject({ code: 'login_ended' });
    expect(ended.waits).toEqual([]);
  });
});

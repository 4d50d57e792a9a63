import { chmodSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { openClient } from '../../../src/api/client.ts';
import * as errors from '../../../src/base/errors.ts';
import { type FakeDaemon, type FakeHandlers, startFakeDaemon } from '../cli/fake-daemon.ts';
import { connectionSample } from '../cli/samples.ts';

let daemon: FakeDaemon | undefined;
afterEach(() => daemon?.close());

async function fake(handlers: FakeHandlers): Promise<FakeDaemon> {
  daemon = await startFakeDaemon(handlers);
  return daemon;
}

async function collect<T>(lines: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

describe('the API client', () => {
  it('sends the token, path parameters and body of a call by its route name', async () => {
    const { client, calls } = await fake({ connectionShow: () => connectionSample() });
    await client.call('connectionShow', { params: { name: 'a b/c' } });
    expect(calls[0]).toMatchObject({ params: { name: 'a b/c' }, token: 'token' });
  });

  it('leaves out query values that are undefined', async () => {
    const { client, calls } = await fake({ sessionList: () => ({ sessions: [] }) });
    await client.call('sessionList', { query: { connection: 'x y', identity: undefined } });
    expect(calls[0]?.query).toEqual({ connection: 'x y' });
  });

  it.each([
    new errors.UsageError('u', 'm'),
    new errors.NotReachable('r', 'm'),
    new errors.LoginNeeded('l', 'm'),
    new errors.NotPermitted('p', 'm'),
    new errors.PolicyBlocked('b', 'm', { rule: 'no-ddl' }),
    new errors.ApprovalDenied('d', 'm'),
    new errors.ApprovalPending('a', 'm'),
    new errors.NotFound('n', 'm', { next: 'look elsewhere' }),
    new errors.Conflict('c', 'm', { why: 'taken' }),
    new errors.ProtocolViolation('v', 'm'),
    new errors.Internal('i', 'm', { retryable: true }),
  ])('throws $name as the class that the daemon threw', async (thrown) => {
    const { client } = await fake({
      whoami: () => {
        throw thrown;
      },
    });
    const caught = await client.call('whoami', {}).catch((error: unknown) => error);
    expect(caught).toBeInstanceOf(thrown.constructor);
    const { code, message, why, next, rule, retryable } = thrown;
    expect(caught).toMatchObject({ code, message, why, next, rule, retryable });
  });

  it('skips the empty lines that keep a stream alive', async () => {
    const { client } = await fake({
      logs: async function* () {
        yield '\n\n{"line":"one"}\n\n{"line":"two"}';
      },
    });
    expect(await collect(client.stream('logs', {}))).toEqual([{ line: 'one' }, { line: 'two' }]);
  });

  it('throws the error that ends a stream', async () => {
    const { client } = await fake({
      logs: async function* () {
        yield { line: 'one' };
        throw new errors.NotFound('gone', 'the file is gone');
      },
    });
    const stream = client.stream('logs', {});
    expect(await stream.next()).toMatchObject({ value: { line: 'one' } });
    await expect(stream.next()).rejects.toBeInstanceOf(errors.NotFound);
  });

  it('cuts the call when the reader stops reading', async () => {
    const gone = Promise.withResolvers<void>();
    const { client } = await fake({
      logs: async function* (call) {
        call.gone.addEventListener('abort', () => gone.resolve());
        yield { line: 'one' };
        await gone.promise;
      },
    });
    for await (const _ of client.stream('logs', {})) break;
    await gone.promise;
  });

  it('says that the daemon is gone when a stream breaks off', async () => {
    const started = await fake({
      logs: async function* (call) {
        yield { line: 'one' };
        await new Promise((resolve) => call.gone.addEventListener('abort', resolve));
      },
    });
    const stream = started.client.stream('logs', {});
    await stream.next();
    const next = stream.next();
    next.catch(() => {});
    await started.close();
    daemon = undefined;
    await expect(next).rejects.toMatchObject({ code: 'daemon_gone', kind: 'not-reachable' });
  });

  it('refuses an answer of another form', async () => {
    const { client } = await fake({
      logs: async function* () {
        yield { other: 1 };
      },
    });
    await expect(client.stream('logs', {}).next()).rejects.toMatchObject({ code: 'unexpected_answer' });
  });

  it('says that no daemon runs when there is no socket', async () => {
    const client = openClient({ socket: '/nonexistent/daemon.sock', token: 't' });
    await expect(client.call('status', {})).rejects.toMatchObject({ code: 'daemon_not_running' });
  });

  it('sends no token through a socket that others could have made', async () => {
    const { socket, client, calls } = await fake({ whoami: () => ({}) });
    chmodSync(socket, 0o666);
    await expect(client.call('whoami', {})).rejects.toMatchObject({ code: 'foreign_socket' });
    expect(calls).toEqual([]);
  });

  it('streams a raw body', async () => {
    const { client, calls } = await fake({ policyExplainBulk: async function* () {} });
    const raw = (async function* () {
      yield '{"id":"1"}\n';
      yield '{"id":"2"}\n';
    })();
    await collect(client.stream('policyExplainBulk', { query: { connection: 'x' }, raw }));
    expect(calls[0]?.raw).toBe('{"id":"1"}\n{"id":"2"}\n');
  });
});

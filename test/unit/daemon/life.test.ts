import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { castOf, dial, openEndpoint, PASSPHRASE, type Running, startDaemon } from './running.ts';

const open: Running[] = [];
const start = async (...given: Parameters<typeof startDaemon>) => {
  const running = await startDaemon(...given);
  open.push(running);
  return running;
};
afterEach(async () => {
  for (const running of open.splice(0).reverse()) await running.end();
});

describe('a new state directory', () => {
  test('has a one-time token that makes the owner and is gone then', async () => {
    const running = await start();
    const file = join(running.home, 'bootstrap.token');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const bootstrap = running.client(readFileSync(file, 'utf8').trim());
    expect(await bootstrap.call('status', {})).toMatchObject({ initialized: false, policy: null });
    await expect(bootstrap.call('connectionList', {})).rejects.toMatchObject({ code: 'not_initialized' });

    const owner = running.client(await running.init());
    expect(existsSync(file)).toBe(false);
    expect(await owner.call('whoami', {})).toMatchObject({ identity: { name: 'owner', roles: ['owner'] } });
    const again = { body: { approverPassphrase: PASSPHRASE } };
    await expect(bootstrap.call('init', again)).rejects.toMatchObject({ kind: 'login-needed' });
    await expect(owner.call('init', again)).rejects.toMatchObject({ kind: 'not-permitted' });
  });

  test('makes one owner when two ask at once', async () => {
    const running = await start();
    const results = await Promise.allSettled([running.init(), running.init()]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('keeps its token over a restart', async () => {
    const first = await start();
    const token = readFileSync(join(first.home, 'bootstrap.token'), 'utf8');
    await first.daemon.stop('restart');
    await start({ home: first.home });
    expect(readFileSync(join(first.home, 'bootstrap.token'), 'utf8')).toBe(token);
  });
});

describe('a state directory', () => {
  test('has one daemon', async () => {
    const first = await start();
    await expect(startDaemon({ home: first.home })).rejects.toMatchObject({ kind: 'conflict' });
    expect(await first.client(await first.init()).call('status', {})).toMatchObject({ pid: process.pid });
  });

  test('that others can enter is refused, with the command that mends it', async () => {
    const home = join(mkdtempSync(join(tmpdir(), 'hoop-daemon-')), 'state');
    mkdirSync(home);
    chmodSync(home, 0o755);
    await expect(startDaemon({ home })).rejects.toMatchObject({
      code: 'directory_not_private',
      next: `chmod 700 ${home}`,
    });
  });

  test('with a file that others can read is refused, and doctor names what is opened later', async () => {
    const first = await start();
    const owner = first.client(await first.init());
    chmodSync(join(first.home, 'state.db'), 0o644);
    const { findings } = await owner.call('doctor', {});
    expect(findings.find(({ level }) => level === 'problem')).toMatchObject({
      fix: `chmod 600 ${join(first.home, 'state.db')}`,
    });
    await first.daemon.stop('restart');
    await expect(startDaemon({ home: first.home })).rejects.toMatchObject({ code: 'directory_not_private' });
  });

  test('doctor names the file of a credential that others can read, and how to close it', async () => {
    const running = await start();
    const { owner } = await castOf(running);
    const file = join(running.home, '..', 'password');
    writeFileSync(file, 'right');
    chmodSync(file, 0o644);
    const body = { name: 'other-db', url: 'line://app@host/shop', secretRef: `file:${file}` };
    await owner.call('connectionAdd', { body });
    const weak = async () =>
      (await owner.call('doctor', {})).findings.filter(({ fix }) => fix === `chmod 600 ${file}`);
    expect(await weak()).toMatchObject([{ level: 'warning', topic: 'credentials' }]);
    chmodSync(file, 0o600);
    expect(await weak()).toEqual([]);
  });

  test('with a deep path has its socket elsewhere, where client and daemon both look', async () => {
    const home = join(mkdtempSync(join(tmpdir(), 'hoop-daemon-')), 'deep'.repeat(25));
    const running = await start({ home });
    expect(Buffer.byteLength(running.daemon.socket)).toBeLessThan(100);
    const cast = await castOf(running);
    const endpoint = await openEndpoint(cast.devin, { connection: 'prod-db', listen: { kind: 'unix' } });
    const client = dial(endpoint.ready);
    client.say(endpoint.ready.password);
    expect(await client.hear()).toContain('hello');
    endpoint.close();
  });
});

describe('approving', () => {
  test('is locked for a minute after five wrong passphrases in a row', async () => {
    const running = await start();
    const cast = await castOf(running);
    const endpoint = await openEndpoint(cast.devin, { connection: 'prod-db' });
    const client = dial(endpoint.ready);
    client.say(endpoint.ready.password);
    await client.hear();
    client.say('write customers');
    const id = (await client.hear())?.split(' ')[1] ?? '';
    const decide = (passphrase: string) =>
      cast.ana.call('approvalDecide', {
        params: { id },
        body: { decision: 'approve', passphrase, version: 1 },
      });
    for (let i = 0; i < 5; i++)
      await expect(decide('wrong')).rejects.toMatchObject({ code: 'wrong_passphrase' });
    await expect(decide(PASSPHRASE)).rejects.toMatchObject({ code: 'passphrase_locked', retryable: true });
    expect(running.protocol.executed).toEqual([]);
    endpoint.close();
  });
});

describe('the last owner', () => {
  test('cannot be revoked, since nobody could make another', async () => {
    const running = await start();
    const owner = running.client(await running.init());
    await expect(owner.call('identityRevoke', { params: { name: 'owner' } })).rejects.toMatchObject({
      code: 'last_owner',
    });
    await owner.call('identityCreate', { body: { name: 'second', roles: ['owner'] } });
    await owner.call('identityRevoke', { params: { name: 'owner' } });
    await expect(owner.call('status', {})).rejects.toMatchObject({ code: 'token_revoked' });
  });
});

describe('a connection', () => {
  test('that cannot be reached is not stored, and its name stays free', async () => {
    const running = await start();
    const owner = running.client(await running.init());
    const add = (url: string, secret: string) =>
      owner.call('connectionAdd', { body: { name: 'prod-db', url, secret } });
    await expect(add('line://app@down/shop', 'right')).rejects.toMatchObject({ kind: 'not-reachable' });
    await expect(add('line://app@host/shop', 'wrong')).rejects.toMatchObject({ code: 'wrong_password' });
    expect((await owner.call('connectionList', {})).connections).toEqual([]);
    await expect(add('gopher://host/shop', 'right')).rejects.toMatchObject({ code: 'unknown_scheme' });
    const saved = await add('line://app:right@host/shop', 'right');
    expect(saved).toMatchObject({ report: { server: '1.0' }, connection: { url: 'line://app@host/shop' } });
    await expect(add('line://app@host/shop', 'right')).rejects.toMatchObject({
      code: 'connection_name_taken',
    });
  });

  test('takes the password out of its URL into the vault, and says so', async () => {
    const running = await start();
    const owner = running.client(await running.init());
    const saved = await owner.call('connectionAdd', {
      body: { name: 'prod-db', url: 'line://app:right@host/shop' },
    });
    expect(saved.stored?.warning).toContain('shell history');
    expect(JSON.stringify(saved)).not.toContain('right');
  });

  test('warns of a role that may do more than the policy lets anybody do', async () => {
    const running = await start();
    const { owner } = await castOf(running);
    running.protocol.report = { canWrite: true };
    const narrow = await owner.call('connectionAdd', {
      body: { name: 'staging', url: 'line://app@host/shop', secret: 'right' },
    });
    expect(narrow.report?.warnings).toEqual([
      'app may write, but no rule lets anybody write on staging: a read-only role is enough',
    ]);
    expect((await owner.call('connectionTest', { params: { name: 'prod-db' } })).warnings).toEqual([]);
    running.protocol.report = { superuser: true };
    expect((await owner.call('connectionTest', { params: { name: 'prod-db' } })).warnings[0]).toContain(
      'superuser',
    );
  });

  test('keeps its old credential when an edit fails', async () => {
    const running = await start();
    const { owner } = await castOf(running);
    const edit = owner.call('connectionEdit', { params: { name: 'prod-db' }, body: { secret: 'wrong' } });
    await expect(edit).rejects.toMatchObject({ code: 'wrong_password' });
    expect(await owner.call('connectionTest', { params: { name: 'prod-db' } })).toMatchObject({
      server: '1.0',
    });
  });
});

describe('the API', () => {
  const raw = (running: Running, token: string, body: string, path = '/v1/policy/check') =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      const sent = request({ socketPath: running.daemon.socket, method: 'POST', path, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
      });
      sent.on('error', reject);
      sent.end(body);
    });

  test('answers bad words with what is wrong with them', async () => {
    const running = await start();
    const token = await running.init();
    expect(await raw(running, token, '{')).toMatchObject({
      status: 400,
      body: expect.stringContaining('bad_json'),
    });
    const wrong = await raw(running, token, '{"text": 1}');
    expect(JSON.parse(wrong.body)).toMatchObject({ error: { kind: 'usage', code: 'bad_request' } });
    expect(await raw(running, token, '{}', '/v1/nothing')).toMatchObject({ status: 404 });
    expect(await raw(running, token, '{}', '/v1/../v1/%ff')).toMatchObject({ status: 404 });
  });

  test('takes no body above two mebibytes', async () => {
    const running = await start();
    const token = await running.init();
    const answer = await raw(running, token, 'x'.repeat(2 * 1024 * 1024 + 1)).catch(() => undefined);
    // The daemon may have closed before everything was sent; it goes on serving either way.
    if (answer)
      expect(answer).toMatchObject({ status: 400, body: expect.stringContaining('body_too_large') });
    expect(await running.client(token).call('status', {})).toMatchObject({ initialized: true });
  });

  test('explains a stream of statements in order, and ends it with the error of a bad line', async () => {
    const running = await start();
    const { devin } = await castOf(running);
    const explained: (string | number | undefined)[][] = [];
    const raw = ['{"id":"1","statement":"read x"}', '', '{"id":"2","statement":"drop x"}', 'oops'].join('\n');
    const stream = devin.stream('policyExplainBulk', { query: { connection: 'prod-db' }, raw });
    await expect(
      (async () => {
        for await (const { id, decision } of stream) explained.push([id, decision]);
      })(),
    ).rejects.toMatchObject({ code: 'bad_bulk_line' });
    expect(explained).toEqual([
      ['1', 'allow'],
      ['2', 'block'],
    ]);
    await expect.poll(() => running.protocol.openTargets).toBeLessThanOrEqual(1);
  });

  test('tells policy problems by line and column and refuses to apply them', async () => {
    const running = await start();
    const owner = running.client(await running.init());
    const body = { text: 'version: 1\nrules:\n  - name: a\n    decison: allow\n', source: 'p.yaml' };
    const check = await owner.call('policyCheck', { body });
    expect(check).toMatchObject({ ok: false, hash: null });
    expect(check.problems).toContainEqual(expect.objectContaining({ line: 4, column: 5, severity: 'error' }));
    await expect(owner.call('policyApply', { body })).rejects.toMatchObject({ kind: 'usage' });
    await expect(owner.call('policyShow', {})).rejects.toMatchObject({ kind: 'not-found' });
  });

  test('follows the audit log and the daemon’s own log', async () => {
    const running = await start();
    const owner = running.client(await running.init());
    const gone = new AbortController();
    const tail = owner.stream('auditTail', { query: { follow: 'true', lines: 1 }, signal: gone.signal });
    await tail.next();
    const next = tail.next();
    await owner.call('identityCreate', { body: { name: 'devin', roles: ['requester'] } });
    expect((await next).value).toMatchObject({ kind: 'identity.created', facts: { name: 'devin' } });
    gone.abort();
    const lines = [];
    for await (const { line } of owner.stream('logs', {})) lines.push(JSON.parse(line).msg);
    expect(lines).toContain('daemon.started');
  });
});

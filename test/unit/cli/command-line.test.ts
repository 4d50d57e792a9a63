import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../../src/cli/command-line.ts';
import { outline } from '../../../src/cli/completion/outline.ts';
import { ROOT } from '../../../src/cli/tree/root.ts';
import { type FakeDaemon, type FakeHandlers, startFakeDaemon } from './fake-daemon.ts';
import { approvalSample, connectionSample, sessionSample } from './samples.ts';
import { type TestIo, testIo } from './test-io.ts';

let daemon: FakeDaemon | undefined;
afterEach(async () => {
  await daemon?.close();
  daemon = undefined;
});

async function cli(args: readonly string[], handlers: FakeHandlers = {}, stdin?: string) {
  daemon = await startFakeDaemon(handlers);
  const io: TestIo = testIo({
    env: { HOOPCTL_HOME: daemon.home, HOOPCTL_TOKEN: 'hpt_x' },
    ...(stdin === undefined ? {} : { stdin }),
  });
  const exitCode = await runCommandLine(args, () => io);
  return { exitCode, io, calls: daemon.calls };
}

const identity = {
  id: 'id-1',
  name: 'devin',
  kind: 'machine',
  roles: ['requester'],
  groups: ['agents', 'ci'],
  createdAt: '2026-11-21T12:00:00Z',
  expiresAt: null,
  status: 'active',
};

describe('the command line', () => {
  it.each([
    [['aprove'], 'approve'],
    [['connection', 'lsit'], 'list'],
    [['session', 'list', '--conection', 'x'], '--connection'],
  ])('suggests what %j meant, with exit code 2', async (args, meant) => {
    const { exitCode, io } = await cli(args);
    expect(exitCode).toBe(2);
    expect(io.stderr()).toContain(`did you mean ${meant}?`);
  });

  it('prints a failure as JSON with --json, wherever the flag stands', async () => {
    for (const args of [
      ['--json', 'session', 'show', 'x'],
      ['session', 'show', 'x', '--json'],
    ]) {
      const { exitCode, io } = await cli(args);
      expect(exitCode).toBe(9);
      expect(JSON.parse(io.stderr())).toMatchObject({
        schemaVersion: 1,
        error: { kind: 'not-found', code: 'no_handler', retryable: false },
      });
      expect(io.stdout()).toBe('');
      await daemon?.close();
    }
  });

  it('has no flag that takes a secret', () => {
    const flags = outline(ROOT).flatMap(({ options }) => options.filter(({ takesValue }) => takesValue));
    // A reference to a secret is none.
    const ofSecrets = flags.filter(({ long }) => /pass|secret$|token/.test(long));
    expect(ofSecrets.filter(({ long }) => !long.endsWith('-ref'))).toEqual([]);
  });

  it('prints the verbs of a noun that stands alone, with exit code 2', async () => {
    const { exitCode, io } = await cli(['policy']);
    expect(exitCode).toBe(2);
    expect(io.stderr()).toContain('explain');
  });

  it.each(['exit-codes', 'environment'])('has a page on %s', async (topic) => {
    const { exitCode, io } = await cli(['help', topic]);
    expect(exitCode).toBe(0);
    expect(io.stdout().split('\n').length).toBeGreaterThan(6);
  });

  it('has help on a verb of a noun, and says which topic a misspelt one meant', async () => {
    const verb = await cli(['help', 'gateway', 'start']);
    expect(verb).toMatchObject({ exitCode: 0 });
    expect(verb.io.stdout()).toContain('Usage: hoopctl gateway start');
    for (const [topic, meant] of [
      [['environmnt'], 'environment'],
      [['aprove'], 'approve'],
      [['gateway', 'strt'], 'start'],
    ] as const) {
      await daemon?.close();
      const { exitCode, io } = await cli(['help', ...topic]);
      expect(exitCode).toBe(2);
      expect(io.stderr()).toContain(`did you mean "${meant}"?`);
    }
    // Words behind a verb are none of its own, and run nothing.
    await daemon?.close();
    const { calls, exitCode } = await cli(['help', 'exec', 'prod-db']);
    expect({ calls, exitCode }).toEqual({ calls: [], exitCode: 2 });
  });

  it('does not run on the local daemon when a gateway is meant', async () => {
    const daemon = await startFakeDaemon({ whoami: () => ({ identity, connections: [] }) });
    const env = { HOOPCTL_HOME: daemon.home, HOOPCTL_TOKEN: 'token', HOOPCTL_GATEWAY: 'https://127.0.0.1:1' };
    expect(await runCommandLine(['whoami'], () => testIo({ env }))).toBe(3);
    expect(await runCommandLine(['whoami'], () => testIo({ env: { ...env, HOOPCTL_GATEWAY: 'gw' } }))).toBe(
      9,
    );
    expect(await runCommandLine(['whoami'], () => testIo({ env: { ...env, HOOPCTL_TOKEN: '' } }))).toBe(4);
    expect(daemon.calls).toEqual([]);
    await daemon.close();
  });

  it('needs an identity', async () => {
    const io = testIo({ env: { HOOPCTL_HOME: '/nonexistent' } });
    expect(await runCommandLine(['whoami'], () => io)).toBe(4);
    expect(io.stderr()).toContain('hoopctl init');
  });
});

describe('verbs for scripts', () => {
  it('identity create prints the token as the last line of stdout', async () => {
    const handlers: FakeHandlers = {
      identityCreate: () => ({ identity, token: 'hpt_secret', auditId: '3' }),
    };
    const args = [
      'identity',
      'create',
      '--group',
      'agents',
      'devin',
      '--groups',
      'ci',
      '--role',
      'requester',
      '--ttl',
      '30d',
    ];
    const { exitCode, io, calls } = await cli(args, handlers);
    expect(exitCode).toBe(0);
    expect(io.stdout().trimEnd().split('\n').at(-1)).toBe('hpt_secret');
    expect(io.stderr()).not.toContain('hpt_secret');
    expect(calls[0]?.body).toMatchObject({
      name: 'devin',
      roles: ['requester'],
      groups: ['agents', 'ci'],
      ttl: 30 * 86_400_000,
    });
  });

  it('connection add takes the password from stdin and prints no secret', async () => {
    const handlers: FakeHandlers = {
      connectionAdd: () => ({
        connection: connectionSample(),
        report: null,
        stored: { backend: 'keychain', warning: null },
        auditId: '4',
        cutSessions: 0,
      }),
    };
    const args = [
      'connection',
      'add',
      'prod-db',
      '--url',
      'postgres://u@h/d',
      '--password-stdin',
      '--no-input',
    ];
    const { exitCode, io, calls } = await cli([...args, '--label', 'env=prod'], handlers, 'se same\n');
    expect(io.stderr()).toBe('');
    expect(exitCode).toBe(0);
    expect(calls[0]?.body).toMatchObject({ secret: 'se same', labels: { env: 'prod' }, test: true });
    expect(io.stdout() + io.stderr()).not.toContain('se same');
  });

  it('connection add warns about a password in the URL', async () => {
    const handlers: FakeHandlers = {
      connectionAdd: () => ({
        connection: connectionSample(),
        report: null,
        stored: null,
        auditId: '4',
        cutSessions: 0,
      }),
    };
    const { io } = await cli(
      ['connection', 'add', 'x', '--url', 'postgres://u:pw@h/d', '--no-test'],
      handlers,
    );
    expect(io.stderr()).toContain('the password in --url can be read by other processes');
    expect(io.stdout() + io.stderr()).not.toContain(':pw@');
  });

  it.each([
    ['connection', 'remove', 'prod-db'],
    ['identity', 'revoke', 'devin'],
    ['session', 'kill', 's-1'],
  ])('%s %s changes nothing without a yes and names --yes', async (...args) => {
    const handlers: FakeHandlers = {
      connectionShow: () => connectionSample(),
      sessionShow: () => sessionSample({ status: 'open', endedAt: null, endReason: null }),
      connectionRemove: () => ({ auditId: '1', cutSessions: 2 }),
      identityRevoke: () => ({ auditId: '1', cutSessions: 0 }),
      sessionKill: () => ({ auditId: '1' }),
    };
    const { exitCode, io, calls } = await cli(args, handlers);
    expect(exitCode).toBe(2);
    expect(io.stderr()).toContain('give --yes');
    expect(calls.filter(({ name }) => /Remove|Revoke|Kill/.test(name))).toEqual([]);
    await daemon?.close();
    const agreed = await cli([...args, '--yes'], handlers);
    expect(agreed.io.stderr()).toBe('');
    expect(agreed.exitCode).toBe(0);
  });

  it('lists are one document with schemaVersion', async () => {
    const approvals = await cli(['approvals', '--json'], {
      approvalList: () => ({ approvals: [approvalSample()] }),
    });
    expect(JSON.parse(approvals.io.stdout())).toMatchObject({
      schemaVersion: 1,
      approvals: [{ id: 'ap-7kq2m' }],
    });
    await daemon?.close();
    const sessions = await cli(['session', 'list', '--json', '--since', '2h'], {
      sessionList: () => ({ sessions: [sessionSample()] }),
    });
    expect(JSON.parse(sessions.io.stdout())).toMatchObject({
      schemaVersion: 1,
      sessions: [{ id: 's-01jdabc' }],
    });
    expect(sessions.calls[0]?.query).toEqual({ since: '2026-11-21T10:00:00.000Z' });
  });

  it('audit verify ends with 1 and names what is broken first', async () => {
    const { exitCode, io } = await cli(['audit', 'verify'], {
      auditVerify: () => ({
        ok: false,
        entries: 12,
        recordings: 2,
        firstBroken: { seq: 7, session: null, message: 'its hash does not match' },
        problems: [],
        unsigned: 0,
        head: null,
      }),
    });
    expect(exitCode).toBe(1);
    expect(io.stdout()).toContain('first broken: entry #7: its hash does not match');
  });

  it('policy check shows the line and the place', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hoopctl-policy-'));
    const file = join(directory, 'policy.yaml');
    writeFileSync(file, 'version: 1\nruels: []\n');
    const problems = [{ severity: 'error', line: 2, column: 1, message: 'unknown key "ruels"' }];
    const { exitCode, io } = await cli(['policy', 'check', file], {
      policyCheck: () => ({ ok: false, hash: null, rules: 0, masks: 0, problems }),
    });
    rmSync(directory, { recursive: true });
    expect(exitCode).toBe(2);
    expect(io.stdout()).toContain(`${file}:2:1: error: unknown key "ruels"\n    2 | ruels: []\n      | ^\n`);
  });
});

describe('replay', () => {
  const events = async function* () {
    yield {
      type: 'start',
      at: 0,
      session: 's-1',
      connection: 'prod-db',
      identity: 'devin',
      startedAt: 'T',
      protocol: 'postgres',
    };
    yield {
      type: 'statement',
      at: 900_000,
      text: 'select 1 as x;',
      parameters: [],
      decision: 'allow',
      rule: 'r',
      effects: ['read'],
    };
    yield { type: 'columns', at: 900_001, names: ['x'], rightAligned: [true] };
    yield { type: 'row', at: 900_001, values: ['1'] };
    yield { type: 'complete', at: 900_001, tag: 'SELECT 1' };
    yield {
      type: 'statement',
      at: 900_002,
      text: 'drop table t',
      parameters: [],
      decision: 'block',
      rule: 'no-ddl',
      effects: ['ddl: t'],
    };
    yield {
      type: 'error',
      at: 900_003,
      severity: 'ERROR',
      sqlstate: '42501',
      message: 'no\u001b[2J',
      detail: null,
      hint: 'ask',
    };
    yield { type: 'end', at: 900_004, reason: 'client closed' };
  };
  const handlers: FakeHandlers = { sessionReplay: events, sessionShow: () => sessionSample() };

  it('prints what psql showed, with the decisions, at once with --no-wait', async () => {
    const { exitCode, io } = await cli(['replay', 's-1', '--no-wait'], handlers);
    expect(exitCode).toBe(0);
    expect(io.stdout()).toBe(
      [
        '-- session s-1 · devin on prod-db · T',
        'prod-db=> select 1 as x;',
        ' x ',
        '---',
        ' 1',
        '(1 row)',
        '',
        'prod-db=> drop table t',
        '-- block · rule "no-ddl" · ddl: t',
        'ERROR:  no\\x1b[2J',
        'HINT:  ask',
        '-- end: client closed',
        '',
      ].join('\n'),
    );
  });

  it('streams events as JSON lines without waiting', async () => {
    const { io } = await cli(['replay', 's-1', '--json'], handlers);
    const types = io
      .stdout()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    expect(types).toEqual(['start', 'statement', 'columns', 'row', 'complete', 'statement', 'error', 'end']);
  });

  it('name the person whom a machine acts for wherever they name the machine', async () => {
    const endUser = 'ana@example.com';
    const handlers: FakeHandlers = {
      sessionList: () => ({ sessions: [sessionSample({ endUser })] }),
      sessionShow: () => sessionSample({ endUser }),
      approvalList: () => ({ approvals: [approvalSample({ endUser })] }),
    };
    for (const args of [['session', 'list'], ['session', 'show', 's-01jdabc'], ['approvals']]) {
      const { io } = await cli(args, handlers);
      expect(io.stdout()).toContain('devin for ana@example.com');
      await daemon?.close();
    }
  });
});

import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientEnvironment } from '../../../src/cli/client-environment.ts';
import { daemonEnvironment } from '../../../src/cli/daemon-process.ts';
import { modeFindings, nodeFinding } from '../../../src/cli/doctor.ts';
import type { ReadyEvent } from '../../../src/cli/endpoint.ts';
import { colourLevel } from '../../../src/cli/paint.ts';
import { stateDirectory } from '../../../src/cli/state-directory.ts';
import { timeOption } from '../../../src/cli/time-option.ts';
import { clockSpan, relativeTime } from '../../../src/cli/times.ts';
import { readToken, storeOwnerToken } from '../../../src/cli/token.ts';
import { NOW } from './test-io.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hoopctl-home-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('the state directory', () => {
  it('is HOOPCTL_HOME, else the place of the platform', () => {
    expect(stateDirectory({ HOOPCTL_HOME: '/x/y' })).toBe('/x/y');
    expect(stateDirectory({ HOME: '/home/a' }, 'linux')).toBe('/home/a/.local/state/hoopctl');
    expect(stateDirectory({ HOME: '/home/a', XDG_STATE_HOME: '/s' }, 'linux')).toBe('/s/hoopctl');
    expect(stateDirectory({ HOME: '/home/a', XDG_STATE_HOME: 'relative' }, 'linux')).toBe(
      '/home/a/.local/state/hoopctl',
    );
    expect(stateDirectory({ HOME: '/Users/a' }, 'darwin')).toBe(
      '/Users/a/Library/Application Support/hoopctl',
    );
  });

  it('holds the owner, whom HOOPCTL_TOKEN overrides', () => {
    expect(() => readToken(home, {})).toThrow('no identity');
    storeOwnerToken(home, 'hpt_owner');
    expect(statSync(join(home, 'owner.token')).mode & 0o777).toBe(0o600);
    expect(readToken(home, {})).toBe('hpt_owner');
    expect(readToken(home, { HOOPCTL_TOKEN: ' hpt_devin\n' })).toBe('hpt_devin');
  });

  it('gives no token that others can read', () => {
    writeFileSync(join(home, 'owner.token'), 'hpt_owner');
    chmodSync(join(home, 'owner.token'), 0o644);
    expect(() => readToken(home, {})).toThrow('can be read by other users');
    expect(modeFindings(home)).toContainEqual(
      expect.objectContaining({ level: 'problem', fix: `chmod 600 ${join(home, 'owner.token')}` }),
    );
  });

  it('is missed by doctor when it is not there', () => {
    expect(modeFindings(join(home, 'no'))).toMatchObject([{ level: 'problem', fix: 'hoopctl init' }]);
  });
});

it.each([
  ['22.12.0', 'problem'],
  ['22.13.0', 'ok'],
  ['24.1.0', 'ok'],
])('Node %s is %s for doctor', (version, level) => {
  expect(nodeFinding(version).level).toBe(level);
});

describe('a child process', () => {
  const ready = { host: '127.0.0.1', port: 6000, user: 'u', password: 'p', database: 'd' } as ReadyEvent;

  it('that is a client gets the endpoint and nothing else of the user', () => {
    const user = {
      PATH: '/bin',
      TERM: 'xterm',
      LC_ALL: 'C',
      HOOPCTL_TOKEN: 'hpt',
      AWS_SECRET_ACCESS_KEY: 'x',
      PGSERVICE: 's',
    };
    expect(clientEnvironment(user, ready)).toEqual({
      ...{ PATH: '/bin', TERM: 'xterm', LC_ALL: 'C' },
      ...{
        PGHOST: '127.0.0.1',
        PGPORT: '6000',
        PGUSER: 'u',
        PGPASSWORD: 'p',
        PGDATABASE: 'd',
        PGSSLMODE: 'disable',
      },
    });
  });

  it('that is the daemon keeps what references need, and no identity', () => {
    const user = {
      DB_PASSWORD: 'x',
      DBUS_SESSION_BUS_ADDRESS: 'unix:',
      HOOPCTL_TOKEN: 'hpt',
      NODE_OPTIONS: '--inspect',
    };
    expect(daemonEnvironment(user)).toEqual({ DB_PASSWORD: 'x', DBUS_SESSION_BUS_ADDRESS: 'unix:' });
  });
});

describe('colour', () => {
  it.each([
    [true, {}, 1],
    [false, {}, 0],
    [true, { NO_COLOR: '1' }, 0],
    [true, { NO_COLOR: '' }, 1],
    [true, { TERM: 'dumb' }, 0],
    [false, { FORCE_COLOR: '1' }, 1],
    [false, { FORCE_COLOR: '3' }, 3],
    [true, { FORCE_COLOR: '0' }, 0],
    [true, { FORCE_COLOR: '1', NO_COLOR: '1' }, 1],
  ])('on a terminal (%s) with %j has level %i', (isTTY, env, level) => {
    expect(colourLevel(isTTY, env)).toBe(level);
  });
});

describe('times', () => {
  it.each([
    [-500, 'now'],
    [-5_000, '5s ago'],
    [-125_000, '2m ago'],
    [-7_500_000, '2h 5m ago'],
    [-200_000_000, '2d ago'],
    [90_000, 'in 1m'],
  ])('%i ms from now read %s', (offset, text) => {
    expect(relativeTime(new Date(NOW + offset).toISOString(), NOW)).toBe(text);
  });

  it('run as clocks do', () => {
    expect([41_000, 859_000, 3_723_000, -5].map(clockSpan)).toEqual(['00:41', '14:19', '1:02:03', '00:00']);
  });

  it('are given as ISO 8601 or as a time ago, never as something ambiguous', () => {
    expect(timeOption('--since', '1h30m', NOW)).toBe('2026-11-21T10:30:00.000Z');
    expect(timeOption('--since', '2026-11-20', NOW)).toBe('2026-11-20T00:00:00.000Z');
    expect(timeOption('--since', '2026-11-20T10:00+02:00', NOW)).toBe('2026-11-20T08:00:00.000Z');
    for (const bad of ['yesterday', '11/20/2026', '2026-11-20T10:00', '2026-13-40']) {
      expect(() => timeOption('--since', bad, NOW)).toThrow('is not a time');
    }
  });
});

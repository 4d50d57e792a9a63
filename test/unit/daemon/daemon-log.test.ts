import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDaemonLog, RotatingFile, tailFile } from '../../../src/daemon/daemon-log.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hoop-log-'));
  path = join(dir, 'daemon.log');
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('the log file', () => {
  test('makes room for itself and keeps so many old ones', () => {
    const file = new RotatingFile(path, 10, 2);
    for (const line of ['first--\n', 'second-\n', 'third--\n', 'fourth-\n']) file.write(line);
    file.close();
    const content = (suffix: string) => readFileSync(path + suffix, 'utf8').trim();
    expect([content(''), content('.1'), content('.2')]).toEqual(['fourth-', 'third--', 'second-']);
    expect(existsSync(`${path}.3`)).toBe(false);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('goes on where the last daemon ended', () => {
    for (const line of ['one\n', 'two\n']) {
      const file = new RotatingFile(path, 6, 1);
      file.write(line);
      file.close();
    }
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('one\n');
  });

  test('does not end the daemon when nothing can be written', () => {
    const file = new RotatingFile(path);
    file.close();
    expect(() => file.write('lost\n')).not.toThrow();
  });

  test('gives its last lines, then the new ones', async () => {
    const file = new RotatingFile(path);
    for (const line of ['a\n', 'b\n', 'c\n']) file.write(line);
    const stop = new AbortController();
    const tail = tailFile(file, 2, stop.signal)[Symbol.asyncIterator]();
    expect([(await tail.next()).value, (await tail.next()).value]).toEqual([{ line: 'b' }, { line: 'c' }]);
    const next = tail.next();
    file.write('d\n');
    expect((await next).value).toEqual({ line: 'd' });
    stop.abort();
    expect((await tail.next()).done).toBe(true);
    file.close();
  });
});

describe('a logged error', () => {
  test('leaves out what a driver hangs on it', () => {
    const lines: string[] = [];
    const log = createDaemonLog({ write: (line) => lines.push(line) }, 'info');
    const error = Object.assign(new Error('failed'), {
      code: '23505',
      detail: 'Key (email)=(ana@example.com) exists',
      query: 'insert into t values (secret)',
      parameters: ['secret'],
    });
    log.error('it.failed', { error });
    log.debug('not at this level');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      msg: 'it.failed',
      error: { code: '23505', message: 'failed' },
    });
    expect(lines[0]).not.toMatch(/secret|ana@example/);
  });
});

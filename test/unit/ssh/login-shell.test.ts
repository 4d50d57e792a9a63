import { EventEmitter } from 'node:events';
import type { Client } from 'ssh2';
import { expect, test } from 'vitest';
import { loginShellOf } from '../../../src/protocols/ssh/connection-test.ts';

/** A target that answers the probe so. */
function answering(...lines: string[]): Client {
  const exec = (_line: string, done: (error: undefined, channel: unknown) => void) => {
    const channel = Object.assign(new EventEmitter(), {
      stderr: { resume: () => {} },
      end: () => {
        channel.emit('data', Buffer.from(`${lines.join('\n')}\n`));
        channel.emit('close');
      },
    });
    done(undefined, channel);
  };
  return { exec } as unknown as Client;
}

test('a login shell that reads lines as POSIX says is known by its name', async () => {
  expect(await loginShellOf(answering('-bash', '1000', 'en_US.UTF-8'))).toEqual({
    posix: true,
    name: '-bash',
    root: false,
  });
  expect(await loginShellOf(answering('/bin/dash', '0', ''))).toEqual({
    posix: true,
    name: 'dash',
    root: true,
  });
});

test.each([
  ['fish', 'en_US.UTF-8'],
  ['sh ksh', 'C'],
  ['/bin/zsh zsh', 'C'],
  ['bash', 'zh_CN.GBK'],
  ['bash', 'zh_TW'],
  ['bash', 'ja_JP.SJIS'],
])('lines for %s in the locale %s are not read as the gateway reads them', async (shell, locale) => {
  expect((await loginShellOf(answering(shell, '1000', locale))).posix).toBe(false);
});

test('neither is a target that does not answer', async () => {
  expect((await loginShellOf(answering(''))).posix).toBe(false);
});

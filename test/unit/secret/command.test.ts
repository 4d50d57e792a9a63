import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readFromCommand, splitCommand } from '../../../src/secret/command.ts';

const ENVIRONMENT = { PATH: process.env.PATH, HOME: '/nowhere', HOOPCTL_TOKEN: 'hpt_secret' };

/** A command that runs a program written in JavaScript. */
function script(code: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'hoopctl-command-')), 'script.mjs');
  writeFileSync(path, code);
  return `"${process.execPath}" "${path}"`;
}

describe('splitCommand', () => {
  test.each([
    ['vault read x', ['vault', 'read', 'x']],
    ['  a \t b\n', ['a', 'b']],
    [`a 'b c' "d e"`, ['a', 'b c', 'd e']],
    [`a "b\\"c" 'd\\'`, ['a', 'b"c', 'd\\']],
    [`a b\\ c ''`, ['a', 'b c', '']],
    [`a"b"'c'`, ['abc']],
    [`a '$HOME|x' "y;z"`, ['a', '$HOME|x', 'y;z']],
  ])('%j', (command, words) => {
    expect(splitCommand(command)).toEqual(words);
  });

  test.each([
    'a | b',
    'a; b',
    'a && b',
    'a > f',
    'a $HOME',
    'a `b`',
    'a $(b)',
    'a *',
    '~/x',
    "a 'b",
    'a "b',
    'a \\',
    '',
    ' ',
  ])('refuses what only a shell would understand, and what is unbalanced: %j', (command) => {
    expect(() => splitCommand(command)).toThrow(expect.objectContaining({ code: 'bad_secret_reference' }));
  });

  test('gives back any words that were quoted', () => {
    const words = fc.array(fc.string(), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(words, (list) => {
        const quoted = list.map((word) => `'${word.replaceAll("'", `'"'"'`)}'`).join(' ');
        expect(splitCommand(quoted)).toEqual(list);
      }),
    );
  });
});

describe('a secret from a command', () => {
  test('is what it prints, without the last newline', async () => {
    expect(await readFromCommand(script(`process.stdout.write(' pass word\\n\\n')`), ENVIRONMENT)).toBe(
      ' pass word\n',
    );
  });

  test('is asked for in a clean environment and without input', async () => {
    const code = `
      import { readFileSync } from 'node:fs';
      const names = Object.keys(process.env).filter((n) => n !== '__CF_USER_TEXT_ENCODING').sort();
      process.stdout.write(JSON.stringify([names, readFileSync(0, 'utf8')]));`;
    expect(JSON.parse(await readFromCommand(script(code), ENVIRONMENT))).toEqual([['HOME', 'PATH'], '']);
  });

  test('is cut off when the command does not end', async () => {
    const error = await readFromCommand(script('setInterval(() => {}, 1000)'), ENVIRONMENT, 300).catch(
      (e) => e,
    );
    expect(error).toMatchObject({ kind: 'internal', code: 'secret_unreadable' });
    expect(error.message).toContain('did not end in time');
  });

  test('is refused when it is larger than 64 KiB', async () => {
    const error = await readFromCommand(script(`process.stdout.write('x'.repeat(70000))`), ENVIRONMENT).catch(
      (e) => e,
    );
    expect(error.message).toContain('more than 64 KiB');
  });

  test('that fails tells its exit code and nothing it printed', async () => {
    const code = `process.stdout.write('top-secret'); process.stderr.write('top-secret'); process.exitCode = 3;`;
    const error = await readFromCommand(script(code), ENVIRONMENT).catch((e) => e);
    expect(error.message).toContain('exit code 3');
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('top-secret');
  });

  test('of a program that does not exist says so', async () => {
    await expect(readFromCommand('/nonexistent/program', ENVIRONMENT)).rejects.toThrow('ENOENT');
  });

  test('that is empty is missing', async () => {
    await expect(readFromCommand(script(''), ENVIRONMENT)).rejects.toMatchObject({ code: 'secret_missing' });
  });
});

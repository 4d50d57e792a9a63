import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { HoopError } from '../../../src/base/errors.ts';
import { parseConnection, urlOf } from '../../../src/protocols/ssh/connection.ts';
import { knownOf } from '../../../src/protocols/ssh/host-trust/known-hosts.ts';
import { SshKeys } from '../../servers/ssh-certificates.ts';

const keys = new SshKeys();
afterAll(() => keys.remove());

const one = keys.make('one');
const two = keys.make('two');
const three = keys.make('three');
const line = (path: string) => keys.line(path);
const pinned = (path: string) => `ssh-ed25519/${keys.fingerprint(path)}`;

describe('a known_hosts file', () => {
  test('knows a host by its name, in any case, among other names', () => {
    const text = `# office\n\nweb-1,10.0.0.7 ${line(one)} deploy\nweb-2 ${line(two)}\n`;
    expect(knownOf(text, 'WEB-1', 22).keys).toEqual([pinned(one)]);
    expect(knownOf(text, '10.0.0.7', 22).keys).toEqual([pinned(one)]);
    expect(knownOf(text, 'web-3', 22).keys).toEqual([]);
  });

  test('knows a host at a port by [host]:port, and without one by its name', () => {
    const text = `[web-1]:2222 ${line(one)}\nweb-1 ${line(two)}\n`;
    expect(knownOf(text, 'web-1', 2222).keys).toEqual([pinned(one)]);
    expect(knownOf(text, 'web-1', 2200).keys).toEqual([pinned(two)]);
    expect(knownOf(text, 'web-1', 22).keys).toEqual([pinned(two)]);
  });

  test('knows a host by hashed names as ssh-keygen makes them', () => {
    const file = join(keys.directory, 'hashed');
    writeFileSync(file, `web-1 ${line(one)}\n[web-2]:2222 ${line(two)}\n`);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain('web-1');
    expect(knownOf(text, 'web-1', 22).keys).toEqual([pinned(one)]);
    expect(knownOf(text, 'web-2', 2222).keys).toEqual([pinned(two)]);
    expect(knownOf(text, 'web-3', 22).keys).toEqual([]);
  });

  test('knows hosts by patterns, and not by those that are negated', () => {
    const text = `*.internal,!db-?.internal ${line(one)}\n`;
    expect(knownOf(text, 'web-1.internal', 22).keys).toEqual([pinned(one)]);
    expect(knownOf(text, 'db-1.internal', 22).keys).toEqual([]);
    expect(knownOf(text, 'internal', 22).keys).toEqual([]);
  });

  test('tells authorities and revoked keys apart from keys', () => {
    const text = `@cert-authority *.internal ${line(one)}\n@revoked * ${line(two)}\nweb-1.internal ${line(three)}\n`;
    expect(knownOf(text, 'web-1.internal', 22)).toEqual({
      keys: [pinned(three)],
      authorities: [line(one)],
      revoked: [keys.fingerprint(two)],
    });
  });

  test('with a marker or a revoked key that cannot be read is an error with its line', () => {
    for (const bad of [`@revok web-1 ${line(one)}`, '@revoked web-1 ssh-dss AAAA', '@revoked web-1']) {
      expect(() => knownOf(`web-1 ${line(one)}\n${bad}\n`, 'web-1', 22)).toThrow(/line 2/);
    }
  });

  test('says nothing by lines of old or unknown keys', () => {
    const text = `web-1 ssh-dss AAAAB3NzaC1kc3M=\nweb-1 ssh-ed25519 nonsense!\nweb-1 ${line(one)}\n`;
    expect(knownOf(text, 'web-1', 22).keys).toEqual([pinned(one)]);
  });

  test('of any text gives no key that stands in no line of it', () => {
    const words = fc.constantFrom(
      'web-1',
      '*',
      '!web-1',
      '|1|AA==|AA==',
      '@revoked',
      line(one),
      '#',
      '\n',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string())), (parts) => {
        try {
          const { keys: found } = knownOf(parts.join(' '), 'web-1', 22);
          expect(found.every((key) => key === pinned(one))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(HoopError);
        }
      }),
    );
  });
});

describe('the URL of a connection', () => {
  test('keeps what a known_hosts file said, so that it can be given again', () => {
    const text = `web-1 ${line(one)}\n@cert-authority * ${line(two)}\n@revoked * ${line(three)}\n`;
    const { settings } = parseConnection('ssh://deploy@web-1?jump=bastion&hostkeyalias=web-1', text);
    expect(settings).toMatchObject({
      hostKeys: [pinned(one)],
      hostAuthorities: [line(two)],
      jump: 'bastion',
    });
    expect(parseConnection(urlOf(settings)).settings).toEqual(settings);
    const formEncoded = new URL(urlOf(settings));
    formEncoded.searchParams.set('jump', 'bastion');
    expect(parseConnection(formEncoded.toString()).settings).toEqual(settings);
  });

  test('is refused with a file that does not know the host', () => {
    expect(() => parseConnection('ssh://deploy@web-9', `web-1 ${line(one)}\n`)).toThrow(
      /says nothing of web-9/,
    );
  });

  test('is refused with an authority that cannot sign', () => {
    expect(() => parseConnection('ssh://d@web-1?hostca=ssh-ed25519%20AAAAC3NzaC1lZDI1NTE5')).toThrow(
      /not an SSH URL/,
    );
  });
});

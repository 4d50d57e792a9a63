import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** Floors of the house; a room imports from its own floor or from below. */
const FLOORS: readonly (readonly string[])[] = [
  ['base', 'network'],
  [
    'policy',
    'sql',
    'shell',
    'masking',
    'approval',
    'recording',
    'audit',
    'identity',
    'journal',
    'secret',
    'store',
  ],
  ['session', 'protocols'],
  ['daemon'],
  ['api', 'login'],
  ['cli', 'demo'],
];

/** The contract stands on the daemon's floor too, since both sides are checked against it; its client does not. */
const inContract = (file: string) => file.startsWith('api/') && !/client/.test(basename(file));

/** Longer than this and a file has more than one idea. */
const MAX_LINES = 340;

interface Import {
  readonly from: string;
  readonly to: string;
}

function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

const files = sourceFiles(SRC);
const text = (file: string) => readFileSync(join(SRC, file), 'utf8');
const code = (file: string) => text(file).replaceAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '');
const roomOf = (file: string) => file.split('/')[0] ?? '';
const floorOf = (file: string) => FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));

/** Relative imports, static and dynamic, types included: a type pulls a room's words along as code does. */
function importsOf(file: string): Import[] {
  const specifiers = [...text(file).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)].map(
    (match) => match[1] ?? '',
  );
  return specifiers.map((specifier) => ({
    from: file,
    to: relative(SRC, join(SRC, dirname(file), specifier))
      .split(sep)
      .join('/'),
  }));
}

const imports = files.flatMap(importsOf);
const show = ({ from, to }: Import) => `${from} -> ${to}`;

describe('the house', () => {
  test('every room has a floor', () => {
    expect([...new Set(files.map(roomOf))].filter((room) => floorOf(`${room}/`) < 0)).toEqual([]);
  });

  test('imports go down or stay on their floor', () => {
    const upward = imports.filter(({ from, to }) => floorOf(to) > floorOf(from) && !inContract(to));
    expect(upward.map(show)).toEqual([]);
  });

  test('the CLI and the demo know only the contract, signing in and what all floors need', () => {
    const allowed = ['api', 'base', 'login', 'cli', 'demo'];
    const reaching = imports.filter(({ from, to }) => floorOf(from) === 5 && !allowed.includes(roomOf(to)));
    expect(reaching.map(show)).toEqual([]);
  });

  test('no protocol imports another', () => {
    const protocolOf = (file: string) => /^protocols\/([^/]+)\//.exec(file)?.[1];
    const crossing = imports.filter(({ from, to }) => {
      const [mine, theirs] = [protocolOf(from), protocolOf(to)];
      return mine !== undefined && theirs !== undefined && mine !== theirs;
    });
    expect(crossing.map(show)).toEqual([]);
  });

  test('a protocol is known by its folder and the registry only', () => {
    const reaching = imports.filter(
      ({ from, to }) => /^protocols\/[^/]+\//.test(to) && roomOf(from) !== 'protocols',
    );
    expect(reaching.map(show)).toEqual([]);
  });

  test('SQLite is spoken in its room only', () => {
    const speaking = files.filter(
      (file) => !file.startsWith('store/sqlite/') && /node:sqlite|\bPRAGMA\b/.test(text(file)),
    );
    expect(speaking).toEqual([]);
    const constructing = imports.filter(
      ({ from, to }) => to.startsWith('store/sqlite/') && !from.startsWith('store/sqlite/'),
    );
    expect(
      [...new Set(constructing.map(({ from }) => roomOf(from)))].filter((room) => room !== 'daemon'),
    ).toEqual([]);
  });

  test('the pure rooms touch neither network, nor files, nor the clock', () => {
    const pure = ['policy', 'masking', 'approval', 'sql', 'shell'];
    const impure = files.filter(
      (file) =>
        pure.includes(roomOf(file)) &&
        /from 'node:(fs|net|tls|http|https|child_process)|\bDate\.now\(/.test(text(file)),
    );
    expect(impure).toEqual([]);
  });
});

describe('the door to the target', () => {
  const importing = (word: string) =>
    files.filter((file) => new RegExp(`import \\{[^}]*\\b${word}\\b`).test(code(file)));

  test('keys are cut by the desk alone', () => {
    expect(importing('cutKey').filter((file) => roomOf(file) !== 'session')).toEqual([]);
  });

  test('keys are spent at doors alone', () => {
    expect(importing('spend').filter((file) => basename(file) !== 'door.ts')).toEqual([]);
  });
});

describe('files', () => {
  test(`hold at most ${MAX_LINES} lines`, () => {
    const long = files
      .map((file) => ({ file, lines: text(file).split('\n').length }))
      .filter(({ lines }) => lines > MAX_LINES);
    expect(long).toEqual([]);
  });

  test('are named after what they hold', () => {
    const drawers = /^(utils?|helpers?|common|misc|managers?|.*-(utils?|helpers?|manager))$/i;
    const named = files.filter((file) => file.split('/').some((part) => drawers.test(basename(part, '.ts'))));
    expect(named).toEqual([]);
  });

  test('have no default exports', () => {
    expect(files.filter((file) => /^export default\b/m.test(text(file)))).toEqual([]);
  });

  test('silence neither the compiler nor the linter', () => {
    expect(files.filter((file) => /@ts-(ignore|expect-error|nocheck)|biome-ignore/.test(text(file)))).toEqual(
      [],
    );
  });

  test('print nothing by the console', () => {
    expect(files.filter((file) => /\bconsole\.(log|error|warn|info)\(/.test(text(file)))).toEqual([]);
  });
});

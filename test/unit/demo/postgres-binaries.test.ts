import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findPostgres, runnableBin } from '../../../src/demo/postgres-binaries.ts';

let dir: string;
let bin: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hoopctl-programs-'));
  chmodSync(dir, 0o755);
  bin = join(dir, 'package', 'native', 'bin');
  mkdirSync(bin, { recursive: true });
  mkdirSync(join(dir, 'package', 'native', 'lib'));
  writeFileSync(join(bin, 'postgres'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(dir, 'package', 'native', 'lib', 'libpq.so.5.18'), 'the library');
  writeFileSync(
    join(dir, 'package', 'native', 'pg-symlinks.json'),
    JSON.stringify([{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]),
  );
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const link = () => symlinkSync('libpq.so.5.18', join(dir, 'package', 'native', 'lib', 'libpq.so.5'));
const spare = () => join(dir, 'spare');

test('a whole package runs where it is', () => {
  link();
  expect(runnableBin({ flavour: 'embedded', bin }, spare(), true)).toBe(bin);
});

test('a package without its library links runs from a copy that has them', () => {
  const copy = runnableBin({ flavour: 'embedded', bin }, spare(), false);
  expect(copy).toBe(join(spare(), 'native', 'bin'));
  expect(readFileSync(join(spare(), 'native', 'lib', 'libpq.so.5'), 'utf8')).toBe('the library');
});

test('a package in a directory that only its owner enters is copied for another user', () => {
  link();
  chmodSync(join(dir, 'package'), 0o700);
  expect(runnableBin({ flavour: 'embedded', bin }, spare(), false)).toBe(bin);
  expect(runnableBin({ flavour: 'embedded', bin }, spare(), true)).toBe(join(spare(), 'native', 'bin'));
});

test('programs that lost their mode get it back in the copy', () => {
  link();
  chmodSync(join(bin, 'postgres'), 0o644);
  const copy = runnableBin({ flavour: 'embedded', bin }, spare(), false);
  expect(statSync(join(copy, 'postgres')).mode & 0o111).toBe(0o111);
});

test('a machine without a server is told what to install', () => {
  expect(() => findPostgres([])).toThrowError(expect.objectContaining({ code: 'no_postgres_server' }));
});

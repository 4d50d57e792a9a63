import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Key, KeyReader } from '../../../../src/shell/line/keys.ts';

function keysOf(...pieces: readonly (string | Buffer)[]): readonly Key[] {
  const reader = new KeyReader();
  return pieces.flatMap((piece) => [...reader.read(Buffer.from(piece as string))]);
}
/** Texts that stand side by side are one. */
function joined(keys: readonly Key[]): readonly Key[] {
  const all: Key[] = [];
  for (const key of keys) {
    const last = all.at(-1);
    if (key.kind === 'text' && last?.kind === 'text') {
      all[all.length - 1] = { kind: 'text', text: last.text + key.text };
    } else all.push(key);
  }
  return all;
}
const named = (name: string) => ({ kind: 'named', name });

test('text, control characters and the sequences of cursor keys are told apart', () => {
  expect(keysOf('ls\x01\x1b[A\x1bOB\x1b[3~é世\r')).toEqual([
    { kind: 'text', text: 'ls' },
    named('home'),
    named('up'),
    named('down'),
    named('delete'),
    { kind: 'text', text: 'é世' },
    named('enter'),
  ]);
});

test.each([
  ['the cursor position', '\x1b[24;80R'],
  ['a device name', '\x1b[?62;22c'],
  ['a colour', '\x1b]11;rgb:0000/0000/0000\x07'],
  ['a colour with ST', '\x1b]11;rgb:0000/0000/0000\x1b\\'],
  ['a setting that holds a line', '\x1bP1$r0m;rm -rf x\r\x1b\\'],
  ['a title that holds a line', '\x1b]lrm -rf x\n\x1b\\'],
])("a terminal's answer of %s is no text and no Enter", (_what, answer) => {
  const keys = keysOf(`a${answer}b`);
  expect(keys.filter(({ kind }) => kind === 'text')).toEqual([
    { kind: 'text', text: 'a' },
    { kind: 'text', text: 'b' },
  ]);
  expect(keys).not.toContainEqual(named('enter'));
});

test('what is pasted is one key, its line ends no Enter and its control characters left out', () => {
  expect(keysOf('\x1b[200~a\r\nb\tc\x1b[31m\x03\x16d\x1b[201~\r')).toEqual([
    { kind: 'paste', text: 'a\nb\tc[31md' },
    named('enter'),
  ]);
});

test('a paste of any length ends where it ends, and little of it is kept', () => {
  const keys = keysOf(`\x1b[200~${'x'.repeat(300_000)}\x1b[201~y`);
  expect(keys[0]).toMatchObject({ kind: 'paste' });
  expect(keys[0]?.kind === 'paste' && keys[0].text.length).toBeLessThan(66_000);
  expect(keys[1]).toEqual({ kind: 'text', text: 'y' });
});

test('Ctrl-C gets out of a sequence that never ends', () => {
  expect(keysOf('\x1b]0;x', '\x03')).toEqual([named('interrupt')]);
});

test('the same bytes give the same keys, wherever they are cut', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .array(
        fc.constantFrom('ls ', '\x1b[', 'A', '\x1b[200~', '\x1b[201~', '\r', '\x1b]', '\x07', 'é', '\x03'),
      )
      .map((parts) => Buffer.from(parts.join(''))),
  );
  fc.assert(
    fc.property(bytes, fc.nat(60), (all, at) => {
      const whole = joined(keysOf(Buffer.from(all)));
      const cut = joined(keysOf(Buffer.from(all.subarray(0, at)), Buffer.from(all.subarray(at))));
      expect(cut).toEqual(whole);
      for (const key of whole) {
        if (key.kind === 'text') expect(key.text).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
      }
    }),
  );
});

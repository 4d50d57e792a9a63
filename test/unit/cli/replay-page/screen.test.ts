import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Screen } from '../../../../src/cli/replay-page/screen.ts';
import { KeyReader } from '../../../../src/shell/line/keys.ts';
import { LineEditor } from '../../../../src/shell/line/line-editor.ts';

const lines = (screen: Screen) =>
  screen
    .text()
    .split('\n')
    .map((line) => line.trimEnd());

test.each([
  ['lines and returns', 'one\r\ntwo\rT', ['one', 'Two', '']],
  ['a full row', 'abcdefghij', ['abcdefghij', '', '']],
  ['wrapping', 'abcdefghijk', ['abcdefghij', 'k', '']],
  ['scrolling', '1\r\n2\r\n3\r\n4', ['2', '3', '4']],
  ['cursor and erasing', 'abc\x1b[2;3Hx\x1b[A\x1b[K', ['abc', '  x', '']],
  ['wide characters', '世界x\x1b[1;3Hy', ['世y x', '', '']],
  ['insertion and deletion', 'abcd\x1b[1;2H\x1b[2@XY\x1b[P', ['aXYcd', '', '']],
  ['a region', '\x1b[1;2r1\r\n2\r\n3\x1b[3;1Hend', ['2', '3', 'end']],
  ['the other screen', 'main\x1b[?1049hother\x1b[?1049l!', ['main!', '', '']],
  ['line drawing', '\x1b(0lqk\x1b(Bq', ['┌─┐q', '', '']],
  ['strings left out', 'a\x1b]0;title\x07b\x1bP1$r0m\x1b\\c', ['abc', '', '']],
])('%s', (_what, bytes, expected) => {
  const screen = new Screen(10, 3);
  screen.write(bytes);
  expect(lines(screen)).toEqual(expected);
});

test('it shows what tmux shows', () => {
  // Behind a full row, and behind IL and DL, terminals differ in where the cursor is: the samples say it.
  const moves = [
    ...[
      '\n',
      '\b',
      '\t',
      '\x1b[A',
      '\x1b[B',
      '\x1b[3C',
      '\x1b[2D',
      '\x1b[H',
      '\x1b[2;5H',
      '\x1b[K',
      '\x1b[1K',
    ],
    ...[
      '\x1b[2K',
      '\x1b[J',
      '\x1b[1J',
      '\x1b[L\r',
      '\x1b[M\r',
      '\x1b[2P',
      '\x1b[2@',
      '\x1b[3X',
      '\x1b[S',
      '\x1b[T',
    ],
    ...['\x1b[2;4r', '\x1b[r', '\x1bM', '\x1bD', '\x1bE', '\x1b7', '\x1b8', '\x1b[4G', '\x1b[3d'],
  ].map((move) => `\x1b[5G${move}`);
  const parts = [...moves, 'abc', 'x', ' ', '\r\n', '\r', 'é', '世', 'long text that wraps over the margin'];
  const samples = fc.sample(fc.array(fc.constantFrom(...parts), { minLength: 5, maxLength: 40 }), {
    numRuns: 25,
    seed: 7,
  });
  const directory = mkdtempSync(join(tmpdir(), 'screen-'));
  const tmux = (...args: string[]) =>
    execFileSync('tmux', ['-S', join(directory, 'socket'), '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', TERM: 'xterm' },
    });
  try {
    for (const [index, sample] of samples.entries()) {
      const file = join(directory, `${index}`);
      writeFileSync(file, sample.join(''));
      // Raw, so that a line feed is one; the channel tells when all has been shown.
      const show = `stty raw -echo; cat ${file}; tmux -S ${join(directory, 'socket')} wait-for -S d${index}; sleep 60`;
      tmux('new-session', '-d', '-s', `s${index}`, '-x', '20', '-y', '6', show);
      tmux('set', '-t', `s${index}`, 'status', 'off');
      tmux('wait-for', `d${index}`);
      const expected = tmux('capture-pane', '-p', '-t', `s${index}`).split('\n').slice(0, 6);
      const screen = new Screen(20, expected.length);
      screen.write(sample.join(''));
      expect({ sample: JSON.stringify(sample), lines: lines(screen) }).toEqual({
        sample: JSON.stringify(sample),
        lines: expected.map((line) => line.trimEnd()),
      });
    }
  } finally {
    // The server that was started above, by its own socket.
    tmux('kill-server');
    rmSync(directory, { recursive: true, force: true });
  }
}, 60_000);

test('any bytes leave a screen of its size, and little is kept', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.constantFrom('\x1b[', '9999', 'L', '@', '\x1b[?1049h', '\x1b['),
        ),
      ),
      (pieces) => {
        const screen = new Screen(12, 5);
        for (const piece of pieces) screen.write(piece);
        screen.resize(7, 3);
        screen.write('\x1b[999;999Hx');
        expect(screen.text().split('\n').length).toBe(3);
        for (let row = 0; row < 3; row++) {
          expect(screen.runs(row).reduce((sum, run) => sum + [...run.text].length, 0)).toBeLessThanOrEqual(
            7 * 6,
          );
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('the line editor of gated shells shows the prompt and the line, whatever was typed', () => {
  const typed = fc.constantFrom(
    ...[
      'a',
      'bc ',
      'é',
      '世',
      '界',
      'word word',
      '\x1b[D',
      '\x1b[C',
      '\x7f',
      '\x01',
      '\x05',
      '\x17',
      '\x1b[3~',
      '\x19',
    ],
  );
  fc.assert(
    fc.property(fc.array(typed, { maxLength: 50 }), fc.integer({ min: 2, max: 6 }), (keys, each) => {
      const screen = new Screen(20, 30);
      const reader = new KeyReader();
      const editor = new LineEditor(20, (text) => screen.write(text));
      editor.begin('web-1:~$ ');
      for (let from = 0; from < keys.length; from += each) {
        for (const key of reader.read(Buffer.from(keys.slice(from, from + each).join('')))) editor.take(key);
        editor.flush();
      }
      const shown = screen.text().split('\n').join('').trimEnd();
      const event = [...reader.read(Buffer.from('\r'))].map((key) => editor.take(key))[0];
      const line = event?.kind === 'line' ? event.text : '';
      // Blanks at the end of a row, where a wide character did not fit, are no part of the line.
      expect(shown.replaceAll(' ', '')).toBe(`web-1:~$ ${line}`.replaceAll(' ', ''));
    }),
  );
});

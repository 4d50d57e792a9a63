import { expect, test } from 'vitest';
import { KeyReader } from '../../../../src/shell/line/keys.ts';
import { LineEditor, type LineEvent } from '../../../../src/shell/line/line-editor.ts';

class Desk {
  shown = '';
  readonly editor = new LineEditor(40, (text) => {
    this.shown += text;
  });
  readonly keys = new KeyReader();
  readonly events: LineEvent[] = [];

  constructor() {
    this.editor.begin('$ ');
  }

  type(text: string): LineEvent | undefined {
    let last: LineEvent | undefined;
    for (const key of this.keys.read(Buffer.from(text))) last = this.editor.take(key) ?? last;
    return last;
  }
}
const line = (text: string) => ({ kind: 'line', text });

test.each([
  ['ls -l\r', 'ls -l'],
  ['ls\n', 'ls'],
  ['sl\x1b[D\x1b[D\x1b[3~\x1b[Cs\r', 'ls'],
  ['rm x\x15ls\r', 'ls'],
  ['echo one two\x17three\r', 'echo one three'],
  ['echo one\x17\x19 \x19\r', 'echo one one'],
  ['ho x\x01ec\x05y\r', 'echo xy'],
  ['echo ab\x02\x0b\r', 'echo a'],
  ['ab\x7f\x7f\x7fls\r', 'ls'],
  ['ls\x16\r', 'ls'],
  ["echo 'a\rb'\r", "echo 'a\nb'"],
  ['echo a \\\rb\r', 'echo a \\\nb'],
  ['cat <<E\rrm x\rE\r', 'cat <<E\nrm x\nE'],
  ['echo \u202e\u200bx\r', 'echo \u202e\u200bx'],
])('%j enters %j', (typed, entered) => {
  expect(new Desk().type(typed)).toEqual(line(entered));
});

test('the arrow keys bring back lines as they were entered, and the one being typed', () => {
  const desk = new Desk();
  desk.type('one\r');
  desk.editor.begin('$ ');
  desk.type('two\r');
  desk.editor.begin('$ ');
  expect(desk.type('thr\x1b[A\x1b[A\x1b[B\x1b[Bee\r')).toEqual(line('three'));
  desk.editor.begin('$ ');
  expect(desk.type('\x1b[A\x1b[A\x1b[A!\r')).toEqual(line('one!'));
});

test('Ctrl-C gives a line up; Ctrl-D ends where the line is empty and deletes where it is not', () => {
  expect(new Desk().type('rm x\x03')).toEqual({ kind: 'interrupt' });
  expect(new Desk().type('\x04')).toEqual({ kind: 'end' });
  expect(new Desk().type('als\x01\x04\r')).toEqual(line('ls'));
});

test('characters that a terminal would not show are shown as escapes', () => {
  const desk = new Desk();
  desk.type('rm \u202etxt.x\u200b');
  expect(desk.shown).toContain('rm \\u{202E}txt.x\\u{200B}');
});

test('a line that only grows is refused at a length, and keys that move through it stay cheap', () => {
  const desk = new Desk();
  desk.type('x'.repeat(16_000));
  desk.type('y'.repeat(1000));
  const event = desk.type('\r');
  expect(event?.kind === 'line' && event.text.length).toBe(16_000);
});

test('Ctrl-R finds an older line by what is in it, once more the one before, and Enter runs what is shown', () => {
  const desk = new Desk();
  for (const text of ['cat one', 'ls', 'cat two', 'df']) {
    desk.type(`${text}\r`);
    desk.editor.begin('$ ');
  }
  desk.type('\x12cat');
  desk.editor.flush();
  expect(desk.shown).toContain("(reverse-i-search)'cat': cat two");
  expect(desk.type('\x12\r')).toEqual(line('cat one'));
  desk.editor.begin('$ ');
  expect(desk.type('mine\x12cat\x07!\r')).toEqual(line('mine!'));
  desk.editor.begin('$ ');
  expect(desk.type('\x12wo\x01# \r')).toEqual(line('# cat two'));
});

test('Tab asks what completes the text before the cursor, and writes that there or shows what could', () => {
  const desk = new Desk();
  expect(desk.type('cat a b\x1b[D\x1b[D\t')).toEqual({ kind: 'complete', before: 'cat a' });
  desk.editor.completed({ text: 'bc', choices: [] });
  expect(desk.type('\r')).toEqual(line('cat abc b'));
  desk.editor.begin('$ ');
  desk.type('cat \t');
  desk.editor.completed({ text: '', choices: ['one', 'two\u202e'] });
  expect(desk.shown).toContain('one');
  expect(desk.shown).not.toContain('\u202e');
  expect(desk.type('\r')).toEqual(line('cat '));
});

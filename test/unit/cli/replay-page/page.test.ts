import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ReplayEvent, SessionView } from '../../../../src/api/schemas.ts';
import { ReplayPage } from '../../../../src/cli/replay-page/page.ts';
import { sessionSample } from '../samples.ts';

function pageOf(events: readonly ReplayEvent[], changes: Partial<SessionView> = {}): string {
  let html = '';
  const page = new ReplayPage(sessionSample(changes), (piece) => {
    html += piece;
  });
  page.begin();
  for (const event of events) page.take(event);
  page.end();
  return html;
}

/** Texts that would do something if they were markup, code or the end of either. */
const HOSTILE = [
  '<script>alert(1)</script>',
  '</script><script>alert(1)</script>',
  '<!--<script>',
  ']]>',
  '"><img src=x onerror=alert(1)>',
  "' onload='alert(1)",
  '</pre></li></ol><iframe src=//x>',
  '</style><style>*{background:url(//x)}',
  '&lt;&#x3c;',
  'javascript:alert(1)',
  '\u2028\u2029\0\x1b]8;;javascript:alert(1)\x07x\x1b]8;;\x07',
  '\x1b[38;2;1;2;3m<b>\x1b[0m',
  '`$' + '{alert(1)}`',
  '\ud800',
];
const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 20 }));
const at = fc.nat(100_000);
const maybe = fc.option(text);
const event: fc.Arbitrary<ReplayEvent> = fc.oneof(
  fc.record({
    type: fc.constant('statement'),
    at,
    text,
    parameters: fc.array(maybe),
    decision: text,
    rule: maybe,
    effects: fc.array(text),
  }),
  fc.record({
    type: fc.constant('columns'),
    at,
    names: fc.array(text),
    rightAligned: fc.array(fc.boolean()),
  }),
  fc.record({ type: fc.constant('row'), at, values: fc.array(maybe) }),
  fc.record({ type: fc.constant('copy'), at, direction: fc.constant('out'), data: text }),
  fc.record({ type: fc.constant('complete'), at, tag: text }),
  fc.record({ type: fc.constant('notice'), at, severity: text, message: text, detail: maybe, hint: maybe }),
  fc.record({
    type: fc.constant('error'),
    at,
    severity: text,
    sqlstate: text,
    message: text,
    detail: maybe,
    hint: maybe,
  }),
  fc.record({ type: fc.constant('notification'), at, channel: text, payload: text }),
  fc.record({ type: fc.constant('approval'), at, id: text, status: text, by: maybe, reason: maybe }),
  fc.record({
    type: fc.constant('bytes'),
    at,
    channel: fc.nat(2),
    stream: fc.constantFrom('input', 'output', 'error'),
    base64: fc.oneof(
      text.map((one) => Buffer.from(one).toString('base64')),
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    ),
  }),
  fc.record({ type: fc.constant('size'), at, channel: fc.nat(2), columns: fc.nat(300), rows: fc.nat(100) }),
  fc.record({ type: fc.constant('exit'), at, channel: fc.nat(2), code: fc.constant(null), signal: text }),
  fc.record({
    type: fc.constant('file'),
    at,
    channel: fc.nat(2),
    path: text,
    direction: fc.constant('read'),
    bytes: at,
    sha256: maybe,
  }),
  fc.record({ type: fc.constant('note'), at, message: text }),
  fc.record({ type: fc.constant('end'), at, reason: text }),
) as fc.Arbitrary<ReplayEvent>;

const asset = (name: string) =>
  readFileSync(new URL(`../../../../src/cli/replay-page/assets/${name}`, import.meta.url), 'utf8');

/** All markup that a page may hold besides its own style and player. */
const OWN =
  /<!doctype html>|<\/?(html|head|body|header|h1|p|ol|li|pre|table|tr|th|td|time|div|span|button|input|select|option|title|meta)((?: (?:lang|charset|http-equiv|content|name|class|data-at|data-terminal|id|type|min|max|step|value|aria-label)="[^"<>]*"| hidden)*)>/g;

test('nothing that was recorded becomes markup, whatever it is', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 25 }), text, (events, name) => {
      const html = pageOf(events, { connection: name, identity: name, id: name });
      const bare = html
        .replace(`<style>${asset('page.css')}</style>`, '')
        .replace(`<script>${asset('player.js')}</script>`, '');
      const data = /<script type="application\/json" id="frames">([^<>&]*)<\/script>/.exec(bare);
      expect(() => JSON.parse(data?.[1] ?? '')).not.toThrow();
      const rest = bare.replace(data?.[0] ?? '', '').replace(OWN, '');
      expect(rest).not.toMatch(/[<>]/);
      // Attributes hold our own words and numbers only.
      for (const [, , attributes] of bare.matchAll(OWN))
        expect(attributes ?? '').not.toMatch(/alert|onerror|javascript/);
    }),
    { numRuns: 300 },
  );
});

test('only its own player and style can run, and nothing is fetched', () => {
  const html = pageOf([]);
  const digest = (name: string) => createHash('sha256').update(asset(name)).digest('base64');
  expect(html).toContain(
    `content="default-src 'none'; script-src 'sha256-${digest('player.js')}'; style-src 'sha256-${digest('page.css')}'; base-uri 'none'; form-action 'none'"`,
  );
  expect(html).not.toMatch(/https?:|src=|href=|url\(/);
  expect(asset('player.js')).not.toMatch(
    /innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function|fetch|XMLHttp|import|setAttribute|cssText/,
  );
});

test('a terminal is shown as pictures, the rest as tables and text', () => {
  const html = pageOf([
    {
      type: 'statement',
      at: 0,
      text: 'select 1',
      parameters: ['x', null],
      decision: 'block',
      rule: 'no',
      effects: ['read: t'],
    },
    { type: 'columns', at: 1, names: ['id'], rightAligned: [true] },
    { type: 'row', at: 1, values: ['7'] },
    { type: 'row', at: 1, values: [null] },
    { type: 'complete', at: 2, tag: 'SELECT 2' },
    { type: 'size', at: 10, channel: 1, columns: 10, rows: 3 },
    {
      type: 'bytes',
      at: 20,
      channel: 1,
      stream: 'output',
      base64: Buffer.from('\x1b[31mred\x1b[m').toString('base64'),
    },
    {
      type: 'bytes',
      at: 500,
      channel: 1,
      stream: 'output',
      base64: Buffer.from('\r\nnext').toString('base64'),
    },
    {
      type: 'bytes',
      at: 600,
      channel: 1,
      stream: 'input',
      base64: Buffer.from('hunter2').toString('base64'),
    },
    {
      type: 'bytes',
      at: 700,
      channel: 2,
      stream: 'output',
      base64: Buffer.from('plain\n').toString('base64'),
    },
  ]);
  expect(html).toContain('<td class="right">7</td>');
  expect(html).toContain('<td class="null">NULL</td>');
  expect(html).toContain('<pre>plain\n</pre>');
  expect(html).not.toContain('hunter2');
  const frames = JSON.parse(/id="frames">([^<]*)</.exec(html)?.[1] ?? '');
  expect(frames).toEqual({
    1: [
      [
        10,
        3,
        [
          [0, [['red', { foreground: 1 }]]],
          [1, []],
          [2, []],
        ],
      ],
      [500, 3, [[1, [['next']]]]],
    ],
  });
});

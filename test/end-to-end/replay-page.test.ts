import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { ReplayEvent } from '../../src/api/schemas.ts';
import { ReplayPage } from '../../src/cli/replay-page/page.ts';
import { sessionSample } from '../unit/cli/samples.ts';

/** The page in a real browser, where one is installed; what it is made of has its tests in unit/cli/replay-page. */
const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const directory = mkdtempSync(join(tmpdir(), 'page-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Sets the page's title when it runs as code. */
const code = (name: string) => `</script><script>document.title="${name}"</script>`;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const EVENTS: readonly ReplayEvent[] = [
  {
    type: 'statement',
    at: 0,
    text: code('ran-statement'),
    parameters: [],
    decision: 'allow',
    rule: 'reads',
    effects: ['read: <img src=x onerror="document.title=1">'],
  },
  { type: 'size', at: 1, channel: 0, columns: 60, rows: 4 },
  {
    type: 'bytes',
    at: 10,
    channel: 0,
    stream: 'output',
    base64: base64(`\x1b]0;ran-title\x07plain \x1b[31mred\x1b[0m ${code('ran-output')}\r\n`),
  },
  {
    type: 'bytes',
    at: 700,
    channel: 0,
    stream: 'output',
    base64: base64('\x1b]8;;javascript:document.title="ran-link"\x07link\x1b]8;;\x07 at the end\r\n'),
  },
  { type: 'end', at: 900, reason: 'closed by the client' },
];

test.runIf(browser !== undefined)(
  'a browser draws the terminal, and runs nothing of what was recorded',
  () => {
    let html = '';
    const page = new ReplayPage(sessionSample({ connection: code('ran-name') }), (piece) => {
      html += piece;
    });
    page.begin();
    for (const event of EVENTS) page.take(event);
    page.end();
    const file = join(directory, 'page.html');
    writeFileSync(file, html);
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=2000', '--dump-dom'];
    const profile = `--user-data-dir=${join(directory, 'profile')}`;
    const dom = execFileSync(browser ?? '', [...flags, profile, `file://${file}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(dom).toContain('<title>devin on &lt;/script&gt;');
    expect(dom).toMatch(
      /<div><span>plain <\/span><span style="color: rgb\([\d, ]+\);">red<\/span><span> &lt;\/script/,
    );
    expect(dom).toContain('link at the end');
    expect(dom).not.toMatch(/<a |<img|href|onerror="doc/);
    expect(dom.match(/<script/g)).toHaveLength(2);
  },
  60_000,
);

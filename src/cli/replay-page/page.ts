import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ReplayEvent, SessionView } from '../../api/schemas.ts';
import { acting } from '../acting.ts';
import { entryOf, type TableState } from './entries.ts';
import { escapeHtml, escapeJson } from './escape.ts';
import { TerminalFrames } from './terminal-frames.ts';

const PLAYER = new URL('./assets/player.js', import.meta.url);
const STYLE = new URL('./assets/page.css', import.meta.url);
/** Pictures of all terminals together, in characters; what comes later is left out, and the page says so. */
const MOST_FRAMES = 64 * 1024 * 1024;

/**
 * One page that holds a whole session and plays it: no network, no code but its own player. Whatever was recorded
 * stands in it as text. Mutable: what it has seen so far.
 */
export class ReplayPage {
  readonly #write: (html: string) => void;
  readonly #session: SessionView;
  readonly #terminals = new Map<number, TerminalFrames>();
  readonly #table: TableState = { columns: undefined, rows: 0 };
  #outputs: { readonly name: string; readonly text: string[]; readonly at: number } | undefined;
  #length = 0;
  #left = false;

  constructor(session: SessionView, write: (html: string) => void) {
    this.#session = session;
    this.#write = write;
  }

  begin(): void {
    const [player, style] = assets();
    const policy = [
      "default-src 'none'",
      `script-src 'sha256-${digest(player)}'`,
      `style-src 'sha256-${digest(style)}'`,
      "base-uri 'none'",
      "form-action 'none'",
    ].join('; ');
    const { connection, endUser, id, identity, startedAt } = this.#session;
    const title = `${acting(identity, endUser)} on ${connection}`;
    this.#write(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p>session ${escapeHtml(id)} · ${escapeHtml(startedAt)} · as it was recorded, masks and all</p>
</header>
<ol>
`);
  }

  take(event: ReplayEvent): void {
    this.#length = Math.max(this.#length, event.at);
    switch (event.type) {
      case 'size':
        return this.#size(event);
      case 'bytes':
        return this.#bytes(event);
      default: {
        this.#flush();
        const html = entryOf(event, this.#table);
        if (html !== undefined) this.#write(html);
      }
    }
  }

  end(): void {
    this.#flush();
    const [player] = assets();
    for (const html of [entryOf({ type: 'note', at: this.#length, message: LEFT_OUT }, this.#table)]) {
      if (this.#left && html !== undefined) this.#write(html);
    }
    const frames = Object.fromEntries(
      [...this.#terminals].map(([channel, terminal]) => [String(channel), terminal.frames()]),
    );
    this.#write(`</ol>
<div id="controls" hidden>
<button id="play" type="button">Play</button>
<input id="seek" type="range" min="0" max="${Math.ceil(this.#length)}" step="1" aria-label="time">
<span id="clock"></span>
<select id="speed" aria-label="speed"><option value="1">1×</option><option value="2">2×</option><option value="4">4×</option><option value="16">16×</option></select>
</div>
<script type="application/json" id="frames">${escapeJson(frames)}</script>
<script>${player}</script>
</body>
</html>
`);
  }

  #size({ at, channel, columns, rows }: Extract<ReplayEvent, { type: 'size' }>): void {
    const known = this.#terminals.get(channel);
    if (known !== undefined) return known.resize(at, columns, rows);
    this.#flush();
    this.#terminals.set(channel, new TerminalFrames(at, columns, rows));
    this.#write(
      `<li data-at="${Math.round(at)}"><pre class="screen" data-terminal="${channel}"></pre></li>\n`,
    );
  }

  /** Output of a terminal goes to its picture, other output is shown as text. Input is not shown. */
  #bytes({ at, base64, channel, stream }: Extract<ReplayEvent, { type: 'bytes' }>): void {
    if (stream === 'input') return;
    const bytes = Buffer.from(base64, 'base64');
    const terminal = this.#terminals.get(channel);
    if (terminal !== undefined) {
      const sizes = [...this.#terminals.values()].reduce((sum, one) => sum + one.size, 0);
      if (sizes > MOST_FRAMES) this.#left = true;
      else terminal.write(at, bytes);
      return;
    }
    const name = `${channel} ${stream}`;
    if (this.#outputs?.name !== name) this.#flush();
    this.#outputs ??= { name, text: [], at };
    this.#outputs.text.push(bytes.toString('latin1'));
    if (this.#outputs.text.length > 64) this.#flush();
  }

  #flush(): void {
    const outputs = this.#outputs;
    this.#outputs = undefined;
    if (outputs === undefined) return;
    const text = Buffer.from(outputs.text.join(''), 'latin1').toString('utf8');
    const html = entryOf({ type: 'output', at: outputs.at, text }, this.#table);
    if (html !== undefined) this.#write(html);
  }
}

const LEFT_OUT = 'more of the terminals is recorded than this page holds: hoopctl replay shows all of it';

let kept: readonly [player: string, style: string] | undefined;
function assets(): readonly [player: string, style: string] {
  kept ??= [readFileSync(PLAYER, 'utf8'), readFileSync(STYLE, 'utf8')];
  return kept;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

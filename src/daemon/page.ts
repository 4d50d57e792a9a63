import type { ServerResponse } from 'node:http';
import type { Page } from '../api/sign-in-schemas.ts';

/** Sends what a browser shows: no script, no style from elsewhere, nothing that could be framed or kept. */
export function sendPage(response: ServerResponse, page: Page): void {
  if (response.headersSent || response.destroyed) return;
  const code = page.code === undefined ? '' : `<p><code>${escaped(page.code)}</code></p>`;
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(page.title)}</title>
<h1>${escaped(page.title)}</h1><p>${escaped(page.text)}</p>${code}</html>
`;
  // A page without a code says what went wrong.
  response.writeHead(page.code === undefined ? 400 : 200, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(html),
    'cache-control': 'no-store',
    'content-security-policy':
      "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  response.end(html);
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

import type { IncomingMessage } from 'node:http';
import { UsageError } from '../base/errors.ts';

/** The largest body that is read whole: a policy file of 1 MiB, doubled by JSON escapes. */
export const MAX_BODY_BYTES = 2 * 1024 * 1024;
/** The largest body of a caller without a token: the longest token, and some words. */
export const MAX_PUBLIC_BODY_BYTES = 32 * 1024;
/** One line of a streamed body: a statement the gateway would still judge, doubled by JSON escapes. */
const MAX_LINE_BYTES = 2 * 1024 * 1024;

/** The largest form: a SAML response with as many groups as may be. */
const MAX_FORM_BYTES = 512 * 1024;

/** The fields of an HTML form. Throws UsageError `body_too_large` or `bad_form`. */
export async function readForm(request: IncomingMessage): Promise<Readonly<Record<string, string>>> {
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '')) {
    throw new UsageError('bad_form', 'the request body is not a form');
  }
  const text = (await readWhole(request, MAX_FORM_BYTES)).toString('utf8');
  return Object.fromEntries(new URLSearchParams(text));
}

/** A whole JSON body; undefined when it is empty. Throws UsageError `body_too_large` or `bad_json`. */
export async function readJson(request: IncomingMessage, limit = MAX_BODY_BYTES): Promise<unknown> {
  const body = await readWhole(request, limit);
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new UsageError('bad_json', 'the request body is not valid JSON');
  }
}

async function readWhole(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw tooLarge('body', limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** The lines of a streamed body, empty ones left out. Throws UsageError `body_too_large`. */
export async function* readLines(request: IncomingMessage): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      rest.push(chunk.subarray(from, end));
      const line = Buffer.concat(rest).toString('utf8').trim();
      rest = [];
      length = 0;
      from = end + 1;
      if (line !== '') yield line;
    }
    length += chunk.length - from;
    if (length > MAX_LINE_BYTES) throw tooLarge('line', MAX_LINE_BYTES);
    rest.push(chunk.subarray(from));
  }
  const line = Buffer.concat(rest).toString('utf8').trim();
  if (line !== '') yield line;
}

function tooLarge(what: string, limit: number): UsageError {
  return new UsageError('body_too_large', `the request ${what} is larger than ${limit / 1024} KiB`);
}

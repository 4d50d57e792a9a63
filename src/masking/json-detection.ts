import { type Detection, maskDetected } from './detectors.ts';
import { scan, TRIGGER } from './prefilter.ts';
import type { HashKey } from './strategies.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NUMBER = /-?[0-9][0-9.eE+-]*/y;

/**
 * Detectors inside a JSON text: strings are searched as what they spell (escapes read), numbers as their
 * digits, and what replaces them keeps the text valid JSON. Undefined when nothing was found, null when the
 * whole value is to be NULL.
 */
export function maskDetectedInJson(
  bytes: Buffer,
  start: number,
  end: number,
  detection: Detection,
  key: HashKey,
): Buffer | null | undefined {
  if ((scan(bytes, start, end) & (detection.triggers | TRIGGER.escape)) === 0) return undefined;
  const text = bytes.toString('latin1', start, end);
  let result = '';
  let from = 0;
  let at = 0;
  while (at < text.length) {
    const next = tokenEnd(text, at);
    const masked = next < 0 ? undefined : maskToken(text.slice(at, next), detection, key);
    if (masked === null) return null;
    if (masked !== undefined) {
      result += text.slice(from, at) + masked;
      from = next;
    }
    at = Math.max(next, at + 1);
  }
  return from === 0 ? undefined : Buffer.from(result + text.slice(from), 'latin1');
}

/** Where the string or number that begins at `start` ends (a string without an end: the text's end); -1 for anything else. */
function tokenEnd(text: string, start: number): number {
  if (text.charCodeAt(start) === QUOTE) {
    for (let i = start + 1; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) return i + 1;
    }
    return text.length;
  }
  NUMBER.lastIndex = start;
  return NUMBER.test(text) ? NUMBER.lastIndex : -1;
}

/** The token masked, still a JSON token, in a latin1 reading. */
function maskToken(token: string, detection: Detection, key: HashKey): string | null | undefined {
  // What cannot be read cannot be searched; JSON that PostgreSQL gave out always can.
  const isString = token.startsWith('"');
  if (isString && (token.length < 2 || !token.endsWith('"'))) return null;
  if (!isString) return quoted(maskSpelled(Buffer.from(token, 'latin1'), detection, key));
  if (!token.includes('\\'))
    return quoted(maskSpelled(Buffer.from(token.slice(1, -1), 'latin1'), detection, key));
  const spelled = readEscapes(Buffer.from(token, 'latin1').toString('utf8'));
  if (spelled === undefined) return null;
  return quoted(maskSpelled(Buffer.from(spelled), detection, key));
}

function maskSpelled(spelled: Buffer, detection: Detection, key: HashKey): Buffer | null | undefined {
  return maskDetected(spelled, 0, spelled.length, detection, key);
}

function readEscapes(token: string): string | undefined {
  try {
    return JSON.parse(token);
  } catch {
    return undefined;
  }
}

function quoted(masked: Buffer | null | undefined): string | null | undefined {
  if (!masked) return masked;
  // Valid UTF-8 or not, only quotes, backslashes and control characters need an escape, and all are ASCII.
  return `"${masked.toString('latin1').replace(/["\\\x00-\x1f]/g, escaped)}"`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

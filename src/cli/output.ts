import { replaceInvisible } from '../base/visible-text.ts';
import type { Io, TextOut } from './io.ts';

/** The version of all JSON forms that the command line prints; grows when a field changes its meaning. */
export const SCHEMA_VERSION = 1;

/** JSON whose text holds no character that a terminal would act on or hide; it parses to the same value. */
export function safeJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent) ?? 'null';
  return replaceInvisible(text, (character) => {
    if (character === '\n') return character;
    // By UTF-16 unit, as JSON escapes have it (RFC 8259, section 7).
    return character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('');
  });
}

/** One document, with `schemaVersion` first. */
export function printDocument(io: Io, fields: object): void {
  io.out.write(`${safeJson({ schemaVersion: SCHEMA_VERSION, ...fields }, io.out.isTTY ? 2 : undefined)}\n`);
}

/** One object of a stream. */
export function printLine(io: Io, value: unknown): void {
  io.out.write(`${safeJson(value)}\n`);
}

/** The same to a stream of its own: what a machine reads while it waits. */
export function printLineTo(out: TextOut, value: unknown): void {
  out.write(`${safeJson(value)}\n`);
}

/** A line to stderr: progress, a hint, a warning. */
export function tell(io: Io, text: string): void {
  io.err.write(`${text}\n`);
}

export function warn(io: Io, text: string): void {
  tell(io, `${io.err.paint.yellow('warning:')} ${text}`);
}

/** A line to stdout. */
export function say(io: Io, text: string): void {
  io.out.write(`${text}\n`);
}

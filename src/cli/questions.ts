import { UsageError } from '../base/errors.ts';
import { Interrupted } from './interrupted.ts';
import type { Io } from './io.ts';
import type { Prompts } from './prompts.ts';

/** The prompts, or UsageError `nobody_to_ask` naming the flag that answers instead. */
export function askWith(io: Io, what: string, flag: string): Prompts {
  if (io.prompts !== undefined) return io.prompts;
  throw new UsageError('nobody_to_ask', `${what}, and there is nobody to ask`, {
    why: 'this is no terminal, or --no-input or CI=true forbids questions',
    next: `give ${flag}`,
  });
}

/** Settles when the user agreed, with `--yes` or at the prompt. Throws Interrupted (exit 1) after a no. */
export async function agree(io: Io, yes: boolean, question: string): Promise<void> {
  if (yes) return;
  if (await askWith(io, 'this needs a yes', '--yes').confirm(question)) return;
  io.err.write('nothing was changed\n');
  throw new Interrupted(1);
}

/** Bytes that a secret or a list of them on stdin may have. */
const LARGEST_SECRET = 64 * 1024;

/** The first line of stdin, or all of a private key. Throws UsageError `empty_stdin`, `stdin_too_large`. */
export async function secretFromStdin(io: Io, flag: string): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of io.stdin as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > LARGEST_SECRET)
      throw new UsageError('stdin_too_large', `${flag}: stdin holds more than a secret`);
    parts.push(bytes);
    if (bytes.includes(0x0a) && !isKey(parts)) break;
  }
  const text = Buffer.concat(parts).toString('utf8');
  const line = isKey(parts) ? text : (text.split(/\r?\n/)[0] ?? '');
  if (line === '') throw new UsageError('empty_stdin', `${flag} was given and stdin is empty`);
  return line;
}

/** PEM and OpenSSH's form begin alike; a first piece of a pipe is longer than that. */
function isKey([first]: readonly Buffer[]): boolean {
  return first?.toString('latin1', 0, 11) === '-----BEGIN ';
}

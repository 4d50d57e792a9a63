import type { Client } from '../../api/client.ts';
import { UsageError } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { type StatedOptions, statedOf } from '../stated.ts';
import { readTextFile } from '../text-file.ts';
import { execute } from './execution.ts';
import { type Outline, planScript } from './script.ts';

export interface ExecOptions extends StatedOptions {
  readonly json: boolean;
  readonly name: string;
  readonly commands: readonly string[];
  readonly file: string | undefined;
  /** Milliseconds. */
  readonly wait: number | undefined;
}

/** Runs the statements in order up to the first that fails; its error gives the exit code. */
export async function run(options: ExecOptions, io: Io, client: Client): Promise<void> {
  const texts = await textsOf(options, io);
  const outline: Outline = async (text) => {
    const answer = await client.call('connectionOutline', { params: { name: options.name }, body: { text } });
    return answer.statements ?? undefined;
  };
  const fromStdin = options.commands.length === 0 && options.file === undefined;
  return execute(
    {
      json: options.json,
      opening: { connection: options.name, ...statedOf(options) },
      texts,
      plan: (text) => planScript(text, outline),
      outline,
      // Statements that come from stdin leave nothing there for a COPY.
      copyIn: fromStdin || io.stdin.isTTY ? undefined : io.stdin,
      wait: options.wait,
    },
    io,
    client,
  );
}

/** The statements of -c, of a file, or of stdin. Throws UsageError `no_statement`. */
export async function textsOf(
  options: Pick<ExecOptions, 'name' | 'commands' | 'file'>,
  io: Io,
  verb = 'exec',
): Promise<readonly string[]> {
  if (options.commands.length > 0 && options.file !== undefined) {
    throw new UsageError('conflicting_flags', '-c and -f exclude each other');
  }
  if (options.commands.length > 0) return options.commands;
  // The mark of some editors, which psql skips as well.
  if (options.file !== undefined) return [readTextFile(options.file).replace(/^\uFEFF/, '')];
  if (io.stdin.isTTY) {
    throw new UsageError('no_statement', 'there is no statement to run', {
      next: `hoopctl ${verb} ${options.name} -c 'select 1', or hoopctl connect ${options.name}`,
    });
  }
  const parts: Buffer[] = [];
  for await (const chunk of io.stdin as AsyncIterable<Buffer | string>) parts.push(Buffer.from(chunk));
  try {
    return [new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))];
  } catch (cause) {
    throw new UsageError('not_utf8', 'stdin is not UTF-8 text', { cause });
  }
}

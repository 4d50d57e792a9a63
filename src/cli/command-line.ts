import type { Command } from 'commander';
import { type Context, createContext } from './context.ts';
import { asHoopError, errorJson, errorText } from './error-report.ts';
import { exitCodeOf } from './exit-codes.ts';
import { helpTopic } from './help-pages.ts';
import { Interrupted } from './interrupted.ts';
import { type Io, processIo } from './io.ts';
import { buildProgram, type GlobalOptions, HelpShown, usageErrorOf } from './program.ts';
import { ROOT } from './tree/root.ts';

/** Runs one command line to its end and returns the exit code; whatever goes wrong has been printed. */
export async function runCommandLine(
  args: readonly string[],
  makeIo: (options: GlobalOptions) => Io = processIo,
): Promise<number> {
  // Until commander has read the flags, errors are printed as the raw arguments ask for.
  const early: GlobalOptions = {
    json: beforeDashes(args).includes('--json'),
    noInput: beforeDashes(args).includes('--no-input'),
    noColour: beforeDashes(args).includes('--no-color'),
  };
  const io = makeIo(early);
  let exitCode = 0;
  const program = buildProgram(
    { out: io.out.write, err: io.err.write, columns: Math.min(io.out.columns, 100) },
    async (options): Promise<Context> => createContext(io, options.json),
    (code) => {
      exitCode = code;
    },
  );
  try {
    if (args.length === 0) program.help();
    const asked = args[0] === 'help' ? args.slice(1).filter((word) => !word.startsWith('-')) : [];
    const topic = asked.length > 0 ? helpTopic(asked, ROOT) : undefined;
    if (topic?.kind === 'page') {
      io.out.write(topic.text);
      return 0;
    }
    const words = topic === undefined ? args : [...topic.words, '--help'];
    await program.parseAsync([...words], { from: 'user' });
    return exitCode;
  } catch (error) {
    return failed(usageErrorOf(error, helpPath(program, args)) ?? error, early.json, io);
  }
}

function beforeDashes(args: readonly string[]): readonly string[] {
  const dashes = args.indexOf('--');
  return dashes < 0 ? args : args.slice(0, dashes);
}

/** `hoopctl connection add` for the words that name a verb, so that the advice fits. */
function helpPath(program: Command, args: readonly string[]): string {
  let command = program;
  let path = 'hoopctl';
  for (const word of args) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) break;
    command = next;
    path += ` ${word}`;
  }
  return path;
}

function failed(error: unknown, json: boolean, io: Io): number {
  if (error instanceof HelpShown) return error.exitCode;
  if (error instanceof Interrupted) return error.exitCode;
  const known = asHoopError(error);
  io.err.write(json ? errorJson(known) : errorText(known, io.err));
  if (io.env.HOOPCTL_DEBUG !== undefined && error instanceof Error) io.err.write(`${error.stack}\n`);
  return exitCodeOf(known.kind);
}

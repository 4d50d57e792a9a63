import { Command, CommanderError, Option } from 'commander';
import { type HoopError, UsageError } from '../base/errors.ts';
import type { Context } from './context.ts';
import { type CommandSpec, GLOBAL_OPTIONS, type OptionSpec } from './tree/command.ts';
import { ROOT } from './tree/root.ts';
import { productVersion } from './version.ts';
import { Words } from './words.ts';

export interface GlobalOptions {
  readonly json: boolean;
  readonly noInput: boolean;
  readonly noColour: boolean;
}

/** Text of help and usage errors goes here. */
export interface HelpOut {
  out(text: string): void;
  err(text: string): void;
  readonly columns: number;
}

/** Thrown after help was printed: nothing is left to do. */
export class HelpShown extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('help was shown');
    this.name = 'HelpShown';
    this.exitCode = exitCode;
  }
}

/** Makes commander's commands from the tree. `contextOf` is called once, by the verb that runs. */
export function buildProgram(
  help: HelpOut,
  contextOf: (options: GlobalOptions) => Promise<Context>,
  done: (exitCode: number) => void,
): Command {
  const program = new Command('hoopctl');
  configure(program, ROOT, help);
  program.version(`hoopctl ${productVersion()}`, '-V, --version', 'print the version');
  program.helpCommand('help [command]', 'a verb in detail; also: help exit-codes, help environment');
  for (const spec of GLOBAL_OPTIONS) program.addOption(optionOf(spec));
  const globals = (): GlobalOptions => {
    const options = program.opts();
    return {
      json: options.json === true,
      noInput: options.input === false,
      noColour: options.color === false,
    };
  };
  for (const verb of ROOT.verbs ?? []) {
    addCommand(program, verb, help, async (words, run) => {
      done((await run(words, await contextOf(globals()))) ?? 0);
    });
  }
  return program;
}

type Runner = (words: Words, run: NonNullable<CommandSpec['run']>) => Promise<void>;

function addCommand(parent: Command, spec: CommandSpec, help: HelpOut, runner: Runner): void {
  const command = parent.command(spec.name);
  configure(command, spec, help);
  const names = (spec.arguments ?? []).map((argument) => {
    command.argument(argument.name, argument.description);
    return argument.name.replace(/[<>[\].]/g, '');
  });
  for (const option of spec.options ?? []) command.addOption(optionOf(option));
  for (const verb of spec.verbs ?? []) addCommand(command, verb, help, runner);
  const { run } = spec;
  if (run === undefined) {
    // A noun alone: commander prints its verbs, and suggests one for a misspelt verb.
    command.helpCommand(false);
    return;
  }
  command.action(async () => {
    const given = Object.fromEntries(names.map((name, index) => [name, command.processedArgs[index]]));
    await runner(new Words(given, command.opts()), run);
  });
}

function configure(command: Command, spec: CommandSpec, help: HelpOut): void {
  command
    .summary(spec.summary)
    .description(spec.details === undefined ? spec.summary : `${spec.summary}\n\n${spec.details}`)
    .helpOption('-h, --help', 'print help')
    .exitOverride()
    .showHelpAfterError(false)
    .allowExcessArguments(false)
    .configureHelp({ subcommandTerm: (verb) => verb.name(), sortSubcommands: false, helpWidth: help.columns })
    .configureOutput({
      writeOut: (text) => help.out(text),
      writeErr: (text) => help.err(text),
      // Usage errors are printed with all others, in main.
      outputError: () => {},
      getOutHelpWidth: () => help.columns,
      getErrHelpWidth: () => help.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
}

function optionOf(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.description);
  if (spec.repeat)
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}

/** Commander's complaint as ours; `HelpShown` for help that was asked for. */
export function usageErrorOf(error: unknown, path: string): HoopError | HelpShown | undefined {
  if (!(error instanceof CommanderError)) return undefined;
  if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return new HelpShown(0);
  if (error.code === 'commander.help') return new HelpShown(error.exitCode === 0 ? 0 : 2);
  const [message = '', ...suggestion] = error.message.replace(/^error: /, '').split('\n');
  const meant = suggestion.join(' ').replace(/^\(|\)$/g, '');
  const code = error.code
    .replace(/^commander\./, '')
    .replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return new UsageError(code, message, {
    ...(meant === '' ? {} : { why: meant.replace(/^Did you mean/, 'did you mean') }),
    next: `${path} --help`,
  });
}

import { type CommandSpec, type Completes, GLOBAL_OPTIONS, type OptionSpec } from '../tree/command.ts';

/** The tree as the shells' generators need it: one entry for each noun and verb, `/connection/add`. */
export interface Entry {
  /** Empty for the root. */
  readonly path: string;
  readonly verbs: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly OptionWords[];
  /** What the first argument offers. */
  readonly argument: Completes | undefined;
}

export interface OptionWords {
  readonly long: string;
  readonly short: string | undefined;
  readonly description: string;
  readonly takesValue: boolean;
  readonly completes: Completes | undefined;
}

const HELP: OptionSpec = { flags: '-h, --help', description: 'print help' };
const VERSION: OptionSpec = { flags: '-V, --version', description: 'print the version' };

/** All nouns and verbs, the root first. */
export function outline(root: CommandSpec): readonly Entry[] {
  const entries: Entry[] = [];
  const walk = (spec: CommandSpec, path: string) => {
    const own = path === '' ? [VERSION] : (spec.options ?? []);
    const help = path === '' ? [{ name: 'help', summary: 'a verb in detail' }] : [];
    entries.push({
      path,
      verbs: [...(spec.verbs ?? []).map(({ name, summary }) => ({ name, summary })), ...help],
      options: [...own, ...GLOBAL_OPTIONS, HELP].map(optionWords),
      argument: spec.arguments?.[0]?.completes,
    });
    for (const verb of spec.verbs ?? []) walk(verb, `${path}/${verb.name}`);
  };
  walk(root, '');
  entries.push({
    path: '/help',
    verbs: [
      ...(root.verbs ?? []).map(({ name, summary }) => ({ name, summary })),
      { name: 'exit-codes', summary: 'what each exit code means' },
      { name: 'environment', summary: 'variables that are read' },
    ],
    options: [],
    argument: undefined,
  });
  return entries;
}

function optionWords({ flags, description, completes }: OptionSpec): OptionWords {
  const [, short, long = flags, value] = /^(?:(-\w), )?(--[\w-]+)(?: (<.*>))?$/.exec(flags) ?? [];
  return { long, short, description, takesValue: value !== undefined, completes };
}

/** Both spellings of an option. */
export function spellings({ long, short }: OptionWords): readonly string[] {
  return short === undefined ? [long] : [short, long];
}

/** The lines of a shell's `case` about what stands before: `pattern` makes a pattern of an option's spellings. */
export function valueCases(
  entries: readonly Entry[],
  pattern: (words: readonly string[]) => string,
  offer: (completes: Completes | undefined) => string,
): string {
  return entries
    .flatMap(({ path, options }) =>
      options
        .filter(({ takesValue }) => takesValue)
        .map((option) => {
          const words = spellings(option).map((word) => `${path}:${word}`);
          return `    ${pattern(words)}) ${offer(option.completes)}return ;;`;
        }),
    )
    .join('\n');
}

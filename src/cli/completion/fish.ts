import type { CommandSpec, Completes } from '../tree/command.ts';
import { type Entry, type OptionWords, outline } from './outline.ts';

/** A script for fish 3 and later. */
export function fishCompletion(root: CommandSpec): string {
  const entries = outline(root);
  const paths = entries.filter(({ path }) => path !== '').map(({ path }) => path);
  return `# fish completion for hoopctl; made by \`npm run completions\`, do not edit.
function __hoopctl_at
    set -l verb ''
    for word in (commandline -opc)[2..-1]
        if contains -- "$verb/$word" ${paths.join(' ')}
            set verb "$verb/$word"
        end
    end
    test "$verb" = "$argv[1]"
end
function __hoopctl_names
    command (commandline -opc)[1] __complete $argv[1] 2>/dev/null
end
complete -c hoopctl -f
${entries.flatMap(linesOf).join('\n')}
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function linesOf({ path, verbs, options, argument }: Entry): readonly string[] {
  const start = `complete -c hoopctl -n ${quoted(`__hoopctl_at '${path}'`)}`;
  const offered = offer(argument);
  return [
    ...verbs.map(({ name, summary }) => `${start} -a ${name} -d ${quoted(summary)}`),
    ...options.map((option) => `${start}${optionFlags(option)} -d ${quoted(option.description)}`),
    ...(offered === '' ? [] : [`${start}${offered}`]),
  ];
}

function optionFlags({ long, short, takesValue, completes }: OptionWords): string {
  const names = ` -l ${long.slice(2)}${short === undefined ? '' : ` -s ${short.slice(1)}`}`;
  return takesValue ? `${names} -r${offer(completes)}` : names;
}

function offer(completes: Completes | undefined): string {
  if (completes === undefined) return '';
  if (completes === 'files') return ' -F';
  if (typeof completes === 'string') return ` -a '(__hoopctl_names ${completes})'`;
  return ` -a ${quoted(completes.join(' '))}`;
}

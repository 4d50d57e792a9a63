import type { CommandSpec, Completes } from '../tree/command.ts';
import { type Entry, outline, spellings, valueCases } from './outline.ts';

/** A script for zsh's completion system, autoloaded as \`_hoopctl\` or sourced. */
export function zshCompletion(root: CommandSpec): string {
  const entries = outline(root);
  return `#compdef hoopctl
# zsh completion for hoopctl; made by \`npm run completions\`, do not edit.
_hoopctl_names() {
  local -a names
  local value description
  while IFS=$'\\t' read -r value description; do
    names+=("\${value//:/\\\\:}:$description")
  done < <(command "\${words[1]}" __complete "$1" 2>/dev/null)
  _describe "$1" names
}

_hoopctl() {
  local verb='' i
  local -a offers
  for (( i = 2; i < CURRENT; i++ )); do
    [[ \${words[i]} == -- ]] && { _files; return }
    case "$verb/\${words[i]}" in
      (${entries
        .filter(({ path }) => path !== '')
        .map(({ path }) => path)
        .join('|')}) verb="$verb/\${words[i]}" ;;
    esac
  done
  case "$verb:\${words[CURRENT-1]}" in
${valueCases(entries, (words) => `(${words.join('|')}`, offer)}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    case "$verb" in
${entries.map(optionCase).join('\n')}
    esac
    _describe option offers
    return
  fi
  case "$verb" in
${entries
  .map(wordCase)
  .filter((line) => line !== '')
  .join('\n')}
  esac
}

if [[ "\${funcstack[1]}" == _hoopctl ]]; then
  _hoopctl "$@"
else
  compdef _hoopctl hoopctl
fi
`;
}

/** Inside single quotes of a \`_describe\` array: \`word:description\`. */
function described(word: string, description: string): string {
  return `'${word.replaceAll(':', '\\:')}:${description.replaceAll("'", "'\\''")}'`;
}

function offer(completes: Completes | undefined): string {
  if (completes === undefined) return '';
  if (completes === 'files') return '_files; ';
  if (typeof completes === 'string') return `_hoopctl_names ${completes}; `;
  return `offers=(${completes.join(' ')}); _describe value offers; `;
}

function optionCase({ path, options }: Entry): string {
  const words = options.flatMap((option) =>
    spellings(option).map((word) => described(word, option.description)),
  );
  return `      ('${path}') offers=(${words.join(' ')}) ;;`;
}

function wordCase({ path, verbs, argument }: Entry): string {
  if (verbs.length > 0) {
    const words = verbs.map(({ name, summary }) => described(name, summary));
    return `    ('${path}') offers=(${words.join(' ')}); _describe verb offers ;;`;
  }
  const offered = offer(argument);
  return offered === '' ? '' : `    ('${path}') ${offered.replace(/; $/, '')} ;;`;
}

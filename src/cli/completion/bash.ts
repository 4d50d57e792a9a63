import type { CommandSpec, Completes } from '../tree/command.ts';
import { type Entry, outline, spellings, valueCases } from './outline.ts';

/** A script for bash 3.2 and later that needs no other package. */
export function bashCompletion(root: CommandSpec): string {
  const entries = outline(root);
  return `# bash completion for hoopctl; made by \`npm run completions\`, do not edit.
_hoopctl_offer() {
  local word
  case "$1" in
    files) while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$2") ;;
    names) while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$(command "\${COMP_WORDS[0]}" __complete "$3" 2>/dev/null | cut -f1)" -- "$2") ;;
    words) while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$3" -- "$2") ;;
  esac
}

_hoopctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" verb="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ "\${COMP_WORDS[i]}" == -- ]] && { _hoopctl_offer files "$current"; return; }
    case "$verb/\${COMP_WORDS[i]}" in
      ${entries
        .filter(({ path }) => path !== '')
        .map(({ path }) => path)
        .join('|')}) verb="$verb/\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$verb:$previous" in
${valueCases(entries, (words) => words.map((word) => `"${word}"`).join('|'), offer)}
  esac
  if [[ "$current" == -* ]]; then
    case "$verb" in
${entries.map(optionCase).join('\n')}
    esac
    return
  fi
  case "$verb" in
${entries
  .map(wordCase)
  .filter((line) => line !== '')
  .join('\n')}
  esac
}
complete -F _hoopctl hoopctl
`;
}

function offer(completes: Completes | undefined): string {
  if (completes === undefined) return '';
  if (completes === 'files') return '_hoopctl_offer files "$current"; ';
  if (typeof completes === 'string') return `_hoopctl_offer names "$current" ${completes}; `;
  return `_hoopctl_offer words "$current" "${completes.join(' ')}"; `;
}

function optionCase({ path, options }: Entry): string {
  return `      "${path}") _hoopctl_offer words "$current" "${options.flatMap(spellings).join(' ')}" ;;`;
}

function wordCase({ path, verbs, argument }: Entry): string {
  const names = verbs.map(({ name }) => name);
  const offered = offer(names.length > 0 ? names : argument);
  return offered === '' ? '' : `    "${path}") ${offered.replace(/; $/, '')} ;;`;
}

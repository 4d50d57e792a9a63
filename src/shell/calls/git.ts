import type { CallTable } from '../calls.ts';

const GIT_LOG =
  '-p -s -z -q -m -c -i -w -b -n: -U: -S: -G: -L: -M -C -B -0 -1 -2 -3 -4 -5 -6 -7 -8 -9 --oneline --stat --shortstat --numstat --graph --all --decorate --patch --no-patch --raw --name-only --name-status --no-color --color --abbrev --abbrev-commit --no-abbrev-commit --since: --until: --after: --before: --author: --committer: --grep: --max-count: --skip: --format --pretty --date: --reverse --follow --no-merges --merges --first-parent --branches --tags --remotes --no-ext-diff --no-textconv --cached --staged --diff-filter: --check --word-diff --color-words --ignore-all-space --ignore-space-change --ignore-blank-lines --no-index --merge-base --unified: --topo-order --date-order --left-right --cherry-pick --no-renames --find-renames --summary --quiet --exit-code --full-history --simplify-by-decoration --dirstat --compact-summary --no-prefix --relative --parents --children --source --ancestry-path --boundary';

/** Git. */
export const GIT: Readonly<Record<string, CallTable>> = {
  git: {
    before: '-C: -P --no-pager --no-optional-locks --bare --literal-pathspecs',
    reads: {
      shortlog:
        '-s -n -e -c --summary --numbered --email --all --since: --until: --author: --no-merges --group:',
      'log show diff whatchanged reflog! reflog/show stash/list stash/show': `${GIT_LOG} -e`,
      status:
        '-s -b -v -z -u -uno -uall --short --branch --porcelain --long --verbose --show-stash --ignored --untracked-files --no-ahead-behind --column --no-column --renames',
      'branch! branch/--list branch/--contains branch/--merged branch/--no-merged branch/-a branch/-r':
        '-a -r -v -i --all --remotes --verbose --show-current --list --merged --no-merged --sort --format --column --no-column --color --no-color --points-at: --contains: --no-contains:',
      'tag! tag/-l tag/--list tag/-n':
        '-l -n -i --list --sort --format --contains --merged --no-merged --points-at: --column --no-column',
      'remote! remote/get-url': '-v --verbose --all --push',
      'config/--get config/--get-all config/--get-regexp config/-l config/--list config/get config/list':
        '-z -l --global --system --local --worktree --show-origin --show-scope --name-only --null --all',
      grep: '-n -i -I -w -v -E -F -P -G -l -L -c -h -H -q -r -e: -A: -B: -C: -W -p --count --line-number --ignore-case --word-regexp --extended-regexp --fixed-strings --files-with-matches --cached --untracked --no-color --color --heading --break --max-depth: --recurse-submodules --and --or --not --name-only',
      'rev-parse rev-list ls-files ls-tree cat-file describe blame merge-base name-rev version count-objects for-each-ref show-ref diff-tree diff-index diff-files var worktree/list submodule/status notes/list notes/show check-ignore check-attr cherry fsck!': `${GIT_LOG} -r -t -e -o -h -v -H --short --abbrev-ref --verify --tags --always --dirty --long --match: --exclude: --show-toplevel --git-dir --git-common-dir --is-inside-work-tree --count --symbolic-full-name --heads --others --exclude-standard --modified --deleted --ignored --porcelain --line-porcelain --incremental --contains: --full-tree --dereference --is-ancestor --is-bare-repository --show-prefix --show-cdup --objects --batch-check --batch --head --sort: --human-readable --verbose --ours --unmerged --stage --eol --error-unmatch --directory --debug --show-superproject-working-tree --absolute-git-dir --octopus --independent --fork-point`,
      'symbolic-ref/HEAD!': '-q --quiet --short',
      'upload-pack':
        '--strict --timeout: --stateless-rpc --http-backend-info-refs --advertise-refs --no-strict',
      '!': '-v --version --html-path --man-path --info-path',
    },
    writes: { 'receive-pack': '' },
    otherwise: 'unknown',
  },
};

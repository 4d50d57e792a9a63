import type { Assignment } from './script.ts';

/**
 * Variables that change what programs do. In the environment of a program only names known to be harmless may be
 * set; a variable of the shell itself must merely not be one that the environment is likely to have already.
 */
const HARMLESS =
  /^(LANG|LC_[A-Z]+|TZ|COLUMNS|LINES|NO_COLOR|CLICOLOR|DEBIAN_FRONTEND|SYSTEMD_COLORS|GIT_OPTIONAL_LOCKS|GIT_TERMINAL_PROMPT)$/;
const RISKY =
  /^(PATH|IFS|ENV|HOME|SHELL|PWD|OLDPWD|PS[0-4]|CDPATH|_|S?RANDOM|SECONDS|LINENO|OPT.*|E?UID|PPID|EPOCH.*|HIST.*|histchars|auto_resume|DIRSTACK|GROUPS|FUNC.*|PIPESTATUS|COMP_.*|COMPREPLY|COPROC|MAIL.*|TMOUT|FIGNORE|EXECIGNORE|FCEDIT|INPUTRC|READLINE_.*|SHLVL|IGNOREEOF|CHILD_MAX|EMACS|TIMEFORMAT|PROMPT_.*|FPATH|GLOBIGNORE|SHELLOPTS|BASHOPTS|BASH.*|ZDOTDIR|PROMPT_COMMAND|LD_.*|DYLD_.*|GCONV_PATH|LOCPATH|NLSPATH|MALLOC_.*|HOSTALIASES|RES_OPTIONS|TERMINFO.*|TERMCAP|.*PAGER|.*EDITOR|VISUAL|BROWSER|LESS.*|MAN.*|.*OPT|.*OPTS|.*OPTIONS|PERL.*|PYTHON.*|RUBY.*|NODE_.*|JAVA_.*|GIT_.*|SSH_.*|RSYNC_.*|TAR_.*|GREP_.*|POSIXLY_CORRECT|_JAVA_.*|CLASSPATH|KUBE.*|DOCKER_.*|TMPDIR|XDG_.*|EXINIT|VIMINIT|MYVIMRC|LUA_.*|NPM_.*|npm_.*)$/;

/** Programs that would show their output in a pager show it plainly then. */
const PAGER = /^(PAGER|GIT_PAGER|SYSTEMD_PAGER|MANPAGER)$/;

/** May a line do that, as far as what runs behind it goes? Bash takes the value of some names as an expression, or code. */
export function mayAssign({ exported, name, value }: Assignment): boolean {
  if (exported && PAGER.test(name) && (value?.text === 'cat' || value?.text === '')) return true;
  return mayBeSet(name, exported);
}

export function mayBeSet(name: string, exported: boolean): boolean {
  return exported ? HARMLESS.test(name) : /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !RISKY.test(name);
}

/** May a client's `env` request set it, as far as what programs do with it goes? */
export function harmlessEnvironment(name: string): boolean {
  return HARMLESS.test(name) || name === 'TERM' || name === 'COLORTERM';
}

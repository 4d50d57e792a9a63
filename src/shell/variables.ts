import { STANDARD_DIRECTORIES } from './programs.ts';
import type { Assignment } from './script.ts';
import type { Word } from './word.ts';

/**
 * Variables that change what programs do. In the environment of a program only names known to be harmless may be
 * set; a variable of the shell itself must merely not be one that the environment is likely to have already.
 */
const HARMLESS =
  /^(LANG|LC_[A-Z]+|TZ|COLUMNS|LINES|NO_COLOR|CLICOLOR|DEBIAN_FRONTEND|SYSTEMD_COLORS|GIT_OPTIONAL_LOCKS|GIT_TERMINAL_PROMPT)$/;
/** Names that people give to settings of their own, and none of the programs that are known here looks for. */
const OWN =
  /^([A-Z]|FOO|BAR|BAZ|NAME|VERSION|ENVIRONMENT|STAGE|DEBUG|VERBOSE|(APP|NODE|RAILS|RACK|FLASK|DJANGO)_ENV|APP_NAME|AWS_(DEFAULT_)?REGION|REGION|CLUSTER|NAMESPACE|SERVICE)$/;
const RISKY =
  /^(PATH|IFS|ENV|HOME|SHELL|PWD|OLDPWD|PS[0-4]|CDPATH|S?RANDOM|SECONDS|LINENO|OPT.*|E?UID|PPID|EPOCH.*|HIST.*|histchars|auto_resume|DIRSTACK|GROUPS|FUNC.*|PIPESTATUS|COMP_.*|COMPREPLY|COPROC|MAIL.*|TMOUT|FIGNORE|EXECIGNORE|FCEDIT|INPUTRC|READLINE_.*|SHLVL|IGNOREEOF|CHILD_MAX|EMACS|TIMEFORMAT|PROMPT_.*|FPATH|GLOBIGNORE|SHELLOPTS|BASHOPTS|BASH.*|ZDOTDIR|PROMPT_COMMAND|LD_.*|DYLD_.*|GCONV_PATH|LOCPATH|NLSPATH|MALLOC_.*|HOSTALIASES|RES_OPTIONS|TERMINFO.*|TERMCAP|.*PAGER|.*EDITOR|VISUAL|BROWSER|LESS.*|MAN.*|.*OPT|.*OPTS|.*OPTIONS|PERL.*|PYTHON.*|RUBY.*|NODE_.*|JAVA_.*|GIT_.*|SSH_.*|RSYNC_.*|TAR_.*|GREP_.*|POSIXLY_CORRECT|_JAVA_.*|CLASSPATH|KUBE.*|DOCKER_.*|TMPDIR|XDG_.*|EXINIT|VIMINIT|MYVIMRC|LUA_.*|NPM_.*|npm_.*)$/;

/** A client may have set it for its session, or the line for a shell inside of it, to anything. */
export function comesWithSessions(name: string): boolean {
  return HARMLESS.test(name) || name === 'TERM' || name === 'COLORTERM';
}

/** Programs that would show their output in a pager show it plainly then. */
const PAGER = /^(PAGER|GIT_PAGER|SYSTEMD_PAGER|MANPAGER)$/;

/** Where an assignment stands. */
export interface AssignmentPlace {
  /** The command that it stands before. */
  readonly command: string | undefined;
  /** The line runs something beside builtins that do not care. */
  readonly programs: boolean;
}

/** May a line do that, as far as what runs behind it goes? Bash takes the value of some names as an expression, or code. */
export function mayAssign({ exported, name, value }: Assignment, place: AssignmentPlace): boolean {
  if (name === 'IFS') return place.command === 'read' && value !== undefined;
  if (name === 'PATH') return value !== undefined && addsSystemDirectories(value);
  if (exported && PAGER.test(name) && (value?.text === 'cat' || value?.text === '')) return true;
  return isReadAlike(name, value?.text) && mayBeSet(name, exported && place.programs);
}

/** May a program's environment have it, written `NAME=value`? */
export function mayGiveEnvironment(name: string, value: string | undefined): boolean {
  return mayBeSet(name, true) && isReadAlike(name, value);
}

export function mayBeSet(name: string, exported: boolean): boolean {
  if (HARMLESS.test(name) || OWN.test(name) || name === 'TERM') return true;
  return !exported && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !RISKY.test(name);
}

/** May a client's `env` request set it, as far as what programs do with it goes? */
export function harmlessEnvironment(name: string, value: string): boolean {
  // Where a line calculates with a variable, its value is an expression, and runs what stands in an index.
  if (/[[`$]/.test(value)) return false;
  return (HARMLESS.test(name) || name === 'COLORTERM' || name === 'TERM') && isReadAlike(name, value);
}

/**
 * In the Chinese, Japanese and Korean encodings before UTF-8 a backslash, a bracket or a bar can be the second byte of
 * a letter: Bash, which reads its locale from these, would find other words in a line than the gateway did. A terminal's
 * name leads to a file.
 */
function isReadAlike(name: string, value: string | undefined): boolean {
  if (name === 'TERM') return value !== undefined && /^([A-Za-z0-9][\w.+-]*)?$/.test(value);
  if (!/^(LANG|LC_)/.test(name)) return true;
  return (
    value !== undefined &&
    /^$|^(C|POSIX)(\.[\w-]+)?$|^(?!zh|ja|ko)[a-z]{2,3}(_[A-Z]{2})?(@\w+)?$|^[a-z]{2,3}(_[A-Z]{2})?\.(utf-?8|iso-?8859-?\d+)(@\w+)?$/i.test(
      value,
    )
  );
}

/** `$PATH:/usr/sbin` and its like: what a name means is still a program of the system. */
function addsSystemDirectories(value: Word): boolean {
  const source = value.text ?? value.source.replace(/^"(.*)"$/, '$1');
  const own = /^\$(PATH|\{PATH\})$/;
  return source.split(':').every((one) => {
    return STANDARD_DIRECTORIES.has(one) || (value.text === undefined && own.test(one));
  });
}

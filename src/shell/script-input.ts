import { child, children, flag, nodesIn, number, parseTree, type Tree, text, typeOf } from './grammar.ts';
import { fixedText } from './known-values.ts';

/** `|`, `|&` and the redirections `<`, `<<`, `<<-` and `<<<` in the grammar's numbering. */
const PIPES = [12, 13];
const FEEDING = [56, 61, 62, 63];

/** Never read their input. */
const WITHOUT_INPUT: ReadonlySet<string> = new Set(
  ': . source true false echo printf cd pwd ls df free uptime date uname hostname id whoami who w groups ps pidof stat readlink realpath basename dirname lsblk lscpu nproc lsmod mount netstat ip ifconfig env printenv set test [ exit sleep systemctl journalctl dmesg docker podman last getent type'.split(
    ' ',
  ),
);
/** Nor these, but by an option: a file of names, aliases or filters. */
const BY_OPTION: ReadonlySet<string> = new Set(['du', 'pgrep', 'findmnt', 'ss', 'which']);
/** Read it where no file is named. */
const OF_FILES: ReadonlySet<string> = new Set(['cat', 'head', 'tail', 'wc', 'grep']);
/** Files that are not the input by another name. */
const FILE =
  /^\/(etc|var\/log|usr|sys|proc\/(cpuinfo|meminfo|loadavg|version|uptime|mounts))(\/(?!\.\.)[\w.@-]+)*$/;

/**
 * True for a script that a shell reads from its input, when a command of it may read there, too: it takes away what
 * stands behind it, and what is left may be another script. Behind the last command there is nothing; but `exec <x` has
 * the shell go on with another one. Throws SyntaxError.
 */
export function readsItself(script: string): boolean {
  const statements = children(parseTree(script), 'Stmts');
  return statements.some(changesInput) || statements.slice(0, -1).some(mayReadInput);
}

function changesInput(node: Tree): boolean {
  const words = typeOf(node) === 'CallExpr' ? children(node, 'Args').map(fixedText) : [];
  return words.includes('exec') || nodesIn(node).some(changesInput);
}

function mayReadInput(node: Tree): boolean {
  const redirects = children(node, 'Redirs');
  const fed = redirects.some(
    (one) => FEEDING.includes(number(one, 'Op')) && /^0*$/.test(text(child(one, 'N'))),
  );
  if (fed) return redirects.some(mayReadInput);
  if (typeOf(node) === 'BinaryCmd' && PIPES.includes(number(node, 'Op'))) {
    const first = child(node, 'X');
    return first !== undefined && mayReadInput(first);
  }
  if (typeOf(node) === 'ForClause' && flag(node, 'Select')) return true;
  if (typeOf(node) === 'CallExpr' && commandReads(children(node, 'Args').map(fixedText))) return true;
  return nodesIn(node).some(mayReadInput);
}

function commandReads([name, ...args]: readonly (string | undefined)[]): boolean {
  if (name === undefined) return args.length > 0;
  if (name === 'env') return args.length > 0;
  if (name === 'docker' || name === 'podman')
    return !['ps', 'images', 'logs', 'inspect'].includes(args[0] ?? '');
  if (WITHOUT_INPUT.has(name)) return false;
  if (BY_OPTION.has(name))
    return !args.every((one) => one !== undefined && /^(-[a-eghj-z]*|[\w./]+)$/.test(one));
  const files = args.filter((one) => one !== undefined && FILE.test(one));
  const others = args.filter((one) => one === undefined || !FILE.test(one));
  const plain = others.every((one) => one !== undefined && /^-?[a-zA-Z0-9]+$/.test(one));
  // The first word that is no option is what grep looks for, and `-e` and `-f` make that a file.
  const first = args.findIndex((one) => one?.startsWith('-') !== true);
  const looks =
    name === 'grep' && (files.includes(args[first]) || others.some((one) => /^-.*[efmABC]/.test(one ?? '')));
  return !(OF_FILES.has(name) && files.length > 0 && plain && !looks);
}

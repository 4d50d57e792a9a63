import { awkOnlyPrints } from './awk.ts';
import { BUILTINS } from './builtins.ts';
import { CONTAINERS } from './calls/containers.ts';
import { callVerdict } from './calls.ts';
import { unwrap } from './options.ts';
import { STREAMS } from './redirects.ts';
import { sedOnlyPrints } from './sed.ts';
import { ADMINISTERS, READS, unknown, type Verdict, WRITES } from './verdict.ts';
import { isOperand, staysOne, type Word } from './word.ts';

/** Programs whose arguments need more than a list of options. */
export const SPECIAL: ReadonlyMap<string, (args: readonly Word[]) => Verdict | undefined> = new Map<
  string,
  (args: readonly Word[]) => Verdict | undefined
>([
  ...BUILTINS,
  ...['gzip', 'gunzip', 'bzip2', 'bunzip2', 'xz', 'unxz', 'lzma', 'zstd'].map(
    (name) => [name, squeezer] as const,
  ),
  ['docker', compose],
  ['podman', compose],
  ['date', date],
  ['ip', ip],
  ['service', service],
  ['rc-service', service],
  ['tee', (args) => (args.every(({ text }) => text !== undefined && STREAMS.test(text)) ? READS : WRITES)],
  ['dd', (args) => (args.every(({ text }) => DD_READS.test(text ?? '')) ? READS : ADMINISTERS)],
  ['kill', (args) => (args[0] !== undefined && /^-(l|L|0)$/.test(args[0].text ?? '') ? READS : ADMINISTERS)],
  [
    'stty',
    (args) =>
      args.every(({ text }) => /^(-a|-g|size|speed)$/.test(text ?? ''))
        ? READS
        : unknown('stty sets the terminal'),
  ],
  [
    'wait',
    // `wait -p NAME` sets a variable and evaluates its index.
    (args) =>
      args.every(
        (word) => (!word.mayBeOption && !word.text?.startsWith('-')) || /^-[nf]$/.test(word.text ?? ''),
      )
        ? READS
        : unknown('wait may set a variable that changes what runs'),
  ],
  ['jobs', listing],
  ['history', listing],
  ['alias', listing],
  [
    'sysctl',
    // `name=value` sets it, and what is computed could be that.
    (args) =>
      args.some((word) => word.text === undefined || word.text.includes('=')) ? ADMINISTERS : undefined,
  ],
  [
    'set',
    (args) =>
      args.every((word) => /^[-+]([eux]+o?|o)$|^(pipefail|errexit|nounset|xtrace)$/.test(word.text ?? ''))
        ? READS
        : unknown('set can change what later words mean'),
  ],
  ['xxd', xxd],
  ['sed', sed],
  ['awk', awk],
  ['gawk', awk],
  ['mawk', awk],
  ['hash', (args) => (args.length === 0 ? READS : unknown('hash can make a name mean another program'))],
]);

/** To look into a file and to unpack it: of these some programs do what comes last, unless it goes to their output. */
function squeezer(args: readonly Word[]): Verdict | undefined {
  const options = args.flatMap(({ text = '' }) => {
    if (text.startsWith('--')) return [text.slice(2)];
    return text.startsWith('-') ? text.slice(1).split('') : [];
  });
  const has = (names: readonly string[]) => options.some((one) => names.includes(one));
  const unpacks = has(['d', 'decompress', 'uncompress']) && !has(['c', 'stdout', 'to-stdout']);
  return unpacks && has(['t', 'l', 'test', 'list']) ? WRITES : undefined;
}

/** `docker compose` takes options of its own before its verbs. */
function compose(args: readonly Word[]): Verdict | undefined {
  if (args[0]?.text !== 'compose' || CONTAINERS['docker-compose'] === undefined) return undefined;
  return callVerdict('docker compose', CONTAINERS['docker-compose'], args.slice(1));
}

/** Of dd's operands those that read; `conv` and `oflag` matter to what is written alone. */
const DD_READS = /^(if=.*|(bs|ibs|cbs|count|skip)=\w+|status=\w+|iflag=[\w,]+)$/;

function service(args: readonly Word[]): Verdict {
  const [name, verb, ...more] = args;
  if (verb === undefined) return name?.text === '--status-all' ? READS : ADMINISTERS;
  // A path would name any program.
  return verb.text === 'status' && more.length === 0 && /^[\w@.-]+$/.test(name?.text ?? '')
    ? READS
    : ADMINISTERS;
}

/** What a shell that lives for one line has of them is nothing. */
function listing(args: readonly Word[]): Verdict {
  return args.every(({ text }) => /^(-[lprs]|\d+)$/.test(text ?? ''))
    ? READS
    : unknown('it may change what is listed');
}

function date(args: readonly Word[]): Verdict {
  const plain = args.filter((word) => !/^-(I\w*|[uR]+)$/.test(word.text ?? ''));
  const rest = unwrap(plain, {
    values: 'dr',
    longFlags: ['utc', 'universal', 'rfc-email', 'iso-8601'],
    longValues: ['date', 'reference', 'iso-8601', 'rfc-3339'],
  });
  return rest?.every((word) => word.prefix.startsWith('+') && !word.maySplit) ? READS : ADMINISTERS;
}

function ip(args: readonly Word[]): Verdict {
  const rest = args.filter(
    (word) =>
      !/^-(4|6|h|human|iec|br|brief|o|oneline|s|stats|d|details|j|json|p|pretty|c|color)$/.test(
        word.text ?? '',
      ),
  );
  const [object, verb] = rest;
  if (object === undefined) return READS;
  const known = /^(a|addr|address|l|link|r|ro|route|n|neigh|rule|maddress|netns)$/.test(object.text ?? '');
  const looks = verb === undefined || /^(show|list|ls|lst|get)$/.test(verb.text ?? '');
  return known && looks && rest.every(isOperand) ? READS : ADMINISTERS;
}

/** `xxd [options] [infile [outfile]]`; `-r` writes into a file that is there. */
function xxd(args: readonly Word[]): Verdict {
  let files = 0;
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === undefined || !staysOne(word)) return WRITES;
    if (isOperand(word) || word.text === '-') files++;
    else if (/^-[cglos]$/.test(word.text ?? '')) at++;
    else if (!/^-(ps|plain|bits|[abeipuE]|[cglos]\d+)$/.test(word.text ?? '')) return WRITES;
  }
  return files <= 1 ? READS : WRITES;
}

/** Options of sed that neither write nor take a value. */
const SED_OPTIONS =
  /^(-[nErsuz]+|-e|--(quiet|silent|regexp-extended|separate|unbuffered|null-data|posix|sandbox))$/;

function sed(args: readonly Word[]): Verdict {
  const unsure = unknown('what this sed script does cannot be told');
  const scripts: (Word | undefined)[] = [];
  const operands: Word[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === undefined) break;
    if (word.text === undefined ? !isOperand(word) : false) return unsure;
    if (word.text === undefined || !word.text.startsWith('-') || word.text === '-') operands.push(word);
    else if (/^-([nErsuz]*i|-in-place)/.test(word.text)) return WRITES;
    else if (!SED_OPTIONS.test(word.text)) return unsure;
    else if (word.text === '-e') scripts.push(args[++at]);
  }
  const script = scripts.length > 0 ? scripts : operands.slice(0, 1);
  const prints =
    script.length > 0 && script.every((one) => one?.text !== undefined && sedOnlyPrints(one.text));
  return prints ? READS : unsure;
}

function awk(args: readonly Word[]): Verdict {
  const unsure = unknown('what this awk program does cannot be told');
  const rest = unwrap(args, { values: 'Fv' });
  const program = rest?.[0]?.text;
  if (rest === undefined || program === undefined || !awkOnlyPrints(program)) return unsure;
  return READS;
}

import type { WrapperSyntax } from './options.ts';

/** Programs that run the command in their arguments and add nothing to what it does. */
export const WRAPPERS: ReadonlyMap<string, WrapperSyntax> = new Map<string, WrapperSyntax>([
  ['nice', { values: 'n', longValues: ['adjustment'] }],
  ['ionice', { values: 'cn', flags: 't', longValues: ['class', 'classdata'], longFlags: ['ignore'] }],
  ['nohup', {}],
  [
    'timeout',
    {
      flags: 'v',
      values: 'ks',
      longFlags: ['foreground', 'preserve-status', 'verbose'],
      longValues: ['kill-after', 'signal'],
      operands: 1,
    },
  ],
  ['stdbuf', { values: 'ioe', longValues: ['input', 'output', 'error'] }],
  ['setsid', { flags: 'cfw', longFlags: ['ctty', 'fork', 'wait'] }],
  ['time', { flags: 'pv' }],
  ['exec', { flags: 'cl', values: 'a' }],
  ['builtin', {}],
  ['chrt', { flags: 'bfior', operands: 1 }],
  ['taskset', { flags: 'a', operands: 1 }],
]);

/** Give the command another user's rights; a command of its own beside what it runs. */
export const ELEVATORS: ReadonlyMap<string, WrapperSyntax> = new Map<string, WrapperSyntax>([
  [
    'sudo',
    {
      flags: 'nHEkSbPA',
      values: 'ugpTCDhR',
      longFlags: ['non-interactive', 'set-home', 'stdin'],
      longValues: ['user', 'group'],
    },
  ],
  ['doas', { flags: 'nL', values: 'uC' }],
]);

export const XARGS: WrapperSyntax = {
  flags: '0rtxop',
  values: 'nPLsdaE',
  longFlags: ['null', 'no-run-if-empty', 'verbose', 'exit'],
  longValues: ['max-args', 'max-procs', 'max-lines', 'delimiter', 'arg-file', 'max-chars', 'eof'],
};

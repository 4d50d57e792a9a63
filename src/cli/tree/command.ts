import type { Context } from '../context.ts';
import type { Words } from '../words.ts';

/** Names that the daemon can complete. */
export type DynamicNames = 'connections' | 'sessions' | 'approvals' | 'identities';
/** What a completion offers for a value. */
export type Completes = DynamicNames | 'files' | readonly string[];

export interface OptionSpec {
  /** As commander reads it: `-c, --command <sql>`, `--no-test`. */
  readonly flags: string;
  readonly description: string;
  /** May be given several times; the values are collected. */
  readonly repeat?: true;
  readonly completes?: Completes;
}

export interface ArgumentSpec {
  /** `<name>`, `[file]`, `[args...]`. */
  readonly name: string;
  readonly description: string;
  readonly completes?: Completes;
}

/**
 * A verb, or a noun with its verbs, as plain data: help, parsing and completions are all made from it. `run`
 * imports the verb's implementation only when it is called.
 */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Printed below the options by `--help`. */
  readonly details?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  readonly verbs?: readonly CommandSpec[];
  /** Returns the exit code; nothing means 0. */
  readonly run?: (words: Words, context: Context) => Promise<number> | Promise<void>;
}

/** Understood by every verb, before or after it. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { flags: '--json', description: 'print JSON: one document, or one object a line for streams' },
  { flags: '--no-input', description: 'never ask; fail with exit 2 and name the flag that answers' },
  { flags: '--no-color', description: 'no colour (as NO_COLOR=1)' },
];

export const YES: OptionSpec = { flags: '-y, --yes', description: 'do it without asking' };
export const PASSPHRASE_STDIN: OptionSpec = {
  flags: '--passphrase-stdin',
  description: "read the approver's passphrase from stdin instead of the terminal",
};

export const CONNECTION: ArgumentSpec = {
  name: '<name>',
  description: 'the connection',
  completes: 'connections',
};
export const APPROVAL: ArgumentSpec = {
  name: '<id>',
  description: 'the approval: ap-7kq2m',
  completes: 'approvals',
};

/** What a requester may say of its work, for approvers and records. */
export const STATED: readonly OptionSpec[] = [
  { flags: '--reason <text>', description: 'why, for approvers and records; rules may require it' },
  { flags: '--ticket <number>', description: 'the ticket it belongs to; rules may require it' },
];

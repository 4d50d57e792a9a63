import type { Decision } from '../../policy/decision.ts';
import { analyzeLine, type LineOptions } from '../../shell/analyze.ts';
import type { ShellAction } from '../../shell/facts.ts';
import { assignmentsText, type LineSetting } from '../../shell/line/line-script.ts';
import type { Action, StatementFacts, TextFacts } from '../../sql/facts.ts';
import type { StatementToRecord } from '../desk.ts';

/** What is asked for in a line-gated shell, as it is judged. */
export type ShellAsked =
  /** A shell of which each line is asked for by itself. */
  | { readonly kind: 'gated-shell' }
  /** A line of such a shell. No program gets keys of it, so nothing in it takes commands from a terminal. */
  | { readonly kind: 'line'; readonly line: string; readonly setting: LineSetting }
  /** Keys for what a line runs. */
  | { readonly kind: 'input'; readonly line: string };

/** What is judged, in the words that recording, approver and policy's `commands` get. */
export interface Judgement {
  readonly facts: TextFacts;
  readonly decision: Decision;
  readonly record: StatementToRecord;
  /** What it finds set up for it, in the words of a shell. */
  readonly setting?: readonly (readonly [name: string, value: string])[];
}

/** What a rule calls a shell that is recorded only, and one of which each line is judged. */
export const SHELL = { recorded: 'SHELL', gated: 'LINE-GATED SHELL' } as const;

/** What reads a command line. */
export interface LineReader {
  /** The shell's name, where it is none that reads lines as POSIX says. */
  readonly foreignShell?: string | undefined;
  /** It is Bash. */
  readonly bash?: boolean;
}

/** Where a command line runs, as far as that says what it does. */
export interface RunAt extends LineReader {
  /** What it is done to, where all of it is done to one thing; otherwise paths that the line names, or anything. */
  readonly object?: string;
}

/** What a program touches its command line does not tell. */
const ANYTHING = '*';

/** As it is written in recordings and shown to approvers. */
export function shellText(asked: ShellAsked): string {
  switch (asked.kind) {
    case 'gated-shell':
      return SHELL.gated;
    case 'line':
      return asked.line;
    case 'input':
      return `INPUT ${asked.line}`;
  }
}

/** What it does, every command its own statement, so that each keeps its reason. */
export function shellFacts(asked: ShellAsked, at: RunAt): TextFacts {
  switch (asked.kind) {
    case 'gated-shell': {
      const reason = 'a shell is opened where a rule names it, though each of its lines is judged';
      return unknownFacts(SHELL.gated, reason, at.object);
    }
    case 'line':
      return lineFacts(
        assignmentsText(asked.setting.variables) + asked.line,
        { terminal: false, keyless: true },
        at,
      );
    case 'input': {
      const reason = 'keys that are typed to a program are recorded, not judged';
      const { actions } = analyzeLine(asked.line, { terminal: true });
      const object = { kind: 'other', name: at.object ?? ANYTHING } as const;
      return {
        statements: actions.map(({ command }) =>
          commandFacts({ effect: 'unknown', command: `INPUT ${command}`, object }, reason),
        ),
      };
    }
  }
}

/** What a line finds set up for it. */
export function settingOf(asked: ShellAsked): readonly (readonly [string, string])[] {
  if (asked.kind !== 'line') return [];
  const { directory, variables } = asked.setting;
  return [
    ...(directory === undefined ? [] : [['PWD', directory] as const]),
    ...[...variables].map(([name, { value }]) => [name, value] as const),
  ];
}

/** What a command line does, by the shell's grammar. */
export function lineFacts(line: string, options: LineOptions, at: RunAt): TextFacts {
  if (at.foreignShell !== undefined) {
    return unknownFacts(line, `"${at.foreignShell}" reads it, which is no POSIX shell`, at.object);
  }
  const { actions } = analyzeLine(line, { ...options, bash: at.bash === true });
  return {
    statements: actions.map((action) => commandFacts(shellAction(action, at.object), action.reason)),
  };
}

function shellAction({ effect, command, path }: ShellAction, object: string | undefined): Action {
  return { effect, command, object: { kind: 'other', name: object ?? path ?? ANYTHING } };
}

/** Something that nobody can see into. */
export function unknownFacts(command: string, reason: string, object = ANYTHING): TextFacts {
  return {
    statements: [
      commandFacts({ effect: 'unknown', command, object: { kind: 'other', name: object } }, reason),
    ],
  };
}

/** One command as policy takes it. */
export function commandFacts(action: Action, reason?: string): StatementFacts {
  return {
    start: 0,
    end: 0,
    tag: action.command.split(' ', 1)[0] ?? '',
    actions: [{ ...action, caseMatters: true }],
    conditions: [],
    functions: [],
    columnUses: [],
    changes: [],
    reasons: reason === undefined ? [] : [reason],
    explainable: false,
    dependsOnSession: true,
  };
}

/** `write: rm -rf /tmp/x`, one line an action. */
export function effectLines(facts: TextFacts): readonly string[] {
  const lines = facts.statements.flatMap((one) =>
    one.actions.map(({ effect, command }) => `${effect}: ${command}`),
  );
  return [...new Set(lines)];
}

/** `write command`, `admin command`, …: the gravest thing it does, for the notice. */
export function gravestEffect(facts: TextFacts): string {
  const found = new Set(facts.statements.flatMap((one) => one.actions.map(({ effect }) => effect)));
  for (const effect of ['unknown', 'admin', 'write', 'read'] as const) {
    if (found.has(effect)) return effect === 'unknown' ? 'command' : `${effect} command`;
  }
  return 'request';
}

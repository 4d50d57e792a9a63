import type { Decision } from '../../policy/decision.ts';
import type { SessionDesk, StatementToRecord } from '../../session/desk.ts';
import { analyzeLine, type LineOptions } from '../../shell/analyze.ts';
import type { ShellAction } from '../../shell/facts.ts';
import { assignmentsText, type LineSetting } from '../../shell/line/line-script.ts';
import { harmlessEnvironment } from '../../shell/variables.ts';
import type { Action, StatementFacts, TextFacts } from '../../sql/facts.ts';

export const SFTP_VERBS = ['READ', 'WRITE', 'REMOVE', 'LIST'] as const;

/** What a request of SFTP does to a path, by all the names that the path has. */
export interface SftpUse {
  readonly verb: (typeof SFTP_VERBS)[number];
  readonly paths: readonly string[];
}

/** Something a client asks for over SSH, as it is judged. */
export type Asked =
  | {
      readonly kind: 'exec';
      readonly line: string;
      readonly terminal: boolean;
      /** The login shell's name, where it is none that reads lines as POSIX says. */
      readonly foreignShell?: string | undefined;
    }
  | { readonly kind: 'shell'; readonly terminal: boolean }
  /** A shell of which each line is asked for by itself. */
  | { readonly kind: 'gated-shell' }
  /** A line of such a shell. No program gets keys of it, so nothing in it takes commands from a terminal. */
  | {
      readonly kind: 'line';
      readonly line: string;
      readonly setting: LineSetting;
      readonly foreignShell: string | undefined;
    }
  /** Keys for what a line runs. */
  | { readonly kind: 'input'; readonly line: string }
  | { readonly kind: 'subsystem'; readonly name: string }
  | { readonly kind: 'forward'; readonly host: string; readonly port: number; readonly unmaskable: boolean }
  | { readonly kind: 'environment'; readonly name: string; readonly value: string }
  | {
      readonly kind: 'sftp';
      /** Several for one request that does several things, as a rename does. */
      readonly uses: readonly SftpUse[];
      readonly unmaskable: boolean;
    };

/** True when a mask looks at every value, which it can't where bytes are not shown as text. */
export function detects(desk: SessionDesk): boolean {
  return desk.masks().some(({ detect }) => detect.length > 0);
}

/** What is judged, in the words that recording, approver and policy's `commands` get. */
export interface Judgement {
  readonly facts: TextFacts;
  readonly decision: Decision;
  readonly record: StatementToRecord;
}

export function judge(desk: SessionDesk, asked: Asked): Judgement {
  const facts = factsOf(asked);
  const decision = desk.decide(facts);
  return { facts, decision, record: { text: textOf(asked), decision, effects: effectLines(facts) } };
}

/** What a rule calls a shell of which each line is judged. */
const GATED = 'LINE-GATED SHELL';

/**
 * Which kind of shell the policy gives: the one that it lets in more easily, and of two that it meets alike the one
 * that is recorded only: whoever may have that needs no gate.
 */
export function shellMode(desk: SessionDesk): 'recorded' | 'line-gated' {
  const ease = { allow: 2, approve: 1, block: 0 } as const;
  const recorded = desk.decide(factsOf({ kind: 'shell', terminal: true })).outcome;
  const gated = desk.decide(factsOf({ kind: 'gated-shell' })).outcome;
  return ease[gated] > ease[recorded] ? 'line-gated' : 'recorded';
}

/** As it is written in recordings and shown to approvers. */
export function textOf(asked: Asked): string {
  switch (asked.kind) {
    case 'exec':
      return asked.line;
    case 'line':
      return asked.line;
    case 'shell':
      return 'SHELL';
    case 'gated-shell':
      return GATED;
    case 'input':
      return `INPUT ${asked.line}`;
    case 'subsystem':
      return `SUBSYSTEM ${asked.name}`;
    case 'forward':
      return `FORWARD ${asked.host}:${asked.port}`;
    case 'environment':
      return `ENV ${asked.name}=${asked.value}`;
    case 'sftp':
      return asked.uses.map(({ paths, verb }) => `SFTP ${verb} ${paths.join(' ')}`).join('; ');
  }
}

/** Effects and objects as policy takes them: every command its own statement, so that each keeps its reason. */
export function factsOf(asked: Asked): TextFacts {
  switch (asked.kind) {
    case 'exec':
      return lineFacts(asked.line, asked);
    case 'line':
      return lineFacts(assignmentsText(asked.setting.variables) + asked.line, {
        ...asked,
        terminal: false,
        keyless: true,
      });
    case 'shell':
      return unknown('SHELL', 'what is typed into a shell is recorded, not judged');
    case 'gated-shell':
      return unknown(GATED, 'a shell is opened where a rule names it, though each of its lines is judged');
    case 'input': {
      const reason = 'keys that are typed to a program are recorded, not judged';
      const { actions } = analyzeLine(asked.line, { terminal: true });
      return {
        statements: actions.map(({ command }) =>
          statement(
            { effect: 'unknown', command: `INPUT ${command}`, object: { kind: 'other', name: ANYTHING } },
            reason,
          ),
        ),
      };
    }
    case 'subsystem':
      return unknown(textOf(asked), `what the subsystem ${asked.name} does is not known`);
    case 'forward': {
      const name = `${asked.host}:${asked.port}`;
      const object = { kind: 'other', name } as const;
      if (asked.unmaskable) {
        const reason = 'masks cannot follow into a connection that is passed on';
        return one({ effect: 'unknown', command: textOf(asked), object }, reason);
      }
      return one({ effect: 'admin', command: textOf(asked), object });
    }
    case 'environment': {
      const command = `ENV ${asked.name}`;
      if (harmlessEnvironment(asked.name)) return one({ effect: 'session', command });
      return one({ effect: 'unknown', command }, `the variable ${asked.name} can change what runs`);
    }
    case 'sftp':
      return {
        statements: asked.uses.flatMap(({ paths, verb }) =>
          paths.map((path) => sftpStatement(verb, path, asked.unmaskable)),
        ),
      };
  }
}

function lineFacts(
  line: string,
  options: LineOptions & { readonly foreignShell?: string | undefined },
): TextFacts {
  if (options.foreignShell !== undefined) {
    return unknown(line, `"${options.foreignShell}" reads it, which is no POSIX shell`);
  }
  const { actions } = analyzeLine(line, options);
  return { statements: actions.map((action) => statement(shellAction(action), action.reason)) };
}

function unknown(command: string, reason: string): TextFacts {
  return one({ effect: 'unknown', command, object: { kind: 'other', name: ANYTHING } }, reason);
}

function sftpStatement(verb: SftpUse['verb'], path: string, unmaskable: boolean): StatementFacts {
  const command = `SFTP ${verb} ${path}`;
  const object = { kind: 'other', name: path } as const;
  if (verb === 'READ' && unmaskable) {
    const reason = 'masks cannot follow into the bytes of a file; read it with cat, whose output they cover';
    return statement({ effect: 'unknown', command, object }, reason);
  }
  const reads = verb === 'READ' || verb === 'LIST';
  return statement({ effect: reads ? 'read' : 'write', command, object });
}

function shellAction({ effect, command, path }: ShellAction): Action {
  return { effect, command, object: { kind: 'other', name: path ?? ANYTHING } };
}

/** What a program touches its command line does not tell. */
const ANYTHING = '*';

function one(action: Action, reason?: string): TextFacts {
  return { statements: [statement(action, reason)] };
}

function statement(action: Action, reason?: string): StatementFacts {
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

/** `write`, `admin`, …: the gravest thing it does, for the notice. */
export function gravestEffect(facts: TextFacts): string {
  const found = new Set(facts.statements.flatMap((one) => one.actions.map(({ effect }) => effect)));
  for (const effect of ['unknown', 'admin', 'write', 'read'] as const) {
    if (found.has(effect)) return effect === 'unknown' ? 'command' : `${effect} command`;
  }
  return 'request';
}

/** What `policy explain` is asked with for requests that are no command lines: `SHELL`, `SFTP READ /path`. */
export function askedBy(statement: string): Asked | undefined {
  const [word, verb = '', ...rest] = statement.trim().split(/ +/);
  switch (word) {
    case 'SHELL':
      return verb === '' ? { kind: 'shell', terminal: true } : undefined;
    case 'LINE-GATED':
      return verb === 'SHELL' && rest.length === 0 ? { kind: 'gated-shell' } : undefined;
    case 'INPUT':
      return { kind: 'input', line: statement.trim().slice('INPUT '.length) };
    case 'SUBSYSTEM':
      return { kind: 'subsystem', name: verb };
    case 'ENV': {
      const [name = '', value = ''] = verb.split('=', 2);
      return { kind: 'environment', name, value };
    }
    case 'FORWARD': {
      const [, host = '', port = ''] = /^\[?([^\]]+)\]?:(\d{1,5})$/.exec(verb) ?? [];
      return host === '' ? undefined : { kind: 'forward', host, port: Number(port), unmaskable: false };
    }
    case 'SFTP': {
      const known = SFTP_VERBS.find((one) => one === verb);
      return known && { kind: 'sftp', uses: [{ verb: known, paths: [rest.join(' ')] }], unmaskable: false };
    }
    default:
      return undefined;
  }
}

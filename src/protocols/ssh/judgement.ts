import { isStricter } from '../../policy/rule.ts';
import {
  commandFacts,
  effectLines,
  type Judgement,
  type LineReader,
  lineFacts,
  SHELL,
  type ShellAsked,
  settingOf,
  shellFacts,
  shellText,
  unknownFacts,
} from '../../session/command-line/judgement.ts';
import type { SessionDesk } from '../../session/desk.ts';
import { harmlessEnvironment } from '../../shell/variables.ts';
import type { Action, StatementFacts, TextFacts } from '../../sql/facts.ts';

const SFTP_VERBS = ['READ', 'WRITE', 'REMOVE', 'LIST'] as const;

/** What a request of SFTP does to a path, by all the names that the path has. */
export interface SftpUse {
  readonly verb: (typeof SFTP_VERBS)[number];
  readonly paths: readonly string[];
}

/** Something a client asks for over SSH, as it is judged. */
export type Asked =
  | ({ readonly kind: 'exec'; readonly line: string; readonly terminal: boolean } & LineReader)
  | { readonly kind: 'shell'; readonly terminal: boolean }
  /** A shell whose lines are judged, and what is asked for in it. */
  | (ShellAsked & LineReader)
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

export function judge(desk: SessionDesk, asked: Asked): Judgement {
  const facts = factsOf(asked);
  const decision = desk.decide(facts);
  const record = { text: textOf(asked), decision, effects: effectLines(facts) };
  return asked.kind === 'line'
    ? { facts, decision, record, setting: settingOf(asked) }
    : { facts, decision, record };
}

/** Which kind of shell the policy gives: the one that it lets in more easily. Who may have either needs no gate. */
export function shellMode(desk: SessionDesk): 'recorded' | 'line-gated' {
  const recorded = desk.decide(factsOf({ kind: 'shell', terminal: true }));
  const gated = desk.decide(factsOf({ kind: 'gated-shell' }));
  return isStricter(recorded.outcome, gated.outcome) ? 'line-gated' : 'recorded';
}

/** As it is written in recordings and shown to approvers. */
export function textOf(asked: Asked): string {
  switch (asked.kind) {
    case 'exec':
      return asked.line;
    case 'line':
    case 'gated-shell':
    case 'input':
      return shellText(asked);
    case 'shell':
      return SHELL.recorded;
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
      return execFacts(asked);
    case 'shell':
      return unknownFacts(SHELL.recorded, 'what is typed into a shell is recorded, not judged');
    case 'line':
    case 'gated-shell':
    case 'input':
      return shellFacts(asked, asked);
    case 'subsystem':
      return unknownFacts(textOf(asked), `what the subsystem ${asked.name} does is not known`);
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
      if (harmlessEnvironment(asked.name, asked.value)) return one({ effect: 'session', command });
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

/** Signing in for a line that does nothing there looks at the machine all the same. */
function execFacts(asked: Extract<Asked, { kind: 'exec' }>): TextFacts {
  const facts = lineFacts(asked.line, { terminal: asked.terminal }, asked);
  if (facts.statements.length > 0) return facts;
  return one({ effect: 'read', command: asked.line.trim() || ':', object: { kind: 'other', name: '*' } });
}

function sftpStatement(verb: SftpUse['verb'], path: string, unmaskable: boolean): StatementFacts {
  const command = `SFTP ${verb} ${path}`;
  const object = { kind: 'other', name: path } as const;
  if (verb === 'READ' && unmaskable) {
    const reason = 'masks cannot follow into the bytes of a file; read it with cat, whose output they cover';
    return commandFacts({ effect: 'unknown', command, object }, reason);
  }
  const reads = verb === 'READ' || verb === 'LIST';
  return commandFacts({ effect: reads ? 'read' : 'write', command, object });
}

function one(action: Action, reason?: string): TextFacts {
  return { statements: [commandFacts(action, reason)] };
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

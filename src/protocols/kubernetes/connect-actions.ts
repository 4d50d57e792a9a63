import { SHELL } from '../../session/command-line/judgement.ts';
import { analyzeLine } from '../../shell/analyze.ts';
import type { Action } from '../../sql/facts.ts';
import type { RequestActions } from './request-actions.ts';
import type { ResourceRequest } from './request-info.ts';
import { parameters, type RequestQuery } from './request-target.ts';

/** What exec and attach ask for (core/v1 PodExecOptions). */
export interface ProgramOptions {
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly tty: boolean;
  /** What a client opens for it, by name. */
  readonly streams: readonly ('error' | 'stdin' | 'stdout' | 'stderr')[];
}

/** Which streams exec and attach ask for, as the API server reads the parameters. */
export function programOptions(query: RequestQuery): ProgramOptions {
  const is = (name: string) => {
    const [value] = parameters(query, name);
    return value !== undefined && value !== '0' && value.toLowerCase() !== 'false';
  };
  const streams = (['stdin', 'stdout', 'stderr'] as const).filter(is);
  return {
    command: parameters(query, 'command'),
    stdin: is('stdin'),
    tty: is('tty'),
    streams: ['error', ...streams],
  };
}

/** As what a program of exec is read, where not as itself: as the kind of shell that it is to be. */
export type ShellReading = keyof typeof SHELL_READINGS;

const SHELL_READINGS = {
  recorded: { command: SHELL.recorded, reason: 'what is typed into a shell is recorded, not judged' },
  'line-gated': {
    command: SHELL.gated,
    reason: 'a shell is opened where a rule names it, though each of its lines is judged',
  },
} as const;

const NOTHING: RequestActions = { actions: [], reasons: [] };

/**
 * What a connection into a pod does besides being made: the program that exec runs, judged as its command line;
 * what nobody can see into is unknown. `unmaskable` is true where masks look at every value.
 */
export function connectActions(
  info: ResourceRequest,
  query: RequestQuery,
  named: string,
  unmaskable: boolean,
  reading: ShellReading | undefined,
): RequestActions {
  switch (info.subresource) {
    case 'exec': {
      if (reading === undefined) return programActions(programOptions(query), named);
      const { command, reason } = SHELL_READINGS[reading];
      return unknown(command, named, reason);
    }
    case 'attach':
      if (!programOptions(query).stdin) return NOTHING;
      return unknown(
        `ATTACH ${named} stdin`,
        named,
        'what is typed into a running program is recorded, not judged (kubectl exec -it POD -- sh may be)',
      );
    case 'portforward':
      if (!unmaskable) return NOTHING;
      return unknown(
        `PORT-FORWARD ${named}`,
        named,
        'masks cannot follow into a connection that is passed on',
      );
    default:
      return NOTHING;
  }
}

function programActions({ command, tty }: ProgramOptions, named: string): RequestActions {
  if (command.length === 0) return unknown(`EXEC ${named}`, named, 'it names no program');
  // The container runs the words as they are, without a shell: each is quoted, so that none means anything else.
  const line = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const { actions } = analyzeLine(line, { terminal: tty });
  const object = { kind: 'other', name: named } as const;
  return {
    actions: actions.map(
      ({ command: words, effect }): Action => ({ effect, command: words, caseMatters: true, object }),
    ),
    reasons: actions.flatMap(({ reason }) => (reason === undefined ? [] : [reason])),
  };
}

function unknown(command: string, named: string, reason: string): RequestActions {
  return {
    actions: [{ effect: 'unknown', command, object: { kind: 'other', name: named } }],
    reasons: [reason],
  };
}

import { randomBytes } from 'node:crypto';
import { StatementFailed } from '../../base/errors.ts';
import type { RunningProgram, ShellDoor, TerminalSize } from '../../session/command-line/program.ts';
import type { Judged } from '../../session/desk.ts';
import { lineScript } from '../../shell/line/line-script.ts';
import { ReportFilter } from '../../shell/line/report-filter.ts';
import { PROGRAM_PROTOCOLS } from './channels.ts';
import type { ContainerShell } from './container-shell.ts';
import { PodProgram } from './pod-program.ts';
import { impersonation } from './request-headers.ts';
import { parameter, type RequestTarget } from './request-target.ts';
import type { KubernetesSession } from './session.ts';
import type { Status } from './status.ts';
import type { Surroundings } from './surroundings.ts';
import { answered } from './upgrade-websocket.ts';

/** How long a shell may take to say that it is there, in milliseconds. */
const FIRST_MS = 30_000;

/** Where the lines of one shell run: the same container as the exec that opened it, by an exec for each. */
export class PodLines implements ShellDoor<TerminalSize> {
  readonly #session: KubernetesSession;
  readonly #around: Surroundings;
  readonly #target: RequestTarget;
  readonly #shell: ContainerShell;
  readonly #signal: AbortSignal;

  /** `target` is the request's that opened the shell; `signal` fires when nobody waits for it to open. */
  constructor(
    session: KubernetesSession,
    around: Surroundings,
    target: RequestTarget,
    shell: ContainerShell,
    signal: AbortSignal,
  ) {
    this.#session = session;
    this.#around = around;
    this.#target = target;
    this.#shell = shell;
    this.#signal = signal;
  }

  /**
   * Has the shell run nothing, which shows that it is there. The directory in which its lines begin; a Status where the
   * cluster does not exec, and the bytes of the one with which the shell ended instead of running. Spends the key.
   */
  async first(judged: Judged): Promise<{ readonly directory: string | undefined } | Status | Uint8Array> {
    const nonce = randomBytes(16).toString('hex');
    const script = lineScript('', { directory: undefined, variables: new Map(), status: 0 }, nonce);
    const program = await this.#open(judged, script, undefined);
    if (!(program instanceof PodProgram)) return program;
    const late = setTimeout(() => program.close(), FIRST_MS);
    const report = new ReportFilter(nonce);
    program.stdout.on('data', (bytes: Buffer) => report.push(bytes));
    program.stderr.resume();
    const exit = await program.exit;
    clearTimeout(late);
    const worked = 'code' in exit && exit.code === 0;
    if (worked) return { directory: report.reported };
    return (
      program.status ?? { code: 504, reason: 'Timeout', message: 'hoopctl: the shell did not open in time' }
    );
  }

  async exec(
    judged: Judged,
    script: string,
    size: TerminalSize | undefined,
  ): Promise<RunningProgram<TerminalSize>> {
    const program = await this.#open(judged, script, size);
    if (program instanceof PodProgram) return program;
    throw new StatementFailed('cluster_refused', `the cluster did not run it: ${program.message}`);
  }

  request(judged: Judged): void {
    this.#around.doorOf(this.#session).request(judged);
  }

  async #open(judged: Judged, script: string, size: TerminalSize | undefined): Promise<PodProgram | Status> {
    const { cluster, impersonate } = this.#around;
    const headers = impersonate ? impersonation(this.#session.desk.requester) : {};
    const target = execTarget(this.#target, this.#shell.runs(script), size !== undefined);
    const door = this.#around.doorOf(this.#session);
    const socket = await door.openWebSocket(judged, { headers, target }, PROGRAM_PROTOCOLS);
    const refused = await answered(socket, cluster, this.#signal);
    if (refused === undefined) return new PodProgram(socket, size);
    socket.terminate();
    return refused;
  }
}

/** An exec in the container of another one; nothing else of that goes on. */
function execTarget({ query, raw }: RequestTarget, command: readonly string[], terminal: boolean): string {
  const [path = ''] = raw.split('?', 1);
  const container = parameter(query, 'container');
  const parameters = new URLSearchParams();
  if (container !== undefined) parameters.append('container', container);
  for (const word of command) parameters.append('command', word);
  // A terminal has one stream for both, and its keys are the program's only input.
  for (const name of terminal ? ['stdin', 'stdout', 'tty'] : ['stdout', 'stderr']) {
    parameters.append(name, 'true');
  }
  return `${path}?${parameters}`;
}

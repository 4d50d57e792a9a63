import { randomBytes } from 'node:crypto';
import { StatementFailed } from '../../base/errors.ts';
import type { RunningProgram, ShellDoor, TerminalSize } from '../../session/command-line/program.ts';
import type { Judged } from '../../session/desk.ts';
import { lineScript } from '../../shell/line/line-script.ts';
import { ReportFilter } from '../../shell/line/report-filter.ts';
import { PROGRAM_PROTOCOLS, SPDY_PROGRAM_PROTOCOLS } from './channels.ts';
import type { ContainerShell } from './container-shell.ts';
import { type ExecStreams, WebSocketExec } from './exec-streams.ts';
import { refusalOf } from './opening.ts';
import { PodProgram } from './pod-program.ts';
import type { ApiRequest } from './request-facts.ts';
import { impersonation } from './request-headers.ts';
import { parameter, type RequestTarget } from './request-target.ts';
import type { KubernetesSession } from './session.ts';
import { SpdyExec } from './spdy/exec-streams.ts';
import { type Status, unavailable } from './status.ts';
import type { Surroundings } from './surroundings.ts';
import { answered } from './upgrade-websocket.ts';

/** How long a shell may take to say that it is there, in milliseconds. */
const FIRST_MS = 30_000;

/** Where the lines of one shell run: the same container as the exec that opened it, by an exec for each. */
export class PodLines implements ShellDoor<TerminalSize> {
  readonly #session: KubernetesSession;
  readonly #around: Surroundings;
  readonly #api: ApiRequest;
  readonly #shell: ContainerShell;
  readonly #carrier: 'websocket' | 'spdy';
  readonly #signal: AbortSignal;

  /**
   * `api` is the request that opened the shell, and `carrier` what it came by: the cluster is asked in the same way,
   * since its rights for them may be others. `signal` fires when the client has gone.
   */
  constructor(
    session: KubernetesSession,
    around: Surroundings,
    api: ApiRequest,
    shell: ContainerShell,
    carrier: 'websocket' | 'spdy',
    signal: AbortSignal,
  ) {
    this.#session = session;
    this.#around = around;
    this.#api = api;
    this.#shell = shell;
    this.#carrier = carrier;
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
    const { impersonate } = this.#around;
    const headers = impersonate ? impersonation(this.#session.desk.requester) : {};
    const target = execTarget(this.#api.target, this.#shell.runs(script), size !== undefined);
    const streams =
      this.#carrier === 'spdy'
        ? await this.#overSpdy(judged, { headers, target }, size !== undefined)
        : await this.#overWebSocket(judged, { headers, target });
    return 'reason' in streams ? streams : new PodProgram(streams, size);
  }

  async #overWebSocket(judged: Judged, outgoing: Asked): Promise<ExecStreams | Status> {
    const { cluster, doorOf } = this.#around;
    const socket = await doorOf(this.#session).openWebSocket(judged, outgoing, PROGRAM_PROTOCOLS);
    const refused = await answered(socket, cluster, this.#signal);
    if (refused === undefined) return new WebSocketExec(socket);
    socket.terminate();
    return refused;
  }

  async #overSpdy(judged: Judged, outgoing: Asked, terminal: boolean): Promise<ExecStreams | Status> {
    const { cluster, doorOf } = this.#around;
    const answer = await doorOf(this.#session)
      .openSpdy(judged, { ...outgoing, method: this.#api.method }, SPDY_PROGRAM_PROTOCOLS)
      .catch((error: unknown) => {
        throw cluster.unreachable(error);
      });
    if (!('protocol' in answer)) return refusalOf(answer, cluster);
    const taken = SPDY_PROGRAM_PROTOCOLS.some((one) => one === answer.protocol);
    if (taken && !this.#signal.aborted) return new SpdyExec(answer, terminal);
    answer.socket.destroy();
    return unavailable(
      this.#signal.aborted ? String(this.#signal.reason) : 'the cluster streams in no known way',
    );
  }
}

/** What is asked of the cluster. */
interface Asked {
  readonly headers: Record<string, string | string[]>;
  readonly target: string;
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

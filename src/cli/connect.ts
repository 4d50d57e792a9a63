import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Client } from '../api/client.ts';
import type { EndpointEvent } from '../api/endpoint-schemas.ts';
import { NotFound, systemCode, UsageError } from '../base/errors.ts';
import { clientEnvironment } from './client-environment.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';
import type { Io } from './io.ts';
import { tell } from './output.ts';
import { type StatedOptions, statedOf } from './stated.ts';
import { visible } from './visible-text.ts';

export interface ConnectOptions extends StatedOptions {
  readonly name: string;
  /** What stands after `--`. */
  readonly args: readonly string[];
  readonly client: string | undefined;
  /** The state directory. */
  readonly home: string;
}

/** Runs the native client against an endpoint of its own; its exit code is ours. */
export async function run(options: ConnectOptions, io: Io, client: Client): Promise<number> {
  const { protocol } = await client.call('connectionShow', { params: { name: options.name } });
  if (protocol === 'ssh') return runSsh(options, io, client);
  if (protocol === 'kubernetes') return runKubernetes(options, io, client);
  const { program, args } = programOf(options);
  const endpoint = await openEndpoint(client, {
    connection: options.name,
    ...statedOf(options),
    listen: { kind: 'tcp', port: 0 },
    // psql opens one session. Others (pgcli, pg_dump -j, pgbench -c) open several.
    single: program === 'psql',
  });
  try {
    const child = spawn(program, [...args], {
      stdio: 'inherit',
      env: clientEnvironment(io.env, endpoint.ready),
    });
    void announceSessions(endpoint, program, io);
    const code = await endOf(child, program, options.name, io);
    const failure = endpoint.failure();
    if (code !== 0 && failure !== undefined) throw failure;
    return code;
  } finally {
    endpoint.close();
  }
}

/** The real ssh: ARGS are its options and the command that is to run on the host. */
async function runSsh(options: ConnectOptions, io: Io, client: Client): Promise<number> {
  const { openSshEndpoint } = await import('./ssh-endpoint.ts');
  const { SSH_PROGRAMS, startSsh } = await import('./connect-ssh.ts');
  const program = options.client ?? 'ssh';
  if (!SSH_PROGRAMS.some((known) => known === program)) {
    throw new UsageError('bad_client', `${program} cannot be started for an SSH connection`, {
      why: `there are ${SSH_PROGRAMS.join(', ')}`,
      next: 'for scp, rsync, git and others: hoopctl ssh-config >> ~/.ssh/config',
    });
  }
  const { endpoint, key } = await openSshEndpoint(client, options);
  try {
    const { args, home, name } = options;
    const child = startSsh(endpoint, { program, args, connection: name, home, key }, io);
    void announceSessions(endpoint, program, io);
    const code = await endOf(child, program, name, io);
    const failure = endpoint.failure();
    if (code !== 0 && failure !== undefined) throw failure;
    return code;
  } finally {
    endpoint.close();
  }
}

/** The real kubectl, or another program that reads KUBECONFIG: ARGS are its own. */
async function runKubernetes(options: ConnectOptions, io: Io, client: Client): Promise<number> {
  const { startKubernetes } = await import('./connect-kubernetes.ts');
  const { args, home, name } = options;
  const program = options.client ?? 'kubectl';
  const endpoint = await openEndpoint(client, {
    connection: name,
    ...statedOf(options),
    listen: { kind: 'tcp', port: 0 },
  });
  try {
    const { child, remove } = startKubernetes(endpoint.ready, { program, args, connection: name, home }, io);
    void announceSessions(endpoint, program, io, waitingWords);
    try {
      return await endOf(child, program, name, io);
    } finally {
      remove();
    }
  } finally {
    endpoint.close();
  }
}

/** kubectl cannot say that its request waits. */
function waitingWords(event: EndpointEvent): string | undefined {
  if (event.type !== 'approval' || event.status !== 'pending' || event.by !== null) return undefined;
  const asked = event.approvers.length === 0 ? '' : ` · asked of ${event.approvers.join(', ')}`;
  return `this request needs approval: ${event.approval} · rule "${event.rule}"${asked}; an approver runs: hoopctl approve ${event.approval}`;
}

/** Arguments that begin with a dash are for the client; otherwise the first of them is the client. */
function programOf(options: ConnectOptions): { program: string; args: readonly string[] } {
  const [first, ...rest] = options.args;
  if (first === undefined || first.startsWith('-')) {
    return { program: options.client ?? 'psql', args: options.args };
  }
  if (options.client !== undefined) {
    throw new UsageError('two_clients', `both --client ${options.client} and "${first}" name a program`, {
      next: `hoopctl connect ${options.name} -- ${options.args.join(' ')}`,
    });
  }
  return { program: first, args: rest };
}

/** Says which session records what the client does. The daemon's end is the client's to report. */
async function announceSessions(
  endpoint: Endpoint,
  program: string,
  io: Io,
  wordsFor: (event: EndpointEvent) => string | undefined = () => undefined,
): Promise<void> {
  const { serverVersion, policy } = endpoint.ready;
  const name = program.split('/').at(-1) ?? program;
  const client = name === 'psql' ? `psql (${serverVersion})` : `${name} · server ${serverVersion}`;
  // The client may have made the terminal raw by now, where a line end alone leads straight down.
  const say = (text: string) => tell(io, `${visible(text)}${io.err.isTTY ? '\r' : ''}`);
  try {
    for await (const event of endpoint.events) {
      const words = wordsFor(event);
      if (words !== undefined) say(words);
      if (event.type !== 'session-opened') continue;
      say(`${client} · session ${event.session} · recorded · policy "${policy}"`);
    }
  } catch {
    // The client sees its connection end and says so in its own words.
  }
}

function endOf(child: ChildProcess, program: string, connection: string, io: Io): Promise<number> {
  return new Promise((resolve, reject) => {
    // The terminal sends Ctrl-C to the client as well, and it is the client's to understand.
    const release = io.onSignal((signal) => {
      if (signal === 'SIGTERM') child.kill('SIGTERM');
    });
    child.once('error', (error) => {
      release();
      reject(systemCode(error) === 'ENOENT' ? noProgram(program, connection) : error);
    });
    child.once('exit', (code, signal) => {
      release();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

function noProgram(program: string, connection: string): NotFound {
  const why =
    program === 'ssh' || program === 'sftp'
      ? 'it comes with the package openssh-client (Debian, Ubuntu) or openssh-clients (Fedora)'
      : program === 'psql'
        ? 'it comes with the package postgresql-client (Debian, Ubuntu), postgresql (Fedora) or libpq (Homebrew)'
        : 'there is no such program on the PATH';
  return new NotFound('no_client', `${program} is not on this machine`, {
    why,
    next: `install it, or use another client: hoopctl proxy ${connection}`,
  });
}

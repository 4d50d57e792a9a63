import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Client } from '../api/client.ts';
import { NotReachable } from '../base/errors.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';
import type { Io } from './io.ts';
import { acceptsConnections } from './local-port.ts';
import { say } from './output.ts';

/**
 * A process of this machine that relays the clients of one connection to a gateway, for clients whose own
 * configuration names a port and a program that fetches the credential. It ends a while after it was last asked for.
 */
export interface KeptRelay {
  readonly url: string;
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly database: string;
  readonly token: string;
  /** When to ask again. */
  readonly expiresAt: string;
}

/** Whose relay it is: nobody else's credential is ever taken for theirs. */
export interface RelayOwner {
  /** The state directory. */
  readonly home: string;
  readonly gateway: string;
  readonly identity: string;
  readonly connection: string;
}

/** How long a relay lives after it was last asked for, while no session uses it, in milliseconds. */
const LIFETIME = 15 * 60_000;
/** Clients ask again so soon. */
const ASK_AGAIN = 10 * 60_000;
const LOOK_EVERY = 30_000;
const START_MS = 30_000;
const LONGEST_WORDS = 16 * 1024;

/** What the process tells of itself in a file (0600) beside the kubeconfigs of sessions. */
const toldSchema = z.object({
  pid: z.number().int().positive(),
  port: z.number().int(),
  url: z.string(),
  certificate: z.string(),
  database: z.string(),
  token: z.string(),
});
type Told = z.infer<typeof toldSchema>;

function fileOf({ connection, gateway, home, identity }: RelayOwner, port: number): string {
  const whose = createHash('sha256')
    .update(JSON.stringify([gateway, identity, connection]))
    .digest('hex');
  return join(home, 'kube', `relay-${whose.slice(0, 32)}-${port}.json`);
}

/** The relay at this port, started where there is none; 0 for an unused port. Throws NotReachable `relay_failed`. */
export async function lendRelay(
  owner: RelayOwner,
  port: number,
  program: readonly [runtime: string, launcher: string],
  io: Io,
): Promise<KeptRelay> {
  const running = port === 0 ? undefined : await runningRelay(fileOf(owner, port));
  const told = running ?? (await startRelay(owner, port, program, io).catch(otherStart(owner, port)));
  utimesSync(fileOf(owner, told.port), io.now() / 1000, io.now() / 1000);
  const { certificate, database, token, url } = told;
  const expiresAt = new Date(io.now() + ASK_AGAIN).toISOString();
  return { url, port: told.port, certificate, database, token, expiresAt };
}

/** Two clients may start one at once: the one that lost the port takes what the other has started. */
function otherStart(owner: RelayOwner, port: number): (failure: unknown) => Promise<Told> {
  return async (failure) => {
    const running = port === 0 ? undefined : await runningRelay(fileOf(owner, port));
    if (running !== undefined) return running;
    throw failure;
  };
}

async function runningRelay(file: string): Promise<Told | undefined> {
  const told = readTold(file);
  if (told === undefined) return undefined;
  return (await acceptsConnections(told.port)) && lives(told.pid) ? told : undefined;
}

function readTold(file: string): Told | undefined {
  try {
    return toldSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function startRelay(
  owner: RelayOwner,
  port: number,
  [runtime, launcher]: readonly [runtime: string, launcher: string],
  io: Io,
): Promise<Told> {
  const { connection } = owner;
  const args = [launcher, 'kubeconfig', connection, '--hold', '--port', String(port), '--no-input'];
  const child = spawn(runtime, port === 0 ? args.filter((one) => one !== '--port' && one !== '0') : args, {
    cwd: '/',
    detached: true,
    env: { ...io.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const at = await firstWords(child);
  const told = readTold(fileOf(owner, at));
  if (told !== undefined) return told;
  throw new NotReachable('relay_failed', 'the relay to the gateway ended at once');
}

/** The port that it serves. Throws with its own last words when it ends instead. */
function firstWords(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let [out, said] = ['', ''];
    const failed = () => {
      const why = said.trim().slice(-LONGEST_WORDS);
      child.kill();
      reject(
        new NotReachable('relay_failed', 'no relay to the gateway could be started', why ? { why } : {}),
      );
    };
    const late = setTimeout(failed, START_MS);
    child.once('error', failed);
    child.once('exit', failed);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (!out.includes('\n')) return;
      clearTimeout(late);
      child.removeAllListeners('exit');
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
      resolve(Number.parseInt(out, 10));
    });
  });
}

/** Is that process: serves until nobody has asked for it for a while, or the gateway ends it. */
export async function holdRelay(owner: RelayOwner, port: number, io: Io, client: Client): Promise<void> {
  const { connection } = owner;
  const endpoint = await openEndpoint(client, { connection, listen: { kind: 'tcp', port } });
  const { certificate = '', database, password: token, port: at, url } = endpoint.ready;
  const file = fileOf(owner, at);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}`;
  const told: Told = { pid: process.pid, port: at, url, certificate, database, token };
  writeFileSync(fresh, JSON.stringify(told), { mode: 0o600, flag: 'wx' });
  renameSync(fresh, file);
  say(io, String(at));
  // Who has started it reads no more than that.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const release = io.onSignal(() => endpoint.close());
  try {
    await untilUnused(endpoint, file, io);
  } finally {
    release();
    endpoint.close();
    if (readTold(file)?.pid === process.pid) rmSync(file, { force: true });
  }
}

async function untilUnused(endpoint: Endpoint, file: string, io: Io): Promise<void> {
  let sessions = 0;
  const look = setInterval(() => {
    const asked = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (sessions === 0 && io.now() - asked > LIFETIME) endpoint.close();
  }, LOOK_EVERY);
  try {
    for await (const event of endpoint.events) {
      if (event.type === 'session-opened') sessions += 1;
      if (event.type === 'session-closed') sessions -= 1;
    }
  } finally {
    clearInterval(look);
  }
}

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Internal, NotFound } from '../base/errors.ts';
import { type HostBlock, withBlocks } from './ssh-blocks.ts';

/** The name under which SSH clients know every gateway; which key that is, each connection's own file tells. */
const HOST_ALIAS = 'hoopctl-gateway';

/** A key pair of this machine's own. It opens nothing by itself: an endpoint takes it only from who may open that. */
export interface ClientKey {
  readonly path: string;
  /** One line. */
  readonly public: string;
}

/** Files for SSH clients below the state directory, readable by their owner alone. */
function sshDirectory(home: string): string {
  const directory = join(home, 'ssh');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  return directory;
}

/** The key that this machine's SSH clients prove themselves with, made at the first need. Throws NotFound `no_client`. */
export async function clientKey(home: string): Promise<ClientKey> {
  const path = join(sshDirectory(home), 'client_ed25519');
  if (!existsSync(`${path}.pub`)) await makeKey(path);
  return { path, public: readFileSync(`${path}.pub`, 'utf8').trim() };
}

async function makeKey(path: string): Promise<void> {
  const fresh = `${path}.${process.pid}`;
  const code = await new Promise<number | null>((resolve, reject) => {
    const words = ['-q', '-t', 'ed25519', '-N', '', '-C', 'hoopctl', '-f', fresh];
    const child = spawn('ssh-keygen', words, { stdio: ['ignore', 'ignore', 'ignore'] });
    child.once('error', () =>
      reject(
        new NotFound('no_client', 'ssh-keygen is not on this machine', {
          why: 'it comes with the package openssh-client (Debian, Ubuntu) or openssh-clients (Fedora)',
          next: 'install it',
        }),
      ),
    );
    child.once('exit', resolve);
  });
  if (code !== 0)
    throw new Internal('no_client_key', 'ssh-keygen could not make a key', { next: `ls -l ${path}` });
  // Everything in the state directory is its owner's alone.
  chmodSync(`${fresh}.pub`, 0o600);
  // Another command may have been first; whoever is last wins whole, the private part before the public one.
  renameSync(fresh, path);
  renameSync(`${fresh}.pub`, `${path}.pub`);
}

/** Where a connection's endpoints are known by their key; named by what it is for, so that any name does. */
export function knownHostsPath(home: string, connection: string): string {
  const directory = join(sshDirectory(home), 'known_hosts');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return join(directory, createHash('sha256').update(connection).digest('hex').slice(0, 16));
}

/** Writes the key that the endpoint will show, as the API told it; before any client asks. */
export function writeKnownHosts(path: string, hostKey: string): void {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, `${HOST_ALIAS} ${hostKey.trim()}\n`, { mode: 0o600 });
  renameSync(fresh, path);
}

/** How an OpenSSH client is told to know the gateway and prove itself to it, and to do nothing else. */
export function clientSettings(key: ClientKey, knownHosts: string): readonly (readonly [string, string])[] {
  return [
    ['IdentityFile', quotedPath(key.path)],
    ['IdentitiesOnly', 'yes'],
    ['IdentityAgent', 'none'],
    ['PreferredAuthentications', 'publickey'],
    ['HostKeyAlias', HOST_ALIAS],
    ['UserKnownHostsFile', quotedPath(knownHosts)],
    ['GlobalKnownHostsFile', '/dev/null'],
    ['StrictHostKeyChecking', 'yes'],
    ['UpdateHostKeys', 'no'],
    ['ForwardAgent', 'no'],
    ['ForwardX11', 'no'],
  ];
}

/** ssh_config(5): quotes keep blanks, and a percent sign is doubled. */
function quotedPath(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}

/**
 * Writes a gateway's host blocks to `~/.ssh/hoopctl.conf`, beside those of others, and has `~/.ssh/config` include it, before all else, because what stands
 * there behind a Host line counts for that host alone. `included`: it did already.
 */
export function installConfig(
  hosts: readonly HostBlock[],
  source: string,
  home: string,
): { readonly file: string; readonly included: boolean; readonly hidden: ReadonlyMap<string, string> } {
  const directory = join(home, '.ssh');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'hoopctl.conf');
  const { hidden, text } = withBlocks(existsSync(file) ? readFileSync(file, 'utf8') : '', source, hosts);
  replaceFile(file, text);
  const config = join(directory, 'config');
  const before = existsSync(config) ? readFileSync(config, 'utf8') : '';
  // Ahead of the first Host or Match line.
  const head = before.split(/^[ \t]*(?:host|match)[ \t=]/im)[0] ?? '';
  if (/^[ \t]*include[ \t=]+"?(?:~\/\.ssh\/)?hoopctl\.conf"?[ \t]*$/im.test(head))
    return { file, included: true, hidden };
  replaceFile(config, `Include hoopctl.conf\n${before === '' ? '' : `\n${before}`}`);
  return { file, included: false, hidden };
}

/** Whole or not at all, and readable by its owner alone; a link is written through. */
function replaceFile(path: string, text: string): void {
  const place = existsSync(path) ? realpathSync(path) : path;
  const fresh = `${place}.${process.pid}`;
  writeFileSync(fresh, text, { mode: 0o600 });
  renameSync(fresh, place);
}

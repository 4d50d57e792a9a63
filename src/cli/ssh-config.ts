import { homedir } from 'node:os';
import type { Client } from '../api/client.ts';
import { NotFound, UsageError } from '../base/errors.ts';
import { contextName, LOCAL } from '../login/contexts.ts';
import type { Io } from './io.ts';
import { printDocument, say, tell, warn } from './output.ts';
import { blocksText } from './ssh-blocks.ts';
import { clientKey, clientSettings, installConfig, knownHostsPath } from './ssh-files.ts';
import { visible } from './visible-text.ts';

export interface SshConfigOptions {
  readonly json: boolean;
  /** None: every SSH connection that the caller may open. */
  readonly names: readonly string[];
  readonly home: string;
  /** What `hoopctl` was started with, as words. */
  readonly program: readonly string[];
  /** The gateway in use, by the name of its context; undefined for the daemon on this machine. */
  readonly gateway: string | undefined;
  /** Write it where ssh looks instead of printing it. */
  readonly install: boolean;
}

/** Prints `Host` blocks with which ssh, scp, sftp, rsync and git go through the gateway by a connection's name. */
export async function run(options: SshConfigOptions, io: Io, client: Client): Promise<void> {
  const { connections } = await client.call('connectionList', {});
  const { identity } = await client.call('whoami', {});
  const open = connections.filter(({ protocol, mayConnect }) => protocol === 'ssh' && mayConnect);
  for (const name of options.names) {
    if (!open.some((connection) => connection.name === name)) {
      throw new NotFound('no_such_connection', `there is no SSH connection ${name} that you may open`, {
        next: 'hoopctl connection list',
      });
    }
  }
  const names = options.names.length > 0 ? options.names : open.map(({ name }) => name);
  if (names.length === 0) tell(io, 'there are no SSH connections that you may open');
  const key = await clientKey(options.home);
  const hosts = names.map((name) => ({
    names: namesOf(name, options.gateway),
    settings: [
      ['User', identity.name] as const,
      ['ProxyCommand', proxyCommand(options, io, name)] as const,
      ...clientSettings(key, knownHostsPath(options.home, name)),
    ],
  }));
  if (options.json) {
    return printDocument(io, {
      hosts: hosts.map(({ names: [host], settings }) => ({ host, settings: Object.fromEntries(settings) })),
    });
  }
  if (!options.install) {
    const head = '# Written by hoopctl ssh-config; write it anew when connections come or go.\n';
    return void io.out.write(head + blocksText(hosts));
  }
  // The same name may be another gateway in another state directory.
  const source = `${options.gateway ?? LOCAL}, state in ${options.home.replace(/[\r\n]/g, '?')}`;
  const { file, hidden, included } = installConfig(hosts, source, io.env.HOME ?? homedir());
  const count = names.length === 1 ? '1 host' : `${names.length} hosts`;
  say(io, `${count} in ${visible(file)}${included ? '' : ', included in ~/.ssh/config'}`);
  for (const [name, other] of hidden) {
    const own = namesOf(name, options.gateway)[1];
    const way = own === undefined ? '' : `; this one is ${visible(own)}`;
    warn(io, `ssh ${visible(name)} goes to that of ${visible(other)}, which stands first${way}`);
  }
}

/** Its name, and for a gateway one that no other gateway's connection has: `web-1.team`. */
function namesOf(name: string, gateway: string | undefined): readonly string[] {
  return gateway !== undefined && contextName.safeParse(gateway).success
    ? [name, `${name}.${gateway}`]
    : [name];
}

/** What a gateway that is named by its URL is trusted by. */
const TRUST = ['HOOPCTL_GATEWAY_FINGERPRINT', 'HOOPCTL_GATEWAY_CA'];

/** Run by the user's shell. Which state directory or gateway it is for must not depend on who runs it. */
function proxyCommand({ gateway, program }: SshConfigOptions, io: Io, name: string): string {
  const given = ['HOOPCTL_HOME', 'HOOPCTL_GATEWAY', ...TRUST].flatMap((variable) => {
    const value = io.env[variable];
    return value === undefined || value === '' ? [] : [`${variable}=${value}`];
  });
  // A block is for the gateway it was written for, whichever is in use when it is read.
  const named = given.some((word) => word.startsWith('HOOPCTL_GATEWAY='));
  const kept = named ? given : [...given, `HOOPCTL_GATEWAY=${gateway ?? 'local'}`];
  const words = [...(kept.length > 0 ? ['env', ...kept] : []), ...program, 'proxy', '--stdio', '--', name];
  if (words.some((word) => /[\r\n]/.test(word))) {
    throw new UsageError('bad_path', 'a path with a line break cannot stand in an SSH configuration');
  }
  return words.map(shellWord).join(' ').replaceAll('%', '%%');
}

function shellWord(word: string): string {
  return /^[A-Za-z0-9_@+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

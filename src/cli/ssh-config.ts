import { homedir } from 'node:os';
import type { Client } from '../api/client.ts';
import { NotFound, UsageError } from '../base/errors.ts';
import type { Io } from './io.ts';
import { printDocument, say, tell } from './output.ts';
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
    host: name,
    settings: [
      ['User', identity.name] as const,
      ['ProxyCommand', proxyCommand(options, io, name)] as const,
      ...clientSettings(key, knownHostsPath(options.home, name)),
    ],
  }));
  if (options.json) {
    return printDocument(io, {
      hosts: hosts.map(({ host, settings }) => ({ host, settings: Object.fromEntries(settings) })),
    });
  }
  const blocks = hosts.map(
    ({ host, settings }) =>
      `Host ${host}\n${settings.map(([name, value]) => `    ${name} ${value}\n`).join('')}`,
  );
  const text = `# Written by hoopctl ssh-config; write it anew when connections come or go.\n${blocks.join('')}`;
  if (!options.install) return void io.out.write(text);
  const { file, included } = installConfig(text, io.env.HOME ?? homedir());
  say(io, `${names.length} hosts in ${visible(file)}${included ? '' : ', included in ~/.ssh/config'}`);
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

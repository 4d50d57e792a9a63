import { createHash } from 'node:crypto';
import type { Client, ConnectConfig, HostVerifier } from 'ssh2';
import ssh2 from 'ssh2';
import { type HoopError, NotPermitted, NotReachable } from '../../base/errors.ts';
import { describeConnection, hostInUrl, type SshSettings } from './connection.ts';

/** From the first byte to the end of authentication, in milliseconds. */
const DIAL_MS = 15_000;
/** A target that answers none of three of these is gone, in milliseconds. */
const KEEPALIVE_MS = 20_000;
const KEEPALIVES = 3;

/** A target that has let the gateway in. */
export interface TargetConnection {
  readonly client: Client;
  /** `OpenSSH_9.2p1 Debian-2`, in the server's own words. */
  readonly server: string;
}

/** The fingerprint of a host's key as OpenSSH prints it. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/**
 * Connects and authenticates with the connection's credential: a private key, a password, or an agent's key.
 * Throws NotReachable `target_unreachable`, NotPermitted `host_key_unknown`, `host_key_changed`,
 * `target_refused_login`, `bad_private_key`.
 */
export async function connectTarget(
  settings: SshSettings,
  secret: string | undefined,
  signal?: AbortSignal,
): Promise<TargetConnection> {
  if (settings.hostKey === undefined) throw hostKeyUnknown(settings, undefined);
  const pinned = settings.hostKey;
  const login = credential(settings, secret);
  const { client, refused } = begin(settings, (found) => found === pinned, login, signal);
  await ready(client, settings, login.password, () =>
    refused.key === undefined ? undefined : hostKeyChanged(settings, pinned, refused.key),
  );
  return { client, server: serverOf(client) };
}

/** The fingerprint of the key that the host proves itself with now; authenticates nobody. Throws NotReachable. */
export async function hostKeyOf(settings: SshSettings): Promise<string> {
  const { client, refused } = begin(settings, () => false, {});
  try {
    await ready(client, settings, undefined, () => undefined);
  } catch (error) {
    if (refused.key === undefined) throw error;
  }
  if (refused.key === undefined) throw new NotReachable('target_unreachable', 'the host showed no key');
  return refused.key;
}

function begin(
  settings: SshSettings,
  trusted: (fingerprint: string) => boolean,
  login: ConnectConfig,
  signal?: AbortSignal,
) {
  const client = new ssh2.Client();
  const refused: { key: string | undefined } = { key: undefined };
  const hostVerifier = (key: Buffer): boolean => {
    const found = fingerprintOf(key);
    const good = trusted(found);
    if (!good) refused.key = found;
    return good;
  };
  const stop = () => client.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  client.once('close', () => signal?.removeEventListener('abort', stop));
  client.connect({
    host: settings.host,
    port: settings.port,
    username: settings.user,
    readyTimeout: DIAL_MS,
    keepaliveInterval: KEEPALIVE_MS,
    keepaliveCountMax: KEEPALIVES,
    hostVerifier: hostVerifier as HostVerifier,
    ident: 'hoopctl',
    ...login,
  });
  return { client, refused };
}

function credential(settings: SshSettings, secret: string | undefined): ConnectConfig {
  if (settings.agent !== undefined) return { agent: settings.agent };
  if (secret === undefined) return {};
  if (!/^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(secret.trimStart())) {
    return {
      password: secret,
      tryKeyboard: true,
    };
  }
  const privateKey = `${secret.trim()}\n`;
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) {
    const encrypted = /encrypted|passphrase/i.test(key.message);
    throw new NotPermitted('bad_private_key', 'the private key of this connection cannot be used', {
      why: encrypted ? 'it is locked with a passphrase' : 'it is damaged or of an unknown kind',
      next: encrypted
        ? 'add it to an agent and name that in the URL: ?agent=/path/of/socket, or give an unlocked copy by --secret-ref exec:COMMAND'
        : 'give a private key in OpenSSH or PEM form',
    });
  }
  return { privateKey };
}

function ready(
  client: Client,
  settings: SshSettings,
  password: string | undefined,
  refusal: () => HoopError | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const where = describeConnection(settings);
    const fail = (error?: Error & { level?: string; code?: string }) => {
      client.destroy();
      reject(refusal() ?? failure(where, error));
    };
    client.once('ready', () => {
      client.off('error', fail);
      // What breaks later is told by `close`.
      client.on('error', () => {});
      resolve();
    });
    client.on('error', fail);
    client.once('close', () => fail());
    client.on('keyboard-interactive', (_name, _instructions, _language, prompts, finish) => {
      // Servers that take passwords by this method only ask for one thing, unseen.
      finish(prompts.map(({ echo }) => (echo === true ? '' : (password ?? ''))));
    });
  });
}

function failure(where: string, error: (Error & { level?: string; code?: string }) | undefined): HoopError {
  if (error?.level === 'client-authentication') {
    return new NotPermitted('target_refused_login', `${where} does not accept the credential`, {
      why: error.message,
      next: 'hoopctl connection edit NAME --password-stdin, or --secret-ref file:/path/of/private/key',
    });
  }
  return new NotReachable('target_unreachable', `${where} could not be reached`, {
    why: error?.code ?? error?.message ?? 'the connection was closed',
    next: 'hoopctl connection test NAME',
  });
}

function serverOf(client: Client): string {
  const version = (client as unknown as { readonly _remoteVer?: unknown })._remoteVer;
  return typeof version === 'string' ? version.slice(0, 100) : 'an SSH server';
}

/** Nobody has said yet that this key is the host's. `why` begins with the fingerprint, when one was seen. */
export function hostKeyUnknown(settings: SshSettings, seen: string | undefined): NotPermitted {
  return new NotPermitted(
    'host_key_unknown',
    `the host key of ${describeConnection(settings)} is not known`,
    {
      ...(seen === undefined
        ? {}
        : { why: `${seen} is what the host shows now; compare it with what its owner says` }),
      next: 'add --accept-host-key, or name it: --url ssh://…?hostkey=SHA256:…',
    },
  );
}

function hostKeyChanged(settings: SshSettings, pinned: string, seen: string): NotPermitted {
  return new NotPermitted(
    'host_key_changed',
    `${hostInUrl(settings.host)} shows another host key than before`,
    {
      why: `pinned ${pinned}, shown ${seen}: somebody may be listening in, or the host was set up anew`,
      next: `if it was: hoopctl connection edit NAME --url 'ssh://…?hostkey=${seen}'`,
    },
  );
}

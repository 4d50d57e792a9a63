import type { Duplex } from 'node:stream';
import type { Client, ConnectConfig, HostVerifier, ServerHostKeyAlgorithm } from 'ssh2';
import ssh2 from 'ssh2';
import { type HoopError, NotPermitted, NotReachable } from '../../base/errors.ts';
import type { Means } from '../protocol.ts';
import { CIPHERS } from './ciphers.ts';
import { describeConnection, type SshSettings } from './connection.ts';
import { demandCertificate } from './host-trust/certified-exchange.ts';
import { fingerprintOf, typeOf } from './host-trust/public-key.ts';
import { ALL_ALGORITHMS, type HostTrust, hostKeyUnknown, trustOf } from './host-trust/trust.ts';
import { isPrivateKey, readPrivateKey } from './private-key.ts';
import { wayTo } from './way.ts';

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

/** What a connection keeps of a credential, in clear. */
export interface Credential {
  /** A private key or a password. */
  readonly secret: string | undefined;
  /** What unlocks the key. */
  readonly passphrase: string | undefined;
}

export interface DialTerms {
  readonly signal?: AbortSignal | undefined;
  /** Connections that already lead through this one. */
  readonly jumps?: number;
}

/** Machines behind one address may hold different keys under one authority; it is asked of so many. */
const MOST_ATTEMPTS = 3;

/**
 * Connects and authenticates with the connection's credential: a private key, a password, or an agent's key; the
 * host has proved itself before, by a pinned key or a certificate. Throws NotReachable `target_unreachable`,
 * NotPermitted `host_key_unknown`, `host_key_changed`, `host_key_revoked`, `host_certificate_refused`,
 * `target_refused_login`, and what `readPrivateKey` throws.
 */
export async function connectTarget(
  settings: SshSettings,
  credential: Credential,
  means: Means,
  { jumps = 0, signal }: DialTerms = {},
): Promise<TargetConnection> {
  if (settings.hostKeys.length === 0 && settings.hostAuthorities.length === 0) {
    throw hostKeyUnknown(settings, undefined);
  }
  const login = await loginOf(settings, credential);
  const way = await wayTo(settings, means, jumps, signal);
  try {
    for (let attempt = 1; ; attempt++) {
      const trust = await trustOf(
        settings,
        () => way.open(),
        () => Date.now(),
      );
      const { client, shown } = begin(settings, await way.open(), trust, login);
      const stop = () => client.destroy();
      signal?.addEventListener('abort', stop, { once: true });
      client.once('close', () => signal?.removeEventListener('abort', stop));
      try {
        await ready(client, settings, login.password, () => shown.refusal);
        client.once('close', () => way.close());
        return { client, server: serverOf(client) };
      } catch (error) {
        const anotherMachine = trust.byCertificate && shown.refusal !== undefined;
        if (!anotherMachine || attempt >= MOST_ATTEMPTS) throw error;
      }
    }
  } catch (error) {
    way.close();
    throw error;
  }
}

/**
 * The key that the host proves itself with now, `ssh-ed25519/SHA256:…`; authenticates nobody there. Throws
 * NotReachable, and what the way through another connection throws.
 */
export async function hostKeyOf(settings: SshSettings, means: Means): Promise<string> {
  const way = await wayTo(settings, means, 0, undefined);
  let seen: Buffer | undefined;
  const nobody: HostTrust = {
    algorithms: ALL_ALGORITHMS,
    byCertificate: false,
    accepts: () => false,
    refusal(key) {
      seen = Buffer.from(key);
      return hostKeyUnknown(settings, fingerprintOf(key));
    },
  };
  try {
    const { client, shown } = begin(settings, await way.open(), nobody, {});
    await ready(client, settings, undefined, () => shown.refusal);
  } catch (error) {
    if (seen === undefined) throw error;
  } finally {
    way.close();
  }
  if (seen === undefined) throw new NotReachable('target_unreachable', 'the host showed no key');
  return `${typeOf(seen)}/${fingerprintOf(seen)}`;
}

/**
 * Reaches the host and has it prove that it is the one that is meant; authenticates nobody there. Throws what
 * `connectTarget` throws before a login.
 */
export async function checkHost(settings: SshSettings, means: Means): Promise<void> {
  const way = await wayTo(settings, means, 0, undefined);
  try {
    const trust = await trustOf(
      settings,
      () => way.open(),
      () => Date.now(),
    );
    let isKnown = false;
    const once: HostTrust = {
      ...trust,
      accepts(key) {
        isKnown = trust.accepts(key);
        return false;
      },
    };
    const { client, shown } = begin(settings, await way.open(), once, {});
    await ready(client, settings, undefined, () => shown.refusal).catch((error: unknown) => {
      if (!isKnown) throw error;
    });
  } finally {
    way.close();
  }
}

function begin(settings: SshSettings, sock: Duplex, trust: HostTrust, login: ConnectConfig) {
  const client = new ssh2.Client();
  const shown: { refusal: HoopError | undefined } = { refusal: undefined };
  const hostVerifier = (key: Buffer): boolean => {
    const good = trust.accepts(key);
    if (!good) shown.refusal = trust.refusal(key);
    return good;
  };
  client.connect({
    sock: sock as ConnectConfig['sock'] & object,
    username: settings.user,
    readyTimeout: DIAL_MS,
    keepaliveInterval: KEEPALIVE_MS,
    keepaliveCountMax: KEEPALIVES,
    hostVerifier: hostVerifier as HostVerifier,
    algorithms: { serverHostKey: [...trust.algorithms] as ServerHostKeyAlgorithm[], cipher: CIPHERS },
    ident: 'hoopctl',
    ...login,
  });
  if (trust.certified !== undefined) {
    demandCertificate(client, trust.certified, (other) => {
      shown.refusal = trust.refusal(other);
    });
  }
  return { client, shown };
}

async function loginOf(settings: SshSettings, { passphrase, secret }: Credential): Promise<ConnectConfig> {
  if (settings.agent !== undefined) return { agent: settings.agent };
  if (secret === undefined) return {};
  if (isPrivateKey(secret)) return { privateKey: await readPrivateKey(secret, passphrase) };
  return { password: secret, tryKeyboard: true };
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
    client.once('change password', () => {
      client.destroy();
      reject(
        new NotPermitted('target_refused_login', `${where} wants a new password before it lets anybody in`, {
          next: 'change it there, then: hoopctl connection edit NAME --password-stdin',
        }),
      );
    });
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
      next: 'hoopctl connection edit NAME --password-stdin, or --key file:/path/of/private/key',
    });
  }
  return new NotReachable('target_unreachable', `${where} could not be reached`, {
    why: reasonOf(error),
    // As where it shows a certificate and no plain key.
    next: /no matching host key/i.test(error?.message ?? '')
      ? 'it may prove its key by a certificate alone: give the authority with --host-ca FILE'
      : 'hoopctl connection test NAME',
  });
}

/** A system's error has a word for its code; a server's goodbye has a number, and words beside it (RFC 4253, 11.1). */
function reasonOf(error: (Error & { code?: unknown }) | undefined): string {
  const code = error?.code;
  return typeof code === 'string' ? code : (error?.message ?? 'the connection was closed');
}

function serverOf(client: Client): string {
  const version = (client as unknown as { readonly _remoteVer?: unknown })._remoteVer;
  return typeof version === 'string' ? version.slice(0, 100) : 'an SSH server';
}

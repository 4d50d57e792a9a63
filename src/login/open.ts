import { mkdirSync, readFileSync } from 'node:fs';
import { type Client, openClient } from '../api/client.ts';
import { type GatewayTrust, hostOf, readFingerprint } from '../api/client-dial.ts';
import { socketPath } from '../api/socket-path.ts';
import { UsageError } from '../base/errors.ts';
import type { Environment } from '../network/proxy.ts';
import { openVault } from '../secret/vault.ts';
import { Contexts, LOCAL, type LoginContext } from './contexts.ts';
import type { SignInDeps } from './sign-in.ts';

/** Opens what signing in works with: contexts and vault of a state directory. Nothing is written by it. */
export function openSignIns(home: string, environment: Environment): SignInDeps {
  const contexts = new Contexts(home);
  const vault = openVault({ dir: contexts.directory, environment });
  return {
    contexts,
    vault: {
      read: (reference) => vault.read(reference),
      remove: (reference) => vault.remove(reference),
      store(account, secret) {
        mkdirSync(contexts.directory, { recursive: true, mode: 0o700 });
        return vault.store(account, secret);
      },
    },
    clientOf: (context, token) => clientOf(home, environment, context, token),
    now: Date.now,
    environment,
  };
}

/** A client of a context's gateway, or of the local daemon. */
export function clientOf(
  home: string,
  environment: Environment,
  { gateway }: LoginContext,
  token: string | (() => Promise<string>),
): Client {
  if (gateway === undefined) return openClient({ socket: socketPath(home), token });
  return openClient({ gateway: { ...gateway, environment }, token });
}

/**
 * Where commands go: `HOOPCTL_GATEWAY` (a context's name, a gateway's URL, or `local`), else the context in use. A
 * URL that is no context is trusted by `HOOPCTL_GATEWAY_FINGERPRINT`, `HOOPCTL_GATEWAY_CA` (a file) or the system.
 * Throws UsageError, NotFound `no_such_context`.
 */
export function chosenContext(contexts: Contexts, environment: Environment): LoginContext {
  const named = environment.HOOPCTL_GATEWAY?.trim();
  if (named === undefined || named === '') return contexts.require(contexts.current);
  if (!named.includes('://')) return contexts.require(named);
  const { host, url } = hostOf(named);
  const known = contexts.find(url);
  if (known) return known;
  const name = host.replaceAll(/[^A-Za-z0-9._-]/g, '-');
  return { name: name === LOCAL ? `${name}-gateway` : name, gateway: { url, trust: trustOf(environment) } };
}

function trustOf(environment: Environment): GatewayTrust {
  const fingerprint = environment.HOOPCTL_GATEWAY_FINGERPRINT;
  if (fingerprint) return { kind: 'fingerprint', sha256: requireFingerprint(fingerprint) };
  const file = environment.HOOPCTL_GATEWAY_CA;
  return file ? { kind: 'authority', pem: readAuthority(file) } : { kind: 'system' };
}

/** Throws UsageError `bad_fingerprint`. */
export function requireFingerprint(text: string): string {
  const sha256 = readFingerprint(text.trim());
  if (sha256 !== undefined) return sha256;
  throw new UsageError('bad_fingerprint', 'that is no SHA-256 fingerprint', {
    why: 'it has 64 hexadecimal digits, with or without colons',
    next: 'hoopctl gateway start prints it',
  });
}

/** Throws UsageError `bad_authority`. */
export function readAuthority(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError('bad_authority', `${file} cannot be read`, {
      why: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new UsageError('bad_authority', `${file} holds no certificate in PEM`);
}

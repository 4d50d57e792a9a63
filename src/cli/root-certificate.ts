import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificateOf, type GatewayTrust } from '../api/client-dial.ts';
import { Contexts, type LoginContext } from '../login/contexts.ts';
import type { Io } from './io.ts';

/**
 * A file (PEM) by which a client without hoopctl believes the gateway as this sign-in does: its authority, or its
 * own certificate where that is pinned and vouches for itself. Undefined where the system's authorities do, and for
 * a pinned certificate of somebody else, which most clients take no root from. Throws NotReachable.
 */
export async function rootCertificateFile(
  home: string,
  { gateway, name }: LoginContext,
  io: Io,
): Promise<string | undefined> {
  if (gateway === undefined) return undefined;
  const pem = await rootOf(gateway.url, gateway.trust, io);
  if (pem === undefined) return undefined;
  const { directory } = new Contexts(home);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, `${name}.pem`);
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, pem, { mode: 0o600 });
  renameSync(fresh, file);
  return file;
}

async function rootOf(url: string, trust: GatewayTrust, io: Io): Promise<string | undefined> {
  switch (trust.kind) {
    case 'system':
      return undefined;
    case 'authority':
      return trust.pem;
    case 'fingerprint': {
      const shown = await certificateOf({ url, environment: io.env });
      return shown.sha256 === trust.sha256 && shown.selfSigned ? shown.pem : undefined;
    }
    default:
      return trust satisfies never;
  }
}

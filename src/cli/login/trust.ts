import { openClient } from '../../api/client.ts';
import { certificateOf, type GatewayTrust } from '../../api/client-dial.ts';
import { HoopError, NotReachable } from '../../base/errors.ts';
import { readAuthority, requireFingerprint } from '../../login/open.ts';
import { spelledFingerprint } from '../fingerprint.ts';
import { Interrupted } from '../interrupted.ts';
import type { Io } from '../io.ts';
import { tell } from '../output.ts';
import { visible } from '../visible-text.ts';

export interface TrustOptions {
  readonly ca: string | undefined;
  readonly fingerprint: string | undefined;
}

/**
 * Why a gateway's certificate is to be believed: what the flags say, what was pinned before, the system's
 * authorities, or a person who compared the fingerprint. Throws NotReachable `gateway_not_trusted`.
 */
export async function trustFor(
  url: string,
  options: TrustOptions,
  before: GatewayTrust | undefined,
  io: Io,
): Promise<GatewayTrust> {
  if (options.fingerprint !== undefined) {
    return { kind: 'fingerprint', sha256: requireFingerprint(options.fingerprint) };
  }
  if (options.ca !== undefined) return { kind: 'authority', pem: readAuthority(options.ca) };
  const trust = before ?? { kind: 'system' };
  try {
    await openClient({ gateway: { url, trust, environment: io.env }, token: 'none' }).call(
      'signInMethods',
      {},
    );
    return trust;
  } catch (error) {
    if (!(error instanceof HoopError && error.code === 'gateway_not_trusted')) throw error;
    return confirmed(url, error, before, io);
  }
}

async function confirmed(
  url: string,
  error: HoopError,
  before: GatewayTrust | undefined,
  io: Io,
): Promise<GatewayTrust> {
  const shown = await certificateOf({ url, environment: io.env });
  if (io.prompts === undefined) {
    throw new NotReachable(error.code, error.message, {
      why: `${error.why ?? ''}\nit shows the certificate SHA-256 ${spelledFingerprint(shown.sha256)}`.trim(),
      next: `compare it with what the gateway printed, then: hoopctl login ${url} --fingerprint SHA256`,
      cause: error,
    });
  }
  if (before !== undefined && before.kind !== 'system') {
    tell(io, io.err.paint.red(visible(`${url} shows ANOTHER certificate than the one you trusted before.`)));
    tell(io, 'Either it was renewed, or somebody in between listens in and would get your token.');
    if (before.kind === 'fingerprint') tell(io, `  before  ${spelledFingerprint(before.sha256)}`);
  } else tell(io, visible(`${url} shows a certificate that no authority of this machine vouches for:`));
  tell(io, visible(`  ${shown.subject.replaceAll('\n', ', ')} · valid until ${shown.validTo}`));
  tell(io, `  SHA-256 ${spelledFingerprint(shown.sha256)}`);
  tell(io, 'Compare the fingerprint with what hoopctl gateway start printed there.');
  if (await io.prompts.confirm('Is it the same?')) return { kind: 'fingerprint', sha256: shown.sha256 };
  throw new Interrupted(1);
}

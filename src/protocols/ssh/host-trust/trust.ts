import type { Duplex } from 'node:stream';
import { type HoopError, NotPermitted, NotReachable } from '../../../base/errors.ts';
import { describeConnection, hostInUrl, knownName, type SshSettings } from '../connection.ts';
import {
  CERTIFICATE_SUFFIX,
  type Certificate,
  isCertificate,
  readCertificate,
  refusalOf,
} from './certificate.ts';
import type { CertifiedKey } from './certified-exchange.ts';
import { fingerprintOf, KEY_TYPES, signatureAlgorithms } from './public-key.ts';
import { type Shown, shownCertificate } from './shown-certificate.ts';

/** What a host has to prove itself with. */
export interface HostTrust {
  /** Host key algorithms to agree on with it. */
  readonly algorithms: readonly string[];
  /** True for a key that is the host's. */
  accepts(key: Uint8Array): boolean;
  /** Why it is refused when it shows another one. */
  refusal(key: Uint8Array): HoopError;
  /** Another of its machines may have shown the certificate. */
  readonly byCertificate: boolean;
  /** The host proves its key by nothing but the certificate's own algorithms. */
  readonly certified?: CertifiedKey | undefined;
}

/** Every key of a known type, by signatures that count. */
export const ALL_ALGORITHMS: readonly string[] = KEY_TYPES.flatMap(signatureAlgorithms);

/**
 * How a host is known: by a certificate of one of its authorities, which is asked for first, else by its pinned keys. A
 * certificate of an authority that does not hold is refused even where a key is pinned, as OpenSSH does. Throws
 * NotPermitted `host_key_unknown`, `host_certificate_refused`; NotReachable.
 */
export async function trustOf(
  settings: SshSettings,
  open: () => Promise<Duplex>,
  now: () => number,
): Promise<HostTrust> {
  const { hostAuthorities, hostKeys } = settings;
  if (hostAuthorities.length === 0 && hostKeys.length === 0) throw hostKeyUnknown(settings, undefined);
  const revoked = new Set(settings.revokedKeys);
  const certified = hostAuthorities.length === 0 ? undefined : await certifiedKey(settings, open, now());
  if (certified !== undefined && 'keyType' in certified) {
    const plain = trust(
      signatureAlgorithms(certified.keyType),
      new Set([fingerprintOf(certified.key)]),
      true,
    );
    return { ...plain, certified: certified.demanded };
  }
  if (certified !== undefined && (certified.final || hostKeys.length === 0)) {
    throw certificateRefused(settings, certified.why);
  }
  return trust(algorithmsFor(hostKeys), new Set(hostKeys.map(fingerprintIn)), false);

  function trust(
    algorithms: readonly string[],
    keys: ReadonlySet<string>,
    byCertificate: boolean,
  ): HostTrust {
    return {
      algorithms,
      byCertificate,
      accepts: (key) => keys.has(fingerprintOf(key)) && !revoked.has(fingerprintOf(key)),
      refusal: (key) =>
        revoked.has(fingerprintOf(key))
          ? keyRevoked(settings, fingerprintOf(key))
          : hostKeyChanged(settings, [...keys], fingerprintOf(key)),
    };
  }
}

type Refused = {
  readonly why: string;
  /** An authority of the host has spoken, and what it says does not hold. */
  readonly final: boolean;
};

async function certifiedKey(settings: SshSettings, open: () => Promise<Duplex>, now: number) {
  const shown = await shownCertificate(await open()).catch((error: Error) => {
    throw new NotReachable('target_unreachable', `${describeConnection(settings)} could not be reached`, {
      why: error.message,
    });
  });
  const nothing: Refused = { why: 'the host shows no certificate', final: false };
  if (shown === undefined || !isCertificate(shown.certificate)) return nothing;
  let certificate: ReturnType<typeof readCertificate>;
  try {
    certificate = readCertificate(shown.certificate);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be read';
    return { why: `the certificate is damaged: ${why}`, final: false };
  }
  const authorities = new Set(
    settings.hostAuthorities.map((line) => fingerprintOf(Buffer.from(line.split(' ')[1] ?? '', 'base64'))),
  );
  const revoked = new Set(settings.revokedKeys);
  const why = refusalOf(certificate, { host: knownName(settings), now, authorities, revoked });
  if (why === undefined) return { ...certificate, demanded: demanded(shown, certificate) };
  return { why, final: authorities.has(fingerprintOf(certificate.authority)) };
}

/** Undefined where the host proves the same key by a plain algorithm as well, which the library knows. */
function demanded(
  { algorithms, certificate }: Shown,
  { key, keyType }: Certificate,
): CertifiedKey | undefined {
  const plain = signatureAlgorithms(keyType);
  if (plain.some((name) => algorithms.includes(name))) return undefined;
  return { algorithms: plain.map((name) => name + CERTIFICATE_SUFFIX), certificate, key };
}

/** Those of the pinned keys' types, so that a host is not refused for a further key of another type. */
function algorithmsFor(hostKeys: readonly string[]): readonly string[] {
  const types = hostKeys.map((key) => (key.includes('/SHA256:') ? key.split('/', 1)[0] : undefined));
  if (types.includes(undefined)) return ALL_ALGORITHMS;
  return ALL_ALGORITHMS.filter((algorithm) =>
    types.some((type) => type !== undefined && signatureAlgorithms(type).includes(algorithm)),
  );
}

/** `ssh-ed25519/SHA256:…` or `SHA256:…`, without the type. */
export function fingerprintIn(pinned: string): string {
  return pinned.slice(pinned.indexOf('SHA256:'));
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
      next: 'add --accept-host-key, --known-hosts FILE, --host-ca FILE, or name it: --url ssh://…?hostkey=SHA256:…',
    },
  );
}

function hostKeyChanged(settings: SshSettings, pinned: readonly string[], seen: string): NotPermitted {
  return new NotPermitted(
    'host_key_changed',
    `${hostInUrl(settings.host)} shows another host key than before`,
    {
      why: `pinned ${pinned.join(', ')}, shown ${seen}: somebody may be listening in, or the host was set up anew`,
      next: 'if its owner says that it was set up anew: hoopctl connection edit NAME --accept-host-key',
    },
  );
}

export function keyRevoked(settings: SshSettings, seen: string): NotPermitted {
  return new NotPermitted('host_key_revoked', `${hostInUrl(settings.host)} shows a key that is revoked`, {
    why: `${seen} stands as @revoked in the known_hosts file that was given`,
    next: 'the host needs a new key; hoopctl connection edit NAME --known-hosts FILE --accept-host-key pins it',
  });
}

function certificateRefused(settings: SshSettings, why: string): NotPermitted {
  return new NotPermitted(
    'host_certificate_refused',
    `${describeConnection(settings)} does not show by a certificate that it is ${knownName(settings)}`,
    {
      why,
      next: 'renew the certificate on the host, or give its authority: hoopctl connection edit NAME --host-ca FILE',
    },
  );
}

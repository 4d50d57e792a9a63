import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly keyFile: string;
  readonly certFile: string;
  /** PEM texts of the same. */
  readonly key: string;
  readonly cert: string;
}

const P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];

/** A self-signed authority in `dir`, good for a day. */
export function makeAuthority(dir: string, name = 'hoopctl test authority'): Certificate {
  const files = filesFor(dir, 'ca');
  openssl([
    ...['req', '-x509', ...P256, '-keyout', files.keyFile, '-out', files.certFile, '-days', '1'],
    ...['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ]);
  return read(files);
}

/** A key and a certificate for `commonName`, signed by `authority`; `names` such as `DNS:localhost`, `IP:127.0.0.1`. */
export function issueCertificate(
  dir: string,
  authority: Certificate,
  commonName: string,
  names: readonly string[],
): Certificate {
  const files = filesFor(dir, commonName);
  const extensions = join(dir, `${commonName}.ext`);
  const request = join(dir, `${commonName}.csr`);
  const alternative = names.length > 0 ? `subjectAltName=${names.join(',')}\n` : '';
  writeFileSync(
    extensions,
    `basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n${alternative}`,
  );
  openssl(['req', '-new', ...P256, '-keyout', files.keyFile, '-out', request, '-subj', `/CN=${commonName}`]);
  openssl([
    ...[
      'x509',
      '-req',
      '-in',
      request,
      '-CA',
      authority.certFile,
      '-CAkey',
      authority.keyFile,
      '-CAcreateserial',
    ],
    ...['-out', files.certFile, '-days', '1', '-sha256', '-extfile', extensions],
  ]);
  return read(files);
}

function filesFor(dir: string, name: string) {
  return { keyFile: join(dir, `${name}.key`), certFile: join(dir, `${name}.crt`) };
}

function read(files: { readonly keyFile: string; readonly certFile: string }): Certificate {
  return { ...files, key: readFileSync(files.keyFile, 'utf8'), cert: readFileSync(files.certFile, 'utf8') };
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

import type { Client } from 'ssh2';
import type { ConnectionReport } from '../connection-report.ts';
import type { Means } from '../protocol.ts';
import { hostInUrl, type SshSettings } from './connection.ts';
import { fingerprintIn, hostKeyUnknown, keyRevoked } from './host-trust/trust.ts';
import { connectTarget, hostKeyOf } from './target-side.ts';

/**
 * Settings by which the host is known: as they are when they name a key or an authority already; else, or `anew`,
 * with the key that the host shows, when it is the one that was accepted. Throws NotPermitted `host_key_unknown`
 * with the fingerprint, `host_key_revoked`, NotReachable.
 */
export async function pinnedSettings(
  settings: SshSettings,
  accepted: string | undefined,
  means: Means,
  anew: boolean,
): Promise<SshSettings> {
  const known = settings.hostKeys.length > 0 || settings.hostAuthorities.length > 0;
  if (known && !(anew && accepted !== undefined)) return settings;
  const seen = await hostKeyOf(settings, means);
  const fingerprint = fingerprintIn(seen);
  if (settings.revokedKeys.includes(fingerprint)) throw keyRevoked(settings, fingerprint);
  if (accepted !== 'first' && accepted !== fingerprint) throw hostKeyUnknown(settings, fingerprint);
  return { ...settings, hostKeys: [seen] };
}

/** Asks who it is let in as and which shell reads its command lines. Constant, so that nothing of a client is in it. */
const PROBE = [
  `echo "$0\${KSH_VERSION+ ksh}\${ZSH_VERSION+ zsh}"`,
  'id -u',
  `echo "\${LC_ALL:-\${LC_CTYPE:-$LANG}}"`,
].join(' && ');
/** An answer longer than this is not one, in bytes; and how long it may take, in milliseconds. */
const PROBE_BYTES = 4096;
const PROBE_MS = 5000;

/** Shells that read a command line as POSIX says; in zsh and ksh even `[ x -eq 1 ]` can run code. */
const POSIX_SHELLS = /^-?(sh|bash|dash|ash|rbash|busybox)$/;

/**
 * Encodings in which a byte of a letter can be a backslash or a bar, by the names that systems give them: a shell that
 * reads lines in these finds other words in them than stand there in UTF-8.
 */
const SHIFTING = /big5|gbk|gb18030|sjis|shift_?jis|johab|^zh_(TW|HK)(@|$)/i;

/** What the probe told. */
export interface LoginShell {
  /** False when command lines are read by something that is no POSIX shell: then none can be judged. */
  readonly posix: boolean;
  /** `bash`, or what it said instead. */
  readonly name: string;
  readonly root: boolean;
}

/** Which shell reads the command lines of this account. Never throws. */
export async function loginShellOf(client: Client): Promise<LoginShell> {
  const [name = '', uid = '', locale = ''] = (await outputOf(client, PROBE)).trim().split('\n');
  const shell = name.split('/').at(-1) ?? '';
  const shifting = SHIFTING.test(locale);
  const known = shifting ? `${shell} in the encoding of ${locale}` : shell;
  return { posix: POSIX_SHELLS.test(shell) && !shifting, name: known.slice(0, 64), root: uid === '0' };
}

function outputOf(client: Client, line: string): Promise<string> {
  return new Promise((resolve) => {
    let output = '';
    const done = () => resolve(output);
    const timer = setTimeout(done, PROBE_MS);
    timer.unref();
    client.exec(line, (error, channel) => {
      if (error) return done();
      channel.on('data', (bytes: Buffer) => {
        if (output.length < PROBE_BYTES) output += bytes.toString('latin1');
      });
      channel.stderr.resume();
      channel.once('close', () => {
        clearTimeout(timer);
        done();
      });
      channel.end();
    });
  });
}

/** Logs in, looks around, leaves. Throws what `connectTarget` throws. */
export async function testConnection(
  settings: SshSettings,
  secret: string | undefined,
  means: Means,
): Promise<ConnectionReport> {
  const credential = { secret, passphrase: await means.readPassphrase() };
  const began = performance.now();
  const { client, server } = await connectTarget(settings, credential, means);
  const latencyMs = performance.now() - began;
  try {
    const shell = await loginShellOf(client);
    return {
      server,
      address: `${hostInUrl(settings.host)}:${settings.port}`,
      tls: 'SSH',
      latencyMs,
      role: settings.user,
      superuser: shell.root,
      canWrite: true,
      warnings: shell.posix
        ? []
        : [
            `the login shell of ${settings.user} is ${shell.name === '' ? 'none that answers' : `"${shell.name}"`}, ` +
              'no POSIX shell: every command line there is of unknown effect',
          ],
    };
  } finally {
    client.end();
  }
}

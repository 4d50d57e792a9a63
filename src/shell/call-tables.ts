import { CONTAINERS } from './calls/containers.ts';
import { GIT } from './calls/git.ts';
import { MACHINE } from './calls/machine.ts';
import { PACKAGES } from './calls/packages.ts';
import { SERVICES } from './calls/services.ts';
import type { CallTable } from './calls.ts';

/**
 * Programs whose calls read with exactly these verbs and options; any other option or verb is what `otherwise` says. An
 * option stands there only if it neither writes a file, runs a program, nor reaches for another machine or credential.
 */
const TABLES: Readonly<Record<string, CallTable>> = {
  ...CONTAINERS,
  ...GIT,
  ...MACHINE,
  ...PACKAGES,
  ...SERVICES,
};

/** Programs that take the same arguments under several names. */
const SAME: Readonly<Record<string, string>> = {
  podman: 'docker',
  netcat: 'nc',
  ncat: 'nc',
  dnf: 'yum',
  ip6tables: 'iptables',
  pip3: 'pip',
  more: 'less',
  zless: 'less',
  gunzip: 'gzip',
  bzip2: 'gzip',
  bunzip2: 'gzip',
  xz: 'gzip',
  unxz: 'gzip',
  lzma: 'gzip',
  zstd: 'gzip',
};

export const CALLS: ReadonlyMap<string, CallTable> = new Map(
  [...Object.keys(TABLES), ...Object.keys(SAME)].flatMap((name) => {
    const table = TABLES[SAME[name] ?? name];
    return table === undefined ? [] : [[name, table]];
  }),
);

/** The one option by which a program that is `unknown` otherwise tells about itself. */
const ABOUT: Readonly<Record<string, string>> = {
  python: '-V',
  python2: '-V',
  python3: '-V',
  node: '-v',
  nodejs: '-v',
  ruby: '-v',
  perl: '-v -V',
  php: '-v -m -i',
  lua: '-v',
  java: '-version',
  nginx: '-v -V -t -T',
  httpd: '-v -V -S -t -M',
  apache2: '-v -V -S -t -M',
  apachectl: '-v -V -S -t -M configtest',
  apache2ctl: '-v -V -S -t -M configtest',
  sshd: '-t -T -V',
  ssh: '-V',
  psql: '-V',
  mysql: '-V',
  curl: '-V',
  wget: '-V',
  tcpdump: '-D',
  strace: '-V',
  tmux: '-V',
  make: '-v',
  gcc: '-v',
  ...Object.fromEntries(
    'cargo rustc rustup aws gcloud az ansible cmake ninja mvn gradle bun deno yarn pnpm npx dotnet swift clang g++ ghc elixir erl julia R sbt scala kotlin redis-server mongod mysqld postgres pg_dump vault consul nomad packer k9s k3s minikube kind istioctl argocd flux'
      .split(' ')
      .map((name) => [name, '--version']),
  ),
};

/** `python3 -V`, `x --version` of every program that is known to take it so. */
export function tellsOfItself(name: string, args: readonly { readonly text: string | undefined }[]): boolean {
  const [only, ...more] = args;
  if (only?.text === undefined || more.length > 0) return false;
  return (ABOUT[name] ?? '').split(' ').includes(only.text) && only.text !== '';
}

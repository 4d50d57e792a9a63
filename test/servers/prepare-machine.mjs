// Installs what the tests need besides npm packages where it can (Debian's packages, as root), and names the rest.
// Runs on any Node from 18, before the build. Says nothing when all is there.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PATH = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].filter((dir) => dir !== '');
const onPath = (name) => PATH.some((dir) => existsSync(join(dir, name)));
const SYSTEM_POSTGRES = '/usr/lib/postgresql';
const serverPrograms = (name) =>
  existsSync(SYSTEM_POSTGRES) &&
  readdirSync(SYSTEM_POSTGRES).some((version) => existsSync(join(SYSTEM_POSTGRES, version, 'bin', name)));

/** What tests start, the Debian package that holds it, and what it is for. */
const NEEDS = [
  {
    have: () => onPath('initdb') || serverPrograms('initdb'),
    package: 'postgresql',
    use: 'a real PostgreSQL server',
  },
  { have: () => onPath('psql') && onPath('pg_dump'), package: 'postgresql-client', use: 'psql and pg_dump' },
  {
    have: () => onPath('pgbench') || serverPrograms('pgbench'),
    package: 'postgresql-contrib',
    use: 'pgbench',
  },
  { have: () => onPath('pgbouncer'), package: 'pgbouncer', use: 'the benchmark compares with it' },
  {
    have: () => pythonDriver('psycopg2'),
    package: 'python3-psycopg2',
    use: 'a driver in another language',
  },
  { have: () => pythonDriver('psycopg'), package: 'python3-psycopg', use: 'its successor, with pipelining' },
  { have: () => onPath('sshd'), package: 'openssh-server', use: 'a real SSH server' },
  { have: () => onPath('ssh') && onPath('sftp'), package: 'openssh-client', use: 'ssh, scp and sftp' },
  { have: () => onPath('rsync'), package: 'rsync', use: 'files over SSH' },
  { have: () => onPath('git'), package: 'git', use: 'repositories over SSH' },
  { have: () => pythonDriver('paramiko'), package: 'python3-paramiko', use: 'an SSH client of another make' },
  { have: () => onPath('asciinema'), package: 'asciinema', use: 'plays what replay exports' },
  { have: () => onPath('curl'), package: 'curl', use: 'the pipelines of templates/ci' },
  { have: () => onPath('jq'), package: 'jq', use: 'the same' },
  { have: () => onPath('tmux'), package: 'tmux', use: 'a terminal to type into' },
  { have: () => onPath('openssl'), package: 'openssl', use: 'certificates of test servers' },
  { have: () => onPath('etcd'), package: 'etcd-server', use: 'the store of a real Kubernetes API server' },
  { have: () => onPath('kubectl'), package: 'kubernetes-client', use: 'kubectl' },
  { have: () => onPath('xz'), package: 'xz-utils', use: 'unpacking a Kubernetes API server' },
  {
    have: () => pythonDriver('kubernetes'),
    package: 'python3-kubernetes',
    use: 'a Kubernetes client in another language',
  },
  { have: () => onPath('dbus-run-session'), package: 'dbus', use: 'a session bus for the keychain' },
  { have: () => onPath('gnome-keyring-daemon'), package: 'gnome-keyring', use: 'a keychain' },
];

function pythonDriver(module) {
  return existsSync('/usr/bin/python3') && existsSync(join('/usr/lib/python3/dist-packages', module));
}

const missing = () => NEEDS.filter((need) => !need.have());

function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-qq', '-y', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0'];
  return spawnSync('apt-get', [...options, ...args], { env, encoding: 'utf8' });
}

function install(needs) {
  const packages = needs.map((need) => need.package);
  console.log(`Tests need ${packages.join(', ')}: installing (apt-get).`);
  const words = ['install', '--no-install-recommends', ...packages];
  // The lists may be old or absent; fetching them takes longer than most installations.
  if (aptGet(...words).status === 0) return;
  aptGet('update');
  const together = aptGet(...words);
  if (together.status === 0) return;
  // One that cannot be had must not keep the others away.
  for (const name of packages) aptGet('install', '--no-install-recommends', name);
  console.error(together.stderr.trim().split('\n').slice(-3).join('\n'));
}

const needed = missing();
if (needed.length > 0) {
  if (process.getuid?.() === 0 && onPath('apt-get')) install(needed);
  for (const need of missing()) {
    console.error(
      `Missing: ${need.use} (Debian: apt-get install ${need.package}). Tests that need it will fail.`,
    );
  }
}

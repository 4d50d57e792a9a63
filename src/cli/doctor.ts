import { spawnSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { AnswerOf, Client } from '../api/client.ts';
import { HoopError } from '../base/errors.ts';
import { counted } from '../base/quantities.ts';
import type { Io } from './io.ts';
import { printDocument, say } from './output.ts';
import { visible } from './visible-text.ts';

export interface DoctorOptions {
  readonly home: string;
  readonly json: boolean;
  /** The URL of the gateway in use; undefined for the local daemon. */
  readonly gateway: string | undefined;
  /** Throws when there is no identity to act as. */
  readonly openClient: () => Client;
}

type Finding = AnswerOf<'doctor'>['findings'][number];

/** What this side sees, then what the daemon sees. Exit 1 when there is a problem. */
export async function run(options: DoctorOptions, io: Io): Promise<number> {
  const findings = [
    nodeFinding(process.versions.node),
    ...psqlFinding(io),
    ...sshFinding(io),
    ...modeFindings(options.home),
  ];
  findings.push(...(await daemonFindings(options)));
  const problems = findings.filter(({ level }) => level === 'problem').length;
  if (options.json) printDocument(io, { ok: problems === 0, findings });
  else print(io, findings);
  return problems === 0 ? 0 : 1;
}

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const good = major > 22 || (major === 22 && minor >= 13);
  return {
    level: good ? 'ok' : 'problem',
    topic: 'node',
    message: `Node.js ${version}`,
    fix: good ? null : 'install Node.js 22.13 or newer',
  };
}

function psqlFinding(io: Io): readonly Finding[] {
  const found = spawnSync('psql', ['--version'], { env: { PATH: io.env.PATH ?? '' }, encoding: 'utf8' });
  const version = found.status === 0 ? found.stdout.trim() : undefined;
  return [
    {
      level: version === undefined ? 'warning' : 'ok',
      topic: 'psql',
      message: version ?? 'psql is not on the PATH; hoopctl connect needs it, proxy and exec do not',
      fix: version === undefined ? 'install postgresql-client (Debian, Ubuntu) or libpq (Homebrew)' : null,
    },
  ];
}

/** It tells its version on stderr. */
function sshFinding(io: Io): readonly Finding[] {
  const found = spawnSync('ssh', ['-V'], { env: { PATH: io.env.PATH ?? '' }, encoding: 'utf8' });
  const version = found.status === 0 ? found.stderr.trim() : undefined;
  return [
    {
      level: version === undefined ? 'note' : 'ok',
      topic: 'ssh',
      message: version ?? 'ssh is not on the PATH; hoopctl connect needs it for SSH connections',
      fix:
        version === undefined ? 'install openssh-client (Debian, Ubuntu) or openssh-clients (Fedora)' : null,
    },
  ];
}

/** Secrets lie in these; others must not be able to read or list them. */
const PRIVATE: readonly (readonly [file: string, mode: string])[] = [
  ['', '700'],
  ['owner.token', '600'],
];

export function modeFindings(home: string): readonly Finding[] {
  return PRIVATE.flatMap(([name, mode]): readonly Finding[] => {
    const path = join(home, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) {
      if (name !== '') return [];
      const message = `there is no state directory at ${path}`;
      return [{ level: 'problem', topic: 'state directory', message, fix: 'hoopctl init' }];
    }
    const open = (found.mode & 0o077) !== 0;
    const actual = (found.mode & 0o777).toString(8);
    const message = open ? `${path} has mode ${actual}: other users can read it` : `${path} is yours alone`;
    return [
      {
        level: open ? 'problem' : 'ok',
        topic: 'state directory',
        message,
        fix: open ? `chmod ${mode} ${path}` : null,
      },
    ];
  });
}

async function daemonFindings(options: DoctorOptions): Promise<readonly Finding[]> {
  try {
    const { findings } = await options.openClient().call('doctor', {});
    return findings;
  } catch (error) {
    if (!(error instanceof HoopError)) throw error;
    if (error.code === 'daemon_not_running' && options.gateway !== undefined) {
      const message = `no daemon runs here, and none is needed: commands go to ${options.gateway}`;
      return [{ level: 'note', topic: 'daemon', message, fix: null }];
    }
    const level = error.kind === 'not-reachable' ? 'warning' : 'problem';
    return [{ level, topic: 'daemon', message: error.message, fix: error.next ?? null }];
  }
}

function print(io: Io, findings: readonly Finding[]): void {
  const { paint } = io.out;
  const marks: Readonly<Record<Finding['level'], string>> = {
    ok: paint.green('✔'),
    note: paint.cyan('i'),
    warning: paint.yellow('!'),
    problem: paint.red('✘'),
  };
  for (const { level, topic, message, fix } of findings) {
    say(io, `${marks[level]} ${paint.bold(visible(topic))}: ${visible(message)}`);
    if (fix !== null) say(io, `    fix: ${visible(fix)}`);
  }
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
  say(io, `${counted(count('problem'), 'problem')}, ${counted(count('warning'), 'warning')}`);
}

import { lstatSync } from 'node:fs';
import { userInfo } from 'node:os';
import { HEADS_FILE } from '../audit/log.ts';
import { linkWords, lookalikes } from '../policy/people.ts';
import { weaknessOf } from '../secret/vault.ts';
import { disabledElsewhere } from './doctor-issuers.ts';
import type { Parts } from './parts.ts';
import { freeBytes, modeProblems } from './state-directory.ts';
import { isLive } from './views.ts';
import { meansOf } from './ways.ts';

export interface Finding {
  readonly level: 'ok' | 'note' | 'warning' | 'problem';
  readonly topic: string;
  readonly message: string;
  readonly fix: string | null;
}

/** Below this a busy day's recordings may fill the disk, and then nothing runs. */
const LITTLE_SPACE = 1024 ** 3;
/** Entries that a daemon which signs every thousand would never leave. */
const MANY_UNSIGNED = 5000;
const BUILT_AFTER = Date.parse('2026-01-01T00:00:00Z');

/** What is wrong or weak here, each with its fix. Looks only; quick enough to be asked at any time. */
export async function examine(parts: Parts): Promise<Finding[]> {
  return [
    ...modes(parts),
    ...socket(parts),
    await secrets(parts),
    ...(await weakReferences(parts)),
    ...sameUser(parts),
    ...(await people(parts)),
    ...disabledElsewhere(parts.policy.get()),
    policyApplied(parts),
    await clockSanity(parts),
    space(parts),
    auditHealth(parts),
    ...(await connections(parts)),
  ];
}

function finding(
  level: Finding['level'],
  topic: string,
  message: string,
  fix: string | null = null,
): Finding {
  return { level, topic, message, fix };
}

function modes({ directory }: Parts): Finding[] {
  const problems = modeProblems(directory);
  if (problems.length === 0) {
    return [finding('ok', 'state directory', `${directory.home} and its files are open to nobody else`)];
  }
  return problems.map(({ path, why, fix }) => finding('problem', 'state directory', `${path}: ${why}`, fix));
}

function socket({ directory }: Parts): Finding[] {
  const stat = lstatSync(directory.socket, { throwIfNoEntry: false });
  if (!stat) {
    return [finding('problem', 'socket', `${directory.socket} is gone`, 'hoopctl daemon restart')];
  }
  if ((stat.mode & 0o077) === 0) return [finding('ok', 'socket', `${directory.socket} is yours alone`)];
  return [
    finding('problem', 'socket', `${directory.socket} is open to others`, `chmod 600 ${directory.socket}`),
  ];
}

async function secrets({ vault }: Parts): Promise<Finding> {
  const { kind, warning } = await vault.backend();
  if (kind === 'keychain') return finding('ok', 'credentials', 'new credentials go to the system keychain');
  return finding(
    'warning',
    'credentials',
    warning ?? 'new credentials go to an encrypted file beside its key, because there is no keychain',
    'start a Secret Service (gnome-keyring, KWallet), or use references: --secret-ref env:NAME, file:PATH, exec:COMMAND',
  );
}

/** Credentials that others could read where they are kept. */
async function weakReferences({ store }: Parts): Promise<Finding[]> {
  const kept = (await store.connections.list()).flatMap(({ name, passphraseRef, secretRef }) =>
    [secretRef, passphraseRef].flatMap((reference) => (reference === undefined ? [] : [{ name, reference }])),
  );
  const found = kept.map(async ({ name, reference }): Promise<Finding[]> => {
    const weak = await weaknessOf(reference);
    if (weak === undefined) return [];
    const level = weak.fix === null ? 'note' : 'warning';
    return [finding(level, 'credentials', `${name}: ${weak.message}`, weak.fix)];
  });
  return (await Promise.all(found)).flat();
}

/** What one OS user for everybody can and cannot keep apart, plainly. */
function sameUser({ directory }: Parts): Finding[] {
  const { username, uid } = userInfo();
  const findings = [
    finding(
      'note',
      'same user',
      `the daemon runs as ${username}. An agent that runs as ${username} too cannot decide approvals without the ` +
        'passphrase and gets no credential over the gateway, but it can read the files of this user: the state ' +
        'directory with owner.token, which lets it change the policy, and the encrypted credentials. The policy then ' +
        'guards against mistakes, not against an agent that goes looking',
      'run the daemon as its own user: useradd --system hoopctl; install templates/units/hoopctl.service with ' +
        'User=hoopctl; then hand agents only an endpoint: sudo -u hoopctl hoopctl proxy NAME --json',
    ),
  ];
  if (uid === 0) {
    findings.push(
      finding(
        'warning',
        'same user',
        'the daemon runs as root, which it never needs',
        'run it as a user of its own',
      ),
    );
  }
  if (directory.home.startsWith('/tmp/')) {
    const message = `${directory.home} lies in /tmp and is lost at the next boot`;
    findings.push(finding('warning', 'state directory', message, 'set HOOPCTL_HOME to a lasting place'));
  }
  return findings;
}

async function people({ clock, current, policy, presence, store }: Parts): Promise<Finding[]> {
  const live = (await store.identities.list())
    .filter((identity) => isLive(identity, clock.now()))
    .map((identity) => current.withRoles(identity));
  const findings: Finding[] = [];
  const namesOf = policy.get()?.namesOf ?? ((name: string) => new Set([name]));
  for (const pair of lookalikes(live, namesOf)) {
    const message = `${pair.local} and ${pair.other} look like one person and count as two approvers`;
    const fix = `if they are one, say so in the policy: ${linkWords(pair)}`;
    findings.push(finding('warning', 'identities', message, fix));
  }
  const owners = live.filter(({ roles }) => roles.includes('owner'));
  const approvers = live.filter(({ roles }) => roles.includes('approver') || roles.includes('owner'));
  if (owners.length === 0)
    findings.push(finding('problem', 'identities', 'there is no owner', 'hoopctl init'));
  const create = 'hoopctl identity create NAME --role approver';
  if (approvers.length === 0) {
    findings.push(finding('problem', 'approvers', 'nobody may approve anything', create));
  } else if (approvers.length === 1) {
    const [only] = approvers;
    const message = `only ${only?.name} may approve, and never its own statements`;
    findings.push(finding('note', 'approvers', message, create));
  } else {
    findings.push(finding('ok', 'approvers', `${approvers.length} identities may approve`));
  }
  if (!(await presence.isSet())) {
    findings.push(finding('problem', 'approvers', 'no approver passphrase is set', 'hoopctl init'));
  }
  return findings;
}

function policyApplied({ policy }: Parts): Finding {
  const row = policy.row();
  if (row) return finding('ok', 'policy', `version ${row.version} of ${row.source} decides`);
  return finding(
    'problem',
    'policy',
    'no policy has been applied, so nothing runs',
    'hoopctl policy apply templates/policies/read-only-agent.yaml',
  );
}

/** Times in the store that lie ahead mean that the clock was set back; expiry then can't be trusted. */
async function clockSanity({ store, clock }: Parts): Promise<Finding> {
  const now = clock.now();
  const [newest] = await store.sessions.list({ limit: 1 });
  const ahead = newest !== undefined && Date.parse(newest.startedAt) > now + 60_000;
  if (now > BUILT_AFTER && !ahead) return finding('ok', 'clock', 'the clock agrees with what was recorded');
  const why = ahead
    ? 'it was set back: the last session began after now'
    : 'it stands before this version was made';
  return finding('problem', 'clock', `the machine's clock is wrong: ${why}`, 'timedatectl set-ntp true');
}

function space({ directory }: Parts): Finding {
  const free = freeBytes(directory);
  const words = `${Math.floor(free / 1024 ** 2)} MiB free for recordings`;
  if (free >= LITTLE_SPACE) return finding('ok', 'disk', words);
  return finding('warning', 'disk', `only ${words}; when it is full nothing runs`, `df -h ${directory.home}`);
}

function auditHealth({ audit, auditDamage }: Parts): Finding {
  const verify = 'hoopctl audit verify';
  if (auditDamage !== undefined) return finding('problem', 'audit log', auditDamage, verify);
  if (audit.unsigned > MANY_UNSIGNED) {
    return finding(
      'warning',
      'audit log',
      `${audit.unsigned} entries at its end are not signed (${HEADS_FILE})`,
      verify,
    );
  }
  return finding('ok', 'audit log', 'it is open and its chain goes on', null);
}

/** Connections that are looked at together. */
const AT_A_TIME = 16;

async function connections({ store, targets, vault }: Parts): Promise<Finding[]> {
  const rows = await store.connections.list();
  if (rows.length === 0) {
    return [finding('note', 'connections', 'there is none yet', 'hoopctl connection add NAME --url URL')];
  }
  const found: Finding[] = [];
  for (let at = 0; at < rows.length; at += AT_A_TIME) {
    const looked = rows.slice(at, at + AT_A_TIME).map(async (row): Promise<Finding[]> => {
      const { name, protocol } = row;
      const known = targets.find(row);
      if (known === undefined) {
        const message = `${name}: this version does not speak ${protocol}`;
        return [finding('problem', 'connections', message, `hoopctl connection remove ${name}`)];
      }
      const weaknesses = await known.weaknesses?.(row.settings, meansOf({ store, vault }, row));
      if (weaknesses?.length === 0)
        return [finding('ok', 'connections', `${name}: reached, its host is known`)];
      return (weaknesses ?? []).map(({ fix, level, message }) =>
        finding(level, 'connections', `${name}: ${message}`, fix?.replaceAll('NAME', name) ?? null),
      );
    });
    found.push(...(await Promise.all(looked)).flat());
  }
  return found;
}

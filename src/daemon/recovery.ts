import type { ApprovalStatus } from '../approval/request.ts';
import { abandonRequest } from '../approval/state.ts';
import type { AuditLog } from '../audit/entry.ts';
import { recordingPath } from '../recording/layout.ts';
import { recoverRecording } from '../recording/recovery.ts';
import type { SessionRow, Store } from '../store/store.ts';
import type { DaemonLog } from './daemon-log.ts';

export interface RecoveryDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
  readonly recordings: string;
  /** Which of these approvals have ended by the audit log, and how. */
  readonly endedInLog: (ids: readonly string[]) => Promise<ReadonlyMap<string, ApprovalStatus>>;
  readonly log: DaemonLog;
}

/** What the opening of the audit log found, in words. */
export interface AuditFindings {
  readonly cutBytes: number | undefined;
  readonly damage: string | undefined;
}

/**
 * Finishes what a daemon that was killed left open: its sessions are marked interrupted with their recordings
 * as they lie on the disk, requests that nobody holds any more expire. Those made ahead wait on. Says so in the audit log.
 */
export async function recover(deps: RecoveryDeps, found: AuditFindings): Promise<void> {
  const sessions: string[] = [];
  for (const row of await deps.store.sessions.list({ status: 'open' })) {
    await interrupt(deps, row);
    sessions.push(row.id);
  }
  const approvals = await expireApprovals(deps);
  const nothing = sessions.length + approvals.length === 0 && found.cutBytes === undefined;
  if (nothing && found.damage === undefined) return;
  const facts = { sessions, approvals, cutBytes: found.cutBytes ?? null, damage: found.damage ?? null };
  deps.audit.append({ kind: 'daemon.recovered', actor: 'hoopctl', facts });
  deps.log.warn('daemon.recovered', facts);
}

async function interrupt(deps: RecoveryDeps, row: SessionRow): Promise<void> {
  const reason = 'the daemon ended without closing it';
  const recording = await recoverRecording(recordingPath(deps.recordings, row.id)).catch((error) => {
    deps.log.error('recording.lost', { session: row.id, error });
    return undefined;
  });
  deps.audit.append({
    kind: 'session.end',
    actor: row.identity,
    facts: {
      session: row.id,
      connection: row.connection,
      reason,
      interrupted: true,
      recording: recording ? { size: recording.size, sha256: recording.sha256 } : null,
      torn: recording?.torn ?? null,
      damage: recording?.damage ?? null,
    },
  });
  await deps.store.sessions.update(row.id, {
    status: 'interrupted',
    endedAt: new Date(deps.now()).toISOString(),
    endReason: reason,
    // The stored counters are some seconds old.
    ...recording?.tally,
    recordingSize: recording?.size,
    recordingSha256: recording?.sha256,
  });
}

async function expireApprovals(deps: RecoveryDeps): Promise<string[]> {
  const { approvals } = deps.store;
  const ended: string[] = [];
  const open = [...(await approvals.list('pending')), ...(await approvals.list('approved'))];
  const ahead = open.filter((request) => request.ahead !== undefined).map(({ id }) => id);
  const endedBefore = ahead.length === 0 ? new Map<string, ApprovalStatus>() : await deps.endedInLog(ahead);
  for (const request of open) {
    // Nobody holds one that was made ahead, so it lives on; unless the store is older than the log (a backup put back).
    if (request.ahead !== undefined) {
      const status = endedBefore.get(request.id);
      if (status === undefined) continue;
      await approvals.transition(request.id, request.version, { status, endReason: 'the audit log says so' });
      ended.push(request.id);
      continue;
    }
    const expired = abandonRequest(request, 'the daemon restarted');
    if (!expired) continue;
    deps.audit.append({
      kind: 'approval.ended',
      actor: 'hoopctl',
      facts: { approval: request.id, session: request.session, status: 'expired', reason: expired.endReason },
    });
    await approvals.transition(request.id, request.version, {
      status: expired.status,
      endReason: 'the daemon restarted',
    });
    ended.push(request.id);
  }
  return ended;
}

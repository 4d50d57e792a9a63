import { join, relative } from 'node:path';
import { approvalsEnded } from '../audit/approvals-ended.ts';
import type { FileAuditLog } from '../audit/file-log.ts';
import { LOG_FILE, openAuditLog } from '../audit/log.ts';
import { parseHead } from '../audit/signed-head.ts';
import type { VerifyOptions } from '../audit/verify.ts';
import type { Clock } from '../base/clock.ts';
import { Journal } from '../journal/journal.ts';
import { replayJournal } from '../journal/replay.ts';
import type { RecordingWriter } from '../recording/events.ts';
import { recordingPath } from '../recording/layout.ts';
import { openRecording } from '../recording/writer.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import type { DaemonLog } from './daemon-log.ts';
import { recover } from './recovery.ts';
import type { StateDirectory } from './state-directory.ts';

/** The setting that holds a copy of the audit log's last signed head. */
const HEAD = 'audit.head';

/** What outlives the daemon, open and finished with what the last daemon left. */
export interface Books {
  readonly store: Store;
  readonly audit: FileAuditLog;
  /** What recordings and the audit log are written to first. */
  readonly journal: Pick<Journal, 'settle'>;
  /** Throws Internal `recording_failed`. */
  readonly createRecording: (session: string) => RecordingWriter;
  readonly auditCheck: () => Promise<VerifyOptions>;
  readonly auditDamage: string | undefined;
  close(): Promise<void>;
}

/**
 * Opens the store (which is also the lock of the state directory) and the audit log, then recovers.
 * Throws Conflict `state_directory_in_use`, and Internal for what is damaged or newer.
 */
export async function openBooks(directory: StateDirectory, clock: Clock, log: DaemonLog): Promise<Books> {
  const store = await openSqliteStore(join(directory.home, 'state.db'));
  let opened: Journal | undefined;
  try {
    const journal = openJournal(directory, clock, log);
    opened = journal;
    const dir = join(directory.home, 'audit');
    const storedHead = async () => {
      const text = await store.settings.get(HEAD);
      return text === undefined ? undefined : parseHead(text);
    };
    let lastHead: Promise<void> = Promise.resolve();
    const {
      log: audit,
      cut,
      damage,
    } = await openAuditLog({
      dir,
      clock,
      journaled: { journal, path: join('audit', LOG_FILE), clock },
      storedHead: await storedHead(),
      onHead: (head) => {
        lastHead = store.settings
          .set(HEAD, JSON.stringify(head))
          .catch((error) => log.error('audit.head_not_kept', { error }));
      },
    });
    if (damage !== undefined) log.error('audit.damaged', { damage });
    const now = () => clock.now();
    await recover(
      {
        store,
        audit,
        now,
        recordings: directory.recordings,
        log,
        endedInLog: (ids) => approvalsEnded(audit, ids),
      },
      { cutBytes: cut?.bytes, damage },
    );
    return {
      store,
      audit,
      journal,
      createRecording(session) {
        const path = recordingPath(directory.recordings, session);
        return openRecording(path, clock, { journal, path: relative(directory.home, path) });
      },
      auditDamage: damage,
      auditCheck: async () => ({
        dir,
        storedHead: await storedHead(),
        recordingPath: (session) => recordingPath(directory.recordings, session),
      }),
      async close() {
        audit.close();
        journal.close();
        await lastHead;
        await store.close();
      },
    };
  } catch (error) {
    opened?.close();
    await store.close();
    throw error;
  }
}

/** Gives the files what the last daemon had in its journal only, and begins a new one. Throws Internal `journal_failed`. */
function openJournal({ home }: StateDirectory, clock: Clock, log: DaemonLog): Journal {
  const path = join(home, 'journal');
  const { restored, problems } = replayJournal(path, home);
  if (restored > 0) log.warn('journal.replayed', { bytes: restored });
  for (const problem of problems) log.error('journal.not_replayed', { problem });
  return new Journal(path, clock, (error) => log.error('journal.not_settled', { error }));
}

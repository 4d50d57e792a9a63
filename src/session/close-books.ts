import { FRAME } from '../recording/events.ts';
import type { SessionRow } from '../store/store.ts';
import type { DecisionBook } from './decision-book.ts';
import type { LiveDeskDeps, OpenedSession } from './live-desk-parts.ts';
import type { Counts } from './session-counts.ts';

/** The books of a session that ends, and what it counted. */
export interface BooksToClose extends Pick<OpenedSession, 'recording' | 'row'> {
  readonly book: DecisionBook;
  readonly counts: Counts;
}

/**
 * Ends recording, audit and store, each even when the one before failed. `ended` gets what is now known of the
 * session's end before that is stored. Never rejects.
 */
export async function closeBooks(
  deps: Pick<LiveDeskDeps, 'audit' | 'clock' | 'sessions' | 'storeFailed'>,
  { book, counts, recording, row }: BooksToClose,
  reason: string,
  ended: (end: Partial<SessionRow>) => void,
): Promise<void> {
  const { audit, clock, sessions, storeFailed } = deps;
  const endedAt = new Date(clock.now()).toISOString();
  let file: { readonly size: number; readonly sha256: string } | undefined;
  try {
    book.commit();
    recording.appendJson(FRAME.close, { reason, at: endedAt });
  } catch (error) {
    storeFailed(error);
  }
  try {
    file = recording.close();
  } catch (error) {
    storeFailed(error);
  }
  const end: Partial<SessionRow> = {
    status: 'closed',
    endedAt,
    endReason: reason,
    recordingSize: file?.size,
    recordingSha256: file?.sha256,
  };
  ended(end);
  try {
    audit.append({
      kind: 'session.end',
      actor: row.identity,
      facts: {
        session: row.id,
        connection: row.connection,
        ...(row.endUser === undefined ? {} : { endUser: row.endUser.name }),
        reason,
        ...counts,
        recording: file ?? null,
      },
    });
    await sessions.update(row.id, { ...counts, ...end });
  } catch (error) {
    storeFailed(error);
  }
}

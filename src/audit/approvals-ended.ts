import { parseEntry } from './entry-line.ts';
import type { FileAuditLog } from './file-log.ts';
import { readLines } from './lines.ts';

type Ended = 'used' | 'denied' | 'expired' | 'withdrawn';

/**
 * Which of these approvals have ended by the log, and how: a store that was put back from a backup does not know.
 * Reads the whole log, and parses only lines that name one of them.
 */
export async function approvalsEnded(
  log: Pick<FileAuditLog, 'path' | 'settle' | 'size'>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Ended>> {
  const ended = new Map<string, Ended>();
  log.settle();
  for await (const { text } of readLines(log.path, 0, log.size)) {
    if (!ids.some((id) => text.includes(id))) continue;
    const entry = parseEntry(text);
    const id = entry?.facts.approval;
    if (entry === undefined || typeof id !== 'string' || !ids.includes(id)) continue;
    const status = endOf(entry.kind, entry.facts.status);
    if (status !== undefined) ended.set(id, status);
  }
  return ended;
}

function endOf(kind: string, status: unknown): Ended | undefined {
  switch (kind) {
    case 'approval.used':
      return 'used';
    case 'approval.ended':
      return status === 'withdrawn' ? 'withdrawn' : 'expired';
    case 'approval.decided':
      return status === 'denied' ? 'denied' : undefined;
    default:
      return undefined;
  }
}

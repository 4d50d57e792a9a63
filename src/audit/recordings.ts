import { z } from 'zod';
import { HoopError } from '../base/errors.ts';
import { fingerprint } from '../recording/recovery.ts';
import type { AuditEntry, AuditKind } from './entry.ts';
import { parseEntry } from './entry-line.ts';
import { readLines } from './lines.ts';
import type { ProblemList } from './problems.ts';

/** Where a session's recording lies; throws for text that is no session id. */
export type RecordingLocator = (session: string) => string;

const endedSchema = z.object({
  session: z.string(),
  recording: z.object({ size: z.number(), sha256: z.string() }).nullish(),
});
const removedSchema = z.object({ session: z.string() });

/**
 * Checks that each session that ended has a recording and that it is still what it was then, unless a later
 * `recording.removed` names the session. Returns how many were checked. Remembers only what was removed.
 */
export async function checkRecordings(
  path: string,
  size: number,
  locate: RecordingLocator,
  problems: ProblemList,
): Promise<number> {
  const removed = new Map<string, number>();
  for await (const entry of entriesOf(path, size, 'recording.removed')) {
    const facts = removedSchema.safeParse(entry.facts).data;
    if (facts) removed.set(facts.session, entry.seq);
  }
  let checked = 0;
  for await (const entry of entriesOf(path, size, 'session.end')) {
    const facts = endedSchema.safeParse(entry.facts).data;
    if (facts?.recording === undefined || (removed.get(facts.session) ?? 0) > entry.seq) continue;
    if (facts.recording === null) {
      problems.add(entry.seq, 'the session ended without a recording', facts.session);
      continue;
    }
    checked++;
    const problem = await compare(locate, facts.session, facts.recording);
    if (problem !== undefined) problems.add(entry.seq, problem, facts.session);
  }
  return checked;
}

async function compare(
  locate: RecordingLocator,
  session: string,
  expected: { readonly size: number; readonly sha256: string },
): Promise<string | undefined> {
  try {
    const found = await fingerprint(locate(session));
    if (found.size !== expected.size) {
      return `the recording has ${found.size} bytes, it had ${expected.size} when the session ended`;
    }
    return found.sha256 === expected.sha256 ? undefined : 'the recording was changed after the session ended';
  } catch (error) {
    if (error instanceof HoopError) return error.message;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return 'the recording is missing';
    return `the recording cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function* entriesOf(
  path: string,
  size: number,
  kind: AuditKind,
): AsyncGenerator<AuditEntry, void, void> {
  // In canonical form a kind is written in exactly one way; only lines that have it are parsed.
  const mark = `"kind":"${kind}"`;
  for await (const line of readLines(path, 0, size)) {
    const entry = line.text.includes(mark) ? parseEntry(line.text) : undefined;
    if (entry?.kind === kind) yield entry;
  }
}

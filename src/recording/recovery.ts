import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Internal } from '../base/errors.ts';
import { FRAME, type Frame } from './events.ts';
import { type RecordingEnd, readRecording } from './reader.ts';

/** What happened in a session, by its recording. */
export interface Tally {
  readonly statements: number;
  readonly blocked: number;
  readonly approved: number;
  readonly denied: number;
}

export interface RecoveredRecording {
  /** Bytes of the whole file, a torn tail included: what is there is evidence and stays. */
  readonly size: number;
  /** SHA-256 (hex) of the whole file. */
  readonly sha256: string;
  /** The last write was cut off; replay shows everything before it. */
  readonly torn: boolean;
  /** In words, when the file is worse than cut off (a machine that lost power may leave that). */
  readonly damage: string | undefined;
  /** Up to the damage, where there is some. */
  readonly tally: Tally;
}

/**
 * What the next daemon does with a recording whose daemon was killed: makes sure it is on the disk, tells
 * what is in it, changes nothing. Throws NotFound `recording_missing`, Internal `recording_unreadable`.
 */
export async function recoverRecording(path: string): Promise<RecoveredRecording> {
  const state = await examine(path);
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return { ...(await fingerprint(path)), ...state };
}

async function examine(path: string): Promise<Pick<RecoveredRecording, 'torn' | 'damage' | 'tally'>> {
  let end: RecordingEnd | undefined;
  const tally = { statements: 0, blocked: 0, approved: 0, denied: 0 };
  try {
    const frames = readRecording(path, (seen) => {
      end = seen;
    });
    for await (const frame of frames) {
      const counter = counterOf(frame);
      if (frame.kind === FRAME.decision) tally.statements += 1;
      if (counter !== undefined) tally[counter] += 1;
    }
  } catch (error) {
    if (!(error instanceof Internal) || error.code === 'recording_unreadable') throw error;
    return { torn: false, damage: error.message, tally };
  }
  return { torn: end === undefined || end.tornBytes > 0 || end.frames === 0, damage: undefined, tally };
}

/** What a decision or the end of an approval counts as, besides as a statement. */
function counterOf({ kind, payload }: Frame): Exclude<keyof Tally, 'statements'> | undefined {
  if (kind !== FRAME.decision && kind !== FRAME.approval) return undefined;
  const facts = parsed(payload);
  if ('outcome' in facts && facts.outcome === 'block') return 'blocked';
  const status = 'status' in facts ? facts.status : undefined;
  return status === 'approved' || status === 'denied' ? status : undefined;
}

function parsed(payload: Uint8Array): object {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString());
    return value !== null && typeof value === 'object' ? value : {};
  } catch {
    return {};
  }
}

/** Size and SHA-256 (hex) of a file, streamed. */
export async function fingerprint(path: string): Promise<{ readonly size: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    const bytes = chunk as Buffer;
    hash.update(bytes);
    size += bytes.length;
  }
  return { size, sha256: hash.digest('hex') };
}

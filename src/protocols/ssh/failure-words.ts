import { HoopError } from '../../base/errors.ts';
import type { FailureWords } from '../../session/command-line/shell-terms.ts';
import { EXIT } from '../../session/command-line/words.ts';

/** What a client may know of why something was not started, its exit code, and what the recording has to say of it. */
export function failureWords(error: unknown): FailureWords {
  if (!(error instanceof HoopError)) {
    const note = error instanceof Error ? error.message : 'the target did not start it';
    return { lines: ['hoopctl: the target did not start it'], code: EXIT.failed, note };
  }
  const note = error.why === undefined ? error.message : `${error.message}: ${error.why}`;
  switch (error.kind) {
    case 'not-permitted':
      // What the target said of the credential or its key is the owner's business.
      if (/^(host_key_|host_certificate|target_refused|bad_private|private_key)/.test(error.code)) break;
      return {
        lines: [`hoopctl: ${error.message}`, ...(error.next === undefined ? [] : [`hoopctl: ${error.next}`])],
        code: EXIT.refused,
        note,
      };
    case 'not-reachable':
    case 'not-found':
    case 'usage':
      // A connection on the way is the owner's business as well.
      break;
    default:
      return { lines: [`hoopctl: ${error.message}`], code: EXIT.failed, note };
  }
  return {
    lines: [
      'hoopctl: the target could not be reached',
      'hoopctl: an owner finds out why with: hoopctl connection test',
    ],
    code: EXIT.failed,
    note,
  };
}

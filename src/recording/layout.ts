import { join } from 'node:path';
import { Internal } from '../base/errors.ts';
import { timeOfId } from '../base/ids.ts';

/**
 * Where a session's recording lies: `ROOT/YYYY/MM/DD/SESSION.hoop`, the day (UTC) the session id was made.
 * The id is checked, so that no text from outside can lead out of `root`. Throws Internal `bad_session_id`.
 */
export function recordingPath(root: string, session: string): string {
  const time = session.startsWith('s-') ? timeOfId(session) : undefined;
  if (time === undefined) throw new Internal('bad_session_id', `"${session}" is not a session id`);
  const [year = '', month = '', day = ''] = new Date(time).toISOString().slice(0, 10).split('-');
  return join(root, year, month, day, `${session}.hoop`);
}

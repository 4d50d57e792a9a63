import type { LineHistory } from '../../shell/line/line-history.ts';
import { readScript } from '../../shell/read-script.ts';

/** What a shell answers by itself, and no program of the target does; undefined for any other line. */
export function ownWords(line: string, history: LineHistory): readonly string[] | undefined {
  const asked = /^history(?:\s+(\d{1,4}))?$/.exec(line);
  if (asked !== null) return history.listed(Number(asked[1] ?? 500));
  if (!/^(fg|bg|jobs|disown|suspend)(\s+%?\w*)?$/.test(line)) return undefined;
  return [
    'hoopctl: there are no jobs here, since each line is run by a shell of its own: start with nohup … & what is to go on',
  ];
}

/** A blank line or a comment. What does not parse is judged, and refused with the grammar's words. */
export function runsNothing(text: string): boolean {
  try {
    const { commands, functions, problems } = readScript(text);
    return commands.length === 0 && functions.size === 0 && problems.length === 0;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

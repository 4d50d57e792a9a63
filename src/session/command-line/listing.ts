import { randomBytes } from 'node:crypto';
import { type LineSetting, lineScript } from '../../shell/line/line-script.ts';
import { ReportFilter } from '../../shell/line/report-filter.ts';
import type { GatedLineTerms } from './gated-line.ts';
import type { OutputStream, TerminalSize } from './program.ts';
import { passOutput } from './program-output.ts';

/** How long a directory may take to be listed, in milliseconds, and what of it is looked at, in bytes. */
const LISTING_MS = 3000;
const LISTING_BYTES = 256 * 1024;

/**
 * What a line prints that completes another one, a line each and masked; undefined when the policy does not allow it by
 * itself: nobody is asked for the sake of a Tab. It is judged, recorded and run like a line that was entered. Throws what
 * desk and door throw.
 */
export async function listedBy<Size extends TerminalSize>(
  line: string,
  setting: LineSetting,
  { desk, door, gate, masking }: GatedLineTerms<Size>,
): Promise<readonly string[] | undefined> {
  const judged = gate.passed({ kind: 'line', line, setting });
  if (judged === undefined) return undefined;
  const way = await door();
  desk.commit();
  const nonce = randomBytes(16).toString('hex');
  const program = await way.exec(judged, lineScript(line, setting, nonce), undefined);
  program.endInput();
  const pieces: Buffer[] = [];
  let length = 0;
  const timer = setTimeout(() => program.close(), LISTING_MS);
  timer.unref();
  const take = (lane: OutputStream, bytes: Buffer) => {
    if (lane === 'stderr' || length > LISTING_BYTES) return;
    length += bytes.length;
    pieces.push(Buffer.from(bytes));
    if (length > LISTING_BYTES) program.close();
  };
  await passOutput(program, masking, take, new ReportFilter(nonce));
  clearTimeout(timer);
  const names = Buffer.concat(pieces).toString('utf8').split('\n');
  // The last one is empty, or was cut.
  return names.slice(0, -1);
}

import { fuzzCodec } from './codec-fuzz.ts';
import { runFuzz } from './session-fuzz.ts';

/**
 * `npm run fuzz -- [MESSAGES] [SEED] [WHAT]`: so many mutated messages through the codec (`codec`), and as many through
 * whole sessions from the client (`client`) and from the target (`target`); without WHAT all three. Fails at the first
 * thing that is wrong.
 */
const messages = Number(process.argv[2] ?? 10_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const only = process.argv[4];
/** So many at a time, so that there is something to see and memory that grows shows. */
const PORTION = 500_000;
// Refusing is the common case here, and its stacks are never looked at; a crash still says where.
Error.stackTraceLimit = 4;
let failed = false;

function tell(what: string, began: number, counts: object, wrong: readonly string[]): void {
  const seconds = Math.round((performance.now() - began) / 1000);
  const rssMiB = Math.round(process.memoryUsage().rss / 2 ** 20);
  process.stdout.write(
    `${JSON.stringify({ what, seed, ...counts, wrong: wrong.length, seconds, rssMiB })}\n`,
  );
  for (const one of wrong.slice(0, 5)) process.stdout.write(`${one}\n`);
  failed ||= wrong.length > 0;
}

async function tellSessions(direction: 'client' | 'target'): Promise<void> {
  const began = performance.now();
  const total = { messages: 0, sent: 0, sessions: 0, ran: 0, closed: 0 };
  for (let portion = 0; total.messages < messages && !failed; portion++) {
    const size = Math.min(PORTION, messages - total.messages);
    const report = await runFuzz({ direction, messages: size, seed: seed + portion * 7919 });
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += report[key];
    const other = [
      ...(report.hangs > 0 ? [`${report.hangs} sessions hang`] : []),
      ...(report.malformed > 0 ? ['bytes that are no message'] : []),
      ...(report.leaks > 0 ? ['a masked value came through'] : []),
    ];
    tell(`session, from the ${direction}`, began, total, [...report.unjudged, ...report.crashes, ...other]);
  }
}

if (only === undefined || only === 'codec') {
  const began = performance.now();
  const { crashes, ...counts } = fuzzCodec(messages, seed);
  tell('codec', began, counts, crashes);
}
if (only === undefined || only === 'client') await tellSessions('client');
if (only === undefined || only === 'target') await tellSessions('target');
process.exitCode = failed ? 1 : 0;

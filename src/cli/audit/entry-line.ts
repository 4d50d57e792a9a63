import { z } from 'zod';
import type { TextOut } from '../io.ts';
import { shownTime } from '../times.ts';
import { visible } from '../visible-text.ts';

const entrySchema = z.object({
  seq: z.number(),
  time: z.string(),
  kind: z.string(),
  actor: z.string(),
  facts: z.record(z.string(), z.unknown()),
});

/** `#12  2m ago  approval.decided  ana  approval=ap-7kq2m …`; a line of another form as its JSON. */
export function entryLine(line: unknown, out: TextOut, now: number): string {
  const parsed = entrySchema.safeParse(line);
  if (!parsed.success) return visible(JSON.stringify(line));
  const { seq, time, kind, actor, facts } = parsed.data;
  const words = Object.entries(facts).map(([name, value]) => {
    return `${name}=${typeof value === 'string' && !/[\s"]/.test(value) ? value : JSON.stringify(value)}`;
  });
  const when = shownTime(time, out, now);
  return `${out.paint.dim(`#${seq}  ${when}`)}  ${out.paint.bold(kind)}  ${visible(`${actor}  ${words.join(' ')}`)}`;
}

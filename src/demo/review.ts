import { z } from 'zod';
import { Internal } from '../base/errors.ts';
import type { Actor, Stage } from './stage.ts';

const sessionsSchema = z.object({
  sessions: z.array(z.object({ id: z.string(), identity: z.string(), approved: z.number() })),
});

/** What an auditor does afterwards: see the session as it happened, prove that the log is whole. */
export async function review(scene: {
  readonly stage: Stage;
  readonly owner: Actor;
  /** What the replay shows, and what it must not. */
  readonly shown: readonly string[];
  readonly hidden: readonly string[];
}): Promise<void> {
  const { hidden, owner, shown, stage } = scene;
  stage.begin('The session, replayed as the agent saw it');
  const listed = await stage.run(owner, ['session', 'list', '--json']);
  const session = sessionsSchema
    .parse(JSON.parse(listed.stdout))
    .sessions.find(({ approved, identity }) => identity === 'devin' && approved > 0);
  if (session === undefined)
    throw new Internal('demo_failed', 'session list does not show the session of devin');
  const replay = await stage.command(owner, ['replay', session.id, '--no-wait']);
  for (const words of shown) {
    if (!replay.stdout.includes(words))
      throw new Internal('demo_failed', `the replay does not show "${words}"`);
  }
  if (hidden.some((value) => replay.stdout.includes(value))) {
    throw new Internal('demo_failed', 'the replay shows a value that was masked');
  }

  stage.begin('The audit log, proved');
  await stage.command(owner, ['audit', 'verify']);
}

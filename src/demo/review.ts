import { z } from 'zod';
import { Internal } from '../base/errors.ts';
import type { Shop } from './shop.ts';
import type { Actor, Stage } from './stage.ts';

const sessionsSchema = z.object({ sessions: z.array(z.object({ id: z.string(), identity: z.string() })) });

/** What an auditor does afterwards: see the session as it happened, prove that the log is whole. */
export async function review(scene: {
  readonly stage: Stage;
  readonly shop: Shop;
  readonly owner: Actor;
}): Promise<void> {
  const { stage, shop, owner } = scene;
  stage.begin('The session, replayed as the agent saw it');
  const listed = await stage.run(owner, ['session', 'list', '--json']);
  const session = sessionsSchema
    .parse(JSON.parse(listed.stdout))
    .sessions.find(({ identity }) => identity === 'devin');
  if (session === undefined)
    throw new Internal('demo_failed', 'session list does not show the session of devin');
  const replay = await stage.command(owner, ['replay', session.id, '--no-wait']);
  for (const words of ['id < 4', 'update customers', 'drop table customers', 'UPDATE 1']) {
    if (!replay.stdout.includes(words))
      throw new Internal('demo_failed', `the replay does not show "${words}"`);
  }
  const { rows } = await shop.direct.query<{ email: string }>('select email from customers where id < 4');
  if (rows.some(({ email }) => replay.stdout.includes(email))) {
    throw new Internal('demo_failed', 'the replay shows a value that was masked');
  }

  stage.begin('The audit log, proved');
  await stage.command(owner, ['audit', 'verify']);
}

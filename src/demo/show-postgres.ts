import { join } from 'node:path';
import { CONNECTION, governedSession } from './governed-session.ts';
import { leaveRunning } from './kept.ts';
import { type DemoTarget, prepareOffice } from './office.ts';
import { review } from './review.ts';
import { startSamplePostgres } from './sample-postgres.ts';
import { type DemoScene, OWNER, opening } from './scene.ts';
import { openShop } from './shop.ts';

/** An agent at a production database. Settles with what is to be said at the very end, if anything is. */
export async function showPostgres(scene: DemoScene): Promise<() => void> {
  const { closing, dir, passphrase, stage } = scene;
  opening(scene, 'hoopctl demo: an agent, a production database, and what stands between them.');

  stage.begin('A sample PostgreSQL with a shop in it');
  const server = await startSamplePostgres({ prefer: ['embedded', 'system'], dir: join(dir, 'postgres') });
  closing.add(() => server.stop());
  const shop = await openShop(server);
  closing.add(() => shop.direct.end());
  const counted = Object.entries(shop.counts).map(([table, rows]) => `${rows} ${table}`);
  stage.print(`  PostgreSQL ${server.version} on 127.0.0.1:${server.port}: ${counted.join(', ')}`);

  closing.add(() => stage.run(OWNER, ['daemon', 'stop']));
  const url = `postgres://${shop.user}@${server.host}:${server.port}/${shop.database}`;
  const target: DemoTarget = {
    connection: CONNECTION,
    title: `The connection ${CONNECTION}: its password stays with hoopctl`,
    flags: ['--url', url, '--password-stdin'],
    stdin: `${shop.password}\n`,
    policy: new URL('./assets/policy.yaml', import.meta.url),
    policyTitle: 'The policy: reads masked, writes approved, nothing destructive',
    approvers: 'dba',
  };
  const actors = await prepareOffice({ stage, dir, target, owner: OWNER, passphrase, closing });
  await governedSession({ stage, shop, ...actors, passphrase, closing });
  const { rows } = await shop.direct.query<{ email: string }>('select email from customers where id < 4');
  const shown = ['id < 4', 'update customers', 'drop table customers', 'UPDATE 1'];
  await review({ stage, owner: OWNER, shown, hidden: rows.map(({ email }) => email) });
  if (scene.keep) await shop.direct.end();
  const kept = {
    connection: CONNECTION,
    needs: ` (needs psql; else: hoopctl proxy ${CONNECTION})`,
    tries: [`hoopctl connect ${CONNECTION}`, "shop=> update customers set plan = 'team' where id = 2;"],
    pid: `$(head -n 1 '${server.dataDir}/postmaster.pid' 2>/dev/null)`,
  };
  return () => leaveRunning({ stage, dir, kept, passphrase, ...actors });
}

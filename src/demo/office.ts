import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Closing } from './closing.ts';
import type { SamplePostgres } from './sample-postgres.ts';
import type { Shop } from './shop.ts';
import type { Actor, Stage } from './stage.ts';

export const CONNECTION = 'prod-db';
const POLICY = new URL('./assets/policy.yaml', import.meta.url);

export interface Actors {
  /** The agent that asks. */
  readonly devin: Actor;
  /** The person who decides. */
  readonly ana: Actor;
}

/** What an owner sets up once: state directory, connection, policy, identities. */
export async function prepareOffice(scene: {
  readonly stage: Stage;
  /** The demo's directory. */
  readonly dir: string;
  readonly server: SamplePostgres;
  readonly shop: Shop;
  readonly owner: Actor;
  readonly passphrase: string;
  readonly closing: Closing;
}): Promise<Actors> {
  const { stage, dir, server, shop, owner, passphrase } = scene;
  stage.begin('A state directory, its owner, the approver passphrase');
  await stage.command(owner, ['init', '--no-input', '--approver-passphrase-stdin'], {
    stdin: `${passphrase}\n`,
    // Its list of next steps is what follows here anyway.
    show: (line) => /the daemon|is ready/.test(line),
  });

  stage.begin(`The connection ${CONNECTION}: its password stays with hoopctl`);
  const url = `postgres://${shop.user}@${server.host}:${server.port}/${shop.database}`;
  // Where there is a system keychain the credential goes there; nothing of the demo is to stay in it. Said before the
  // command, so that an interruption in the middle of it comes to this, and to it before the daemon's end.
  scene.closing.add(() => stage.run(owner, ['connection', 'remove', CONNECTION, '--yes']));
  await stage.command(
    owner,
    ['connection', 'add', CONNECTION, '--url', url, '--password-stdin', '--no-input'],
    {
      stdin: `${shop.password}\n`,
    },
  );
  stage.begin('Two identities: devin, an agent, and ana, who may approve');
  const create = async (name: 'devin' | 'ana', role: string, group: string): Promise<Actor> => {
    const args = ['identity', 'create', name, '--role', role, '--group', group];
    const lines = (text: string) => text.trimEnd().split('\n');
    const result = await stage.command(owner, args, { show: (line) => !looksLikeToken(line) });
    stage.print('  (its token, shown once, goes into HOOPCTL_TOKEN)');
    return { name, token: lines(result.stdout).at(-1)?.trim() ?? '' };
  };
  const devin = await create('devin', 'requester', 'agents');
  const ana = await create('ana', 'approver', 'dba');

  stage.begin('The policy: reads masked, writes approved, nothing destructive');
  const policy = join(dir, 'policy.yaml');
  copyFileSync(POLICY, policy);
  await stage.command(owner, ['policy', 'apply', policy, '--yes']);
  return { devin, ana };
}

function looksLikeToken(line: string): boolean {
  return /^\S{24,}$/.test(line.trim());
}

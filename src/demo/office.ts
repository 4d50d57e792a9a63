import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Closing } from './closing.ts';
import type { Actor, Stage } from './stage.ts';

export interface Actors {
  /** The agent that asks. */
  readonly devin: Actor;
  /** The person who decides. */
  readonly ana: Actor;
}

/** What a demo is about. */
export interface DemoTarget {
  /** Its connection's name. */
  readonly connection: string;
  readonly title: string;
  /** Flags of `connection add` behind the name, and what it reads. */
  readonly flags: readonly string[];
  readonly stdin: string;
  /** Its policy, and what that is about. */
  readonly policy: URL;
  readonly policyTitle: string;
  /** The group of those who may approve. */
  readonly approvers: string;
}

/** What an owner sets up once: state directory, connection, policy, identities. */
export async function prepareOffice(scene: {
  readonly stage: Stage;
  /** The demo's directory. */
  readonly dir: string;
  readonly target: DemoTarget;
  readonly owner: Actor;
  readonly passphrase: string;
  readonly closing: Closing;
}): Promise<Actors> {
  const { stage, dir, target, owner, passphrase } = scene;
  stage.begin('A state directory, its owner, the approver passphrase');
  await stage.command(owner, ['init', '--no-input', '--approver-passphrase-stdin'], {
    stdin: `${passphrase}\n`,
    // Its list of next steps is what follows here anyway.
    show: (line) => /the daemon|is ready/.test(line),
  });

  stage.begin(target.title);
  // Where there is a system keychain the credential goes there; nothing of the demo is to stay in it. Said before the
  // command, so that an interruption in the middle of it comes to this, and to it before the daemon's end.
  scene.closing.add(() => stage.run(owner, ['connection', 'remove', target.connection, '--yes']));
  await stage.command(owner, ['connection', 'add', target.connection, ...target.flags, '--no-input'], {
    stdin: target.stdin,
  });
  stage.begin('Two identities: devin, an agent, and ana, who may approve');
  const create = async (name: 'devin' | 'ana', role: string, group: string): Promise<Actor> => {
    const args = ['identity', 'create', name, '--role', role, '--group', group];
    const lines = (text: string) => text.trimEnd().split('\n');
    const result = await stage.command(owner, args, { show: (line) => !looksLikeToken(line) });
    stage.print('  (its token, shown once, goes into HOOPCTL_TOKEN)');
    return { name, token: lines(result.stdout).at(-1)?.trim() ?? '' };
  };
  const devin = await create('devin', 'requester', 'agents');
  const ana = await create('ana', 'approver', target.approvers);

  stage.begin(target.policyTitle);
  const policy = join(dir, 'policy.yaml');
  copyFileSync(target.policy, policy);
  await stage.command(owner, ['policy', 'apply', policy, '--yes']);
  return { devin, ana };
}

function looksLikeToken(line: string): boolean {
  return /^\S{24,}$/.test(line.trim());
}

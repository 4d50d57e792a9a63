import { existsSync, readFileSync } from 'node:fs';
import { Internal } from '../../base/errors.ts';
import type { Actors } from '../office.ts';
import type { Stage } from '../stage.ts';
import type { SampleMachine } from './machine.ts';

export const CONNECTION = 'web-1';
/** What a shell says of a command that it found and may not run. */
const REFUSED = 126;

interface Scene extends Actors {
  readonly stage: Stage;
  readonly machine: SampleMachine;
  readonly passphrase: string;
}

/** What the agent lives through: it looks, it changes something with a person's yes, and it is stopped. */
export async function governedMachine(scene: Scene): Promise<void> {
  const { stage } = scene;
  stage.begin('The agent looks: what the policy masks never reaches it');
  await maskedLook(scene);
  stage.begin('The agent changes a file: the command waits for a yes');
  await approvedChange(scene);
  stage.begin('The agent removes: refused with 126, and nothing has run');
  await blockedRemoval(scene);
  stage.begin('Files by sftp: judged by operation and path');
  await judgedFiles(scene);
}

async function maskedLook({ devin, machine, stage }: Scene): Promise<void> {
  const seen = await stage.command(devin, ['connect', CONNECTION, '--', 'cat ~/log/app.log']);
  assert(seen.stdout.includes('GET /checkout 200'), 'the log is shown');
  assert(!machine.hidden.some((value) => seen.stdout.includes(value)), 'its personal data is not');
}

async function approvedChange({ ana, devin, machine, passphrase, stage }: Scene): Promise<void> {
  const line = 'cp ~/site/next.html ~/site/index.html';
  const running = stage.follow(devin, ['connect', CONNECTION, '--', line]);
  const [id] = await running.shows(/\bap-[0-9a-z]+\b/);
  assert(/Open/.test(readFileSync(machine.page, 'utf8')), 'nothing has run while the command waits');
  await stage.command(ana, ['approve', id, '--yes', '--passphrase-stdin'], { stdin: `${passphrase}\n` });
  const { code } = await running.ended;
  assert(code === 0, 'the command ran and ended well');
  assert(/Closed/.test(readFileSync(machine.page, 'utf8')), 'the approved command ran');
}

async function blockedRemoval({ devin, machine, stage }: Scene): Promise<void> {
  await stage.command(devin, ['connect', CONNECTION, '--', 'rm -f ~/site/next.html'], { code: REFUSED });
  assert(existsSync(machine.next), 'the file is still there');
  // Hidden in a shell of its own, it is the same command.
  const hidden = "sh -c 'cd / && rm -f ~/site/next.html'";
  await stage.command(devin, ['connect', CONNECTION, '--', hidden], { code: REFUSED });
  assert(existsSync(machine.next), 'the file is still there');
}

async function judgedFiles({ devin, machine, stage }: Scene): Promise<void> {
  const args = ['connect', CONNECTION, '--client', 'sftp', '--', '-q', '-b', '-'];
  const batch = [`ls -1 ${machine.home}/site`, `-get ${machine.home}/secrets/session.key`];
  const { stderr, stdout } = await stage.command(devin, args, { stdin: `${batch.join('\n')}\n` });
  assert(stdout.includes('index.html'), 'the directory is listed');
  assert(stderr.includes('blocked by rule "no-keys-by-sftp"'), 'the key is not read');
  assert(!existsSync('session.key'), 'nothing has come of it');
}

function assert(holds: boolean, what: string): void {
  if (!holds) throw new Internal('demo_failed', `expected that ${what}`);
}

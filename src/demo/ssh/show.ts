import { join } from 'node:path';
import { leaveRunning } from '../kept.ts';
import { type DemoTarget, prepareOffice } from '../office.ts';
import { review } from '../review.ts';
import { type DemoScene, OWNER, opening } from '../scene.ts';
import { CONNECTION, governedMachine } from './governed-machine.ts';
import { layOutMachine } from './machine.ts';
import { startSampleSshd } from './sample-sshd.ts';

/** An agent on a web server. Settles with what is to be said at the very end. */
export async function showSsh(scene: DemoScene): Promise<() => void> {
  const { closing, dir, passphrase, stage } = scene;
  opening(scene, 'hoopctl demo --ssh: an agent, a web server, and what stands between them.');

  stage.begin('A sample machine with an SSH server of its own');
  const sshd = await startSampleSshd(join(dir, 'sshd'), join(dir, CONNECTION));
  closing.add(() => sshd.stop());
  const machine = layOutMachine(join(dir, CONNECTION));
  stage.print(`  ${sshd.version} on 127.0.0.1:${sshd.port}`);

  closing.add(() => stage.run(OWNER, ['daemon', 'stop']));
  const target: DemoTarget = {
    connection: CONNECTION,
    title: `The connection ${CONNECTION}: its key stays with hoopctl, the host is pinned`,
    flags: ['--url', sshd.url, '--key', `file:${sshd.keyFile}`, '--accept-host-key'],
    stdin: '',
    policy: new URL('../assets/policy-ssh.yaml', import.meta.url),
    policyTitle: 'The policy: output masked, changes approved, no removals',
    approvers: 'ops',
  };
  const actors = await prepareOffice({ stage, dir, target, owner: OWNER, passphrase, closing });
  await governedMachine({ stage, machine, passphrase, ...actors });
  await review({
    stage,
    owner: OWNER,
    shown: ['cp ~/site/next.html', 'approved by ana'],
    hidden: machine.hidden,
  });
  const kept = {
    connection: CONNECTION,
    needs: '',
    tries: [
      `hoopctl connect ${CONNECTION} -- uptime`,
      `hoopctl connect ${CONNECTION} -- 'touch ~/site/maintenance'`,
    ],
    pid: String(sshd.pid),
  };
  return () => leaveRunning({ stage, dir, kept, passphrase, ...actors });
}

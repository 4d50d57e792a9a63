import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Actors, CONNECTION } from './office.ts';
import type { SamplePostgres } from './sample-postgres.ts';
import { type Actor, programPath, type Stage } from './stage.ts';

/**
 * Writes what two terminals need to go on (tokens in files of mode 0600, never in a command line), a script that
 * ends everything, and prints how to use them.
 */
export function leaveRunning(
  scene: Actors & {
    readonly stage: Stage;
    readonly dir: string;
    readonly server: SamplePostgres;
    readonly passphrase: string;
  },
): void {
  const { stage, dir, server, devin, ana, passphrase } = scene;
  const write = (name: string, text: string, mode: number) => writeFileSync(join(dir, name), text, { mode });
  for (const actor of [devin, ana]) write(`${actor.name}.env`, environmentOf(dir, actor), 0o600);
  write('passphrase', `${passphrase}\n`, 0o600);
  write('stop', stopScript(dir, server), 0o700);
  stage.print(`
Left running. In one terminal, the agent (needs psql; else: hoopctl proxy ${CONNECTION}):
    . ${dir}/devin.env
    hoopctl connect ${CONNECTION}
    shop=> update customers set plan = 'team' where id = 2;
In another, the approver, whose passphrase is in ${dir}/passphrase:
    . ${dir}/ana.env
    hoopctl approvals --watch
End everything and remove it:
    ${dir}/stop`);
}

function environmentOf(dir: string, actor: Actor): string {
  return [
    `export PATH="${programPath()}:$PATH"`,
    `export HOOPCTL_HOME='${dir}/state'`,
    `export HOOPCTL_TOKEN='${actor.token ?? ''}'`,
    '',
  ].join('\n');
}

function stopScript(dir: string, server: SamplePostgres): string {
  return `#!/bin/sh
# Ends what \`hoopctl demo --keep\` left running and removes it.
unset HOOPCTL_TOKEN HOOPCTL_GATEWAY
export PATH="${programPath()}:$PATH" HOOPCTL_HOME='${dir}/state'
hoopctl connection remove ${CONNECTION} --yes >/dev/null 2>&1
hoopctl daemon stop
pid=$(head -n 1 '${server.dataDir}/postmaster.pid' 2>/dev/null)
if [ -n "$pid" ]; then
  kill -INT "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
fi
rm -rf '${dir}'
`;
}

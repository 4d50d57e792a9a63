import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Actors } from './office.ts';
import { type Actor, programPath, type Stage } from './stage.ts';

/** What goes on when a demo is left running. */
export interface KeptTarget {
  readonly connection: string;
  /** ` (needs psql; …)`, or nothing. */
  readonly needs: string;
  /** What to try as the agent. */
  readonly tries: readonly string[];
  /** A shell's words for the server's process id. */
  readonly pid: string;
}

/**
 * Writes what two terminals need to go on (tokens in files of mode 0600, never in a command line), a script that
 * ends everything, and prints how to use them.
 */
export function leaveRunning(
  scene: Actors & {
    readonly stage: Stage;
    readonly dir: string;
    readonly kept: KeptTarget;
    readonly passphrase: string;
  },
): void {
  const { stage, dir, kept, devin, ana, passphrase } = scene;
  const write = (name: string, text: string, mode: number) => writeFileSync(join(dir, name), text, { mode });
  for (const actor of [devin, ana]) write(`${actor.name}.env`, environmentOf(dir, actor), 0o600);
  write('passphrase', `${passphrase}\n`, 0o600);
  write('stop', stopScript(dir, kept), 0o700);
  stage.print(`
Left running. In one terminal, the agent${kept.needs}:
    . ${dir}/devin.env
${kept.tries.map((line) => `    ${line}\n`).join('')}In another, the approver, whose passphrase is in ${dir}/passphrase:
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

function stopScript(dir: string, { connection, pid }: KeptTarget): string {
  return `#!/bin/sh
# Ends what \`hoopctl demo --keep\` left running and removes it.
unset HOOPCTL_TOKEN HOOPCTL_GATEWAY
export PATH="${programPath()}:$PATH" HOOPCTL_HOME='${dir}/state'
hoopctl connection remove ${connection} --yes >/dev/null 2>&1
hoopctl daemon stop
pid=${pid}
if [ -n "$pid" ]; then
  kill -INT "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
fi
rm -rf '${dir}'
`;
}

import type { Client } from '../../api/client.ts';
import { Internal } from '../../base/errors.ts';
import { processEnds } from '../daemon-process.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';

/** Milliseconds: the daemon promises ten seconds, and the machine may be slow. */
const STOP_DEADLINE = 15_000;

/** Asks the daemon to stop and waits until its process is gone. */
export async function stopDaemon(
  client: Client,
): Promise<{ readonly pid: number; readonly auditId: string }> {
  const { pid } = await client.call('status', {});
  const { auditId } = await client.call('stop', {});
  if (await processEnds(pid, STOP_DEADLINE)) return { pid, auditId };
  throw new Internal(
    'daemon_still_runs',
    `the daemon (pid ${pid}) did not end within ${STOP_DEADLINE / 1000} s`,
    {
      next: `kill ${pid}`,
    },
  );
}

export async function run(options: { readonly json: boolean }, io: Io, client: Client): Promise<void> {
  const { pid, auditId } = await stopDaemon(client);
  if (options.json) printDocument(io, { running: false, pid, auditId });
  else say(io, `the daemon (pid ${pid}) stopped`);
}

import type { Client } from '../../api/client.ts';
import { isServing, startDaemon } from '../daemon-process.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';
import { stopDaemon } from './stop.ts';

export async function run(
  options: { readonly home: string; readonly json: boolean },
  io: Io,
  client: Client,
): Promise<void> {
  if (await isServing(options.home)) await stopDaemon(client);
  const pid = await startDaemon(options.home, io.env);
  if (options.json) printDocument(io, { running: true, pid, home: options.home });
  else say(io, `the daemon serves (pid ${pid})`);
}

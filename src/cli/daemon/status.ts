import type { Client } from '../../api/client.ts';
import { counted } from '../../base/quantities.ts';
import type { Io } from '../io.ts';
import { fields } from '../listing.ts';
import { printDocument, say } from '../output.ts';
import { shownTime } from '../times.ts';

export async function run(options: { readonly json: boolean }, io: Io, client: Client): Promise<void> {
  const status = await client.call('status', {});
  if (options.json) return printDocument(io, { running: true, ...status });
  const { policy } = status;
  say(io, `the daemon is running (pid ${status.pid})`);
  io.out.write(
    fields(io.out, [
      ['version', status.version],
      ['started', shownTime(status.startedAt, io.out, io.now())],
      ['sessions', String(status.sessions)],
      ['waiting', counted(status.pendingApprovals, 'approval')],
      [
        'policy',
        policy === null
          ? 'none applied: nothing is allowed'
          : `${policy.source} · version ${policy.version} · ${policy.hash.slice(0, 12)}`,
      ],
      ['credentials', status.secretBackend === 'keychain' ? 'system keychain' : 'encrypted file'],
    ]),
  );
}

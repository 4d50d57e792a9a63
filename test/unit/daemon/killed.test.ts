import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { openClient } from '../../../src/api/client.ts';
import { socketPath } from '../../../src/api/socket-path.ts';
import { recordingPath } from '../../../src/recording/layout.ts';
import { castOf, dial, openEndpoint, PASSPHRASE, type Running, startDaemon } from './running.ts';

async function startChild(home: string) {
  const script = fileURLToPath(new URL('./line-daemon.ts', import.meta.url));
  const child = spawn(process.execPath, [script, home], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  return {
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** What of a running daemon the cast needs, over the child's socket. */
function clientsOf(home: string): Running {
  const client = (token: string) => openClient({ socket: socketPath(home), token });
  return {
    home,
    client,
    init: async () => {
      const bootstrap = readFileSync(join(home, 'bootstrap.token'), 'utf8').trim();
      return (await client(bootstrap).call('init', { body: { approverPassphrase: PASSPHRASE } })).token;
    },
  } as Running;
}

describe('after kill -9', () => {
  test('sessions are interrupted, requests expired, and nothing is lost that a client had seen', async () => {
    const home = join(mkdtempSync(join(tmpdir(), 'hoop-killed-')), 'state');
    const child = await startChild(home);
    const cast = await castOf(clientsOf(home));
    const endpoint = await openEndpoint(cast.devin, { connection: 'prod-db' });
    endpoint.ended.catch(() => {});
    const client = dial(endpoint.ready);
    client.say(endpoint.ready.password);
    const session = (await client.hear())?.split(' ')[1] ?? '';
    client.say('read customers');
    await client.hear();
    client.say('write customers');
    const id = (await client.hear())?.split(' ')[1] ?? '';
    await child.kill();
    // A frame that the kill cut off.
    appendFileSync(recordingPath(join(home, 'recordings'), session), Buffer.from([3, 0, 0]));

    const running = await startDaemon({ home });
    const owner = running.client(cast.ownerToken);
    expect(await owner.call('sessionShow', { params: { id: session } })).toMatchObject({
      status: 'interrupted',
    });
    expect(await owner.call('approvalShow', { params: { id } })).toMatchObject({
      status: 'expired',
      endReason: 'the daemon restarted',
    });
    const seen = [];
    for await (const event of owner.stream('sessionReplay', { params: { id: session } })) seen.push(event);
    expect(seen).toMatchObject([{ message: 'done read customers' }, { message: `waits ${id}` }]);
    const recovered = [];
    for await (const entry of owner.stream('auditExport', {})) recovered.push(entry);
    expect(recovered).toContainEqual(
      expect.objectContaining({
        kind: 'daemon.recovered',
        facts: expect.objectContaining({ sessions: [session], approvals: [id] }),
      }),
    );
    expect(await owner.call('auditVerify', {})).toMatchObject({ ok: true, recordings: 1 });
    await running.daemon.stop('done');
    rmSync(dirname(home), { recursive: true });
  });
});

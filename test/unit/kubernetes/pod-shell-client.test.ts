import { expect, test } from 'vitest';
import { PodShellClient } from '../../../src/protocols/kubernetes/pod-shell-client.ts';
import type { ProgramPeer } from '../../../src/protocols/kubernetes/program-peer.ts';
import type { KubernetesSession } from '../../../src/protocols/kubernetes/session.ts';

/** A client whose words, as they reach its connection, stand in `shown`. */
function clientOf(desk: object, ends: { readonly spent?: () => void; readonly failed?: () => void } = {}) {
  const shown: string[] = [];
  const peer: Partial<ProgramPeer> = {
    output: (stream, bytes) => shown.push(`${stream}: ${bytes}`),
    end: (status) => shown.push(`end: ${Buffer.from(status)}`),
  };
  const client = new PodShellClient({
    peer: peer as ProgramPeer,
    session: { desk } as unknown as KubernetesSession,
    number: 1,
    terminal: true,
    spent: ends.spent ?? (() => {}),
    failed: ends.failed ?? (() => {}),
  });
  return { client, shown };
}

test('what cannot be recorded is not shown, and told once, whatever is said of it', async () => {
  let failures = 0;
  const desk = {
    metered: false,
    record() {
      throw new Error('the disk is full');
    },
  };
  const { client, shown } = clientOf(desk, {
    failed() {
      failures++;
      client.say(['the books cannot be written']);
    },
  });
  client.send('stdout', Buffer.from('a'));
  client.send('stdout', Buffer.from('b'));
  let typed = false;
  client.received(Buffer.from('c'), () => {
    typed = true;
  });
  await client.end({ code: 0 });
  expect({ failures, typed }).toEqual({ failures: 1, typed: false });
  expect(shown).toEqual(['end: {"metadata":{},"status":"Success"}']);
});

test('where a limit is passed nothing of the output is shown that passed it, but why', () => {
  const desk = { metered: true, spend: () => ({}), record() {} };
  const { client, shown } = clientOf(desk, { spent: () => client.say(['a limit is passed']) });
  client.send('stdout', Buffer.from('secret'));
  expect(shown).toEqual(['stdout: a limit is passed\r\n']);
});

test('a terminal has one stream, and nothing comes behind the end', async () => {
  const { client, shown } = clientOf({ metered: false, record() {} });
  client.send('stderr', Buffer.from('oh'));
  await client.end({ code: 3 });
  client.send('stdout', Buffer.from('late'));
  await client.end({ code: 4 });
  expect(shown).toEqual([
    'stdout: oh',
    expect.stringContaining('{"causes":[{"reason":"ExitCode","message":"3"}]}'),
  ]);
});

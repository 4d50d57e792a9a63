import { PassThrough } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { OutputMasking } from '../../../src/masking/output-masking.ts';
import { ChannelProgram } from '../../../src/protocols/ssh/channel-program.ts';
import type { Exit } from '../../../src/session/command-line/program.ts';
import { passOutput } from '../../../src/session/command-line/program-output.ts';

/** A program of a target that ends at once, in this way. */
function endedBy(...exit: readonly unknown[]): Promise<Exit> {
  const stderr = new PassThrough();
  const channel = Object.assign(new PassThrough(), { stderr });
  const masking = () => new OutputMasking({ masks: () => [], key: {} as never, clock: systemClock });
  const passed = passOutput(new ChannelProgram(channel as unknown as ClientChannel), masking, () => {});
  channel.emit('exit', ...exit);
  channel.end();
  stderr.end();
  return passed;
}

test('a signal goes on by the name that it has, and a name that is none does not', async () => {
  expect(await endedBy(7)).toEqual({ code: 7 });
  expect(await endedBy(null, 'SIGTERM', false)).toEqual({ signal: 'TERM', core: false });
  expect(await endedBy(null, 'SIGSEGV', true)).toEqual({ signal: 'SEGV', core: true });
  expect(await endedBy(null, 'STOP@example.com', false)).toEqual({ signal: 'STOP@example.com', core: false });
  expect(await endedBy(null, 'SIG\x1b]0;owned\x07', false)).toEqual({ code: undefined });
});

import type { PseudoTtyInfo, ServerChannel } from 'ssh2';
import { GatedShell } from '../../session/command-line/gated-shell.ts';
import type { LineReader } from '../../session/command-line/judgement.ts';
import type { ShellDoor } from '../../session/command-line/program.ts';
import { ChannelProgram } from './channel-program.ts';
import { ClientLane } from './client-lane.ts';
import type { Door } from './door.ts';
import { failureWords } from './failure-words.ts';
import { gateTerms } from './gate.ts';
import { judge } from './judgement.ts';
import type { Prepared, ProgramTerms } from './program.ts';

/** Serves a line-gated shell on one channel of the client. */
export function serveGatedShell(
  number: number,
  channel: ServerChannel,
  { environment, terminal }: Prepared,
  terms: ProgramTerms,
  reader: LineReader,
): GatedShell<PseudoTtyInfo> {
  const { desk, failed, masking } = terms;
  const client = new ClientLane({
    number,
    channel,
    desk,
    terminal: terminal !== undefined,
    words: terminal === undefined ? 'stderr' : 'stdout',
    drained: () => shell.drained(),
    failed,
  });
  const shell = new GatedShell<PseudoTtyInfo>({
    ...gateTerms(terms),
    client,
    environment,
    terminal: terminal?.term,
    size: terminal,
    masking,
    failed,
    failure: failureWords,
    judge: (asked) => judge(desk, asked.kind === 'line' ? { ...asked, ...reader } : asked),
    door: async () => shellDoor(await terms.door(), environment),
    open: async (gate) => {
      const answer = await gate.ask({ kind: 'gated-shell' });
      if (!answer.passed) return answer;
      (await terms.door()).request(answer.judged);
      return { passed: true, directory: undefined };
    },
    prompt: (directory) => `${desk.target.connection}:${directory ?? '~'}$ `,
  });
  channel.on('data', (bytes: Buffer) => client.received(bytes, () => shell.typed(bytes)));
  channel.once('end', () => shell.inputEnded());
  channel.once('close', () => shell.left());
  void shell.run();
  return shell;
}

function shellDoor(door: Door, environment: ReadonlyMap<string, string>): ShellDoor<PseudoTtyInfo> {
  return {
    exec: async (judged, script, terminal) =>
      new ChannelProgram(await door.exec(judged, script, { environment, terminal })),
    request: (judged) => door.request(judged),
  };
}

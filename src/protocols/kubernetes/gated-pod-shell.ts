import { systemClock } from '../../base/clock.ts';
import { HoopError } from '../../base/errors.ts';
import { OutputMasking } from '../../masking/output-masking.ts';
import { GatedShell } from '../../session/command-line/gated-shell.ts';
import {
  effectLines,
  type Judgement,
  type ShellAsked,
  settingOf,
  shellFacts,
  shellText,
} from '../../session/command-line/judgement.ts';
import type { TerminalSize } from '../../session/command-line/program.ts';
import type { FailureWords } from '../../session/command-line/shell-terms.ts';
import { EXIT } from '../../session/command-line/words.ts';
import { terminalSize } from './channels.ts';
import { refuseUpgrade } from './client-side.ts';
import { programOptions } from './connect-actions.ts';
import type { ContainerShell } from './container-shell.ts';
import { statusOf } from './exchange.ts';
import { type Opening, recordOpening } from './opening.ts';
import { PodLines } from './pod-lines.ts';
import { PodShellClient } from './pod-shell-client.ts';
import { type ProgramPeer, WebSocketPeer } from './program-peer.ts';
import { requestFacts } from './request-facts.ts';
import { parameter } from './request-target.ts';
import { SpdyPeer } from './spdy/program-peer.ts';
import { acceptSpdy } from './upgrade-spdy.ts';
import { acceptWebSocket } from './upgrade-websocket.ts';

/** Until its client has told its size. */
const FIRST_SIZE: TerminalSize = { cols: 80, rows: 24 };

/**
 * Serves a line-gated shell: the client's exec ends at the gateway, and each line that it sends is judged and run by
 * an exec of its own. Resolves when the client has gone.
 */
export async function openGatedShell(
  opening: Opening,
  shell: ContainerShell,
  carrier: 'websocket' | 'spdy',
): Promise<void> {
  const { api, around, session, signal, socket, verdict } = opening;
  const number = recordOpening(opening);
  const lines = new PodLines(session, around, api, shell, carrier, signal);
  const first = await lines.first(verdict.key);
  if ('reason' in first) return refuseUpgrade(socket, first);
  const peer = await accept(opening, carrier);
  await new Promise<void>((resolve) => {
    const served = serve(opening, number, lines, peer, 'directory' in first ? first.directory : undefined);
    const stop = session.onCut((reason) => served.shell.cut(reason));
    const listening = peer.listen({
      input: (bytes) => served.client.received(bytes, () => served.shell.typed(bytes)),
      inputEnded: () => served.shell.inputEnded(),
      resize: (message) => served.resize(message),
      drained: () => served.shell.drained(),
      gone: () => {
        stop();
        served.shell.left();
        resolve();
      },
    });
    void listening.then((stands) => {
      if (!stands) return;
      if ('directory' in first) void served.shell.run();
      // The container has no such shell, or it did not start: its client reads that in the cluster's own words.
      else peer.end(first);
    });
  });
}

function serve(
  opening: Opening,
  number: number,
  lines: PodLines,
  peer: ProgramPeer,
  directory: string | undefined,
) {
  const { api, around, session } = opening;
  const { desk } = session;
  const { tty } = programOptions(api.target.query);
  const place = placeOf(opening);
  const end = (reason: string) => shell.cut(reason);
  const client = new PodShellClient({
    peer,
    session,
    number,
    terminal: tty,
    spent: () => end('a limit of the session is passed'),
    failed: (error) => end(error instanceof HoopError ? error.message : 'internal error'),
  });
  const shell = new GatedShell<TerminalSize>({
    desk,
    client,
    clientAddress: session.clientAddress,
    target: `${around.description} · ${place.words}`,
    whyBlocked: `hoopctl policy explain --connection ${desk.target.connection} "exec ${place.kubectl} -- sh -c '<command>'"`,
    environment: new Map(),
    terminal: tty ? 'xterm' : undefined,
    size: tty ? FIRST_SIZE : undefined,
    judge: (asked) => judgeIn(opening, place, asked),
    open: async () => ({ passed: true, directory }),
    door: async () => lines,
    prompt: (at) => `${desk.target.connection}/${place.short}${at === undefined ? '' : `:${at}`}$ `,
    masking: () => new OutputMasking({ masks: () => desk.masks(), key: around.maskKey, clock: systemClock }),
    failure: failureWords,
    failed: (error) => end(error instanceof HoopError ? error.message : 'internal error'),
  });
  const resize = (message: Buffer) => {
    const size = terminalSize(message);
    if (size === undefined) end('a size of the terminal cannot be read');
    else shell.resize({ cols: size.columns, rows: size.rows });
  };
  return { client, shell, resize };
}

/** The container in words. */
interface Place {
  /** As policy's `objects` name it. */
  readonly object: string;
  readonly words: string;
  readonly short: string;
  /** As kubectl is told of it. */
  readonly kubectl: string;
}

function placeOf({ api, verdict }: Opening): Place {
  const { info } = verdict.facts;
  const pod = (info?.kind === 'resource' ? info.name : undefined) ?? '';
  const namespace = info?.kind === 'resource' ? info.namespace : '';
  const container = parameter(api.target.query, 'container');
  const short = `${namespace}/${pod}`;
  return {
    object: `${namespace}/pods/${pod}`,
    words: container === undefined ? `pod ${short}` : `pod ${short}, container ${container}`,
    short,
    kubectl: `${pod} -n ${namespace}${container === undefined ? '' : ` -c ${container}`}`,
  };
}

/** A line may run where its shell may still be opened by the policy of this moment. */
function judgeIn(
  { api, around, session, verdict }: Opening,
  { object, words }: Place,
  asked: ShellAsked,
): Judgement {
  const { desk } = session;
  const facts = shellFacts(asked, { object, bash: verdict.gated?.bash === true });
  const opened = desk.decide(requestFacts(api, around.groups.servedLocally, false, 'line-gated').facts);
  const decision = opened.outcome === 'block' ? opened : desk.decide(facts);
  const effects = effectLines(facts).map((effect) => `${effect} · ${words}`);
  return {
    facts,
    decision,
    record: { text: shellText(asked), decision, effects },
    setting: settingOf(asked),
  };
}

async function accept(opening: Opening, carrier: 'websocket' | 'spdy'): Promise<ProgramPeer> {
  const { api, protocols, request, socket } = opening;
  const [protocol = ''] = protocols;
  if (carrier === 'websocket') return new WebSocketPeer(await acceptWebSocket(request, socket, protocol));
  acceptSpdy(socket, protocol);
  return new SpdyPeer(socket, programOptions(api.target.query).streams);
}

/** What a client may know of why a line did not run. */
function failureWords(error: unknown): FailureWords {
  const { message } = statusOf(error);
  const hoop = error instanceof HoopError;
  const note = hoop && error.why !== undefined ? `${error.message}: ${error.why}` : String(error);
  return { lines: [message], code: EXIT.failed, note };
}

import { createConnection } from 'node:net';
import { HoopError } from '../../base/errors.ts';
import type { Means, Weakness } from '../protocol.ts';
import type { SshSettings } from './connection.ts';
import { checkHost } from './target-side.ts';

/** SSH_AGENTC_REQUEST_IDENTITIES and its answer (draft-miller-ssh-agent, section 4.4). */
const REQUEST_IDENTITIES = Buffer.from([0, 0, 0, 1, 11]);
const IDENTITIES_ANSWER = 12;
/** An agent answers at once, in milliseconds. */
const AGENT_MS = 2000;

/** What is wrong with an SSH connection, without logging in there: its agent, its host, the host's key. */
export async function weaknessesOf(settings: SshSettings, means: Means): Promise<readonly Weakness[]> {
  const found: Weakness[] = [];
  const { agent, hostAuthorities, hostKeys } = settings;
  if (agent !== undefined) {
    const keys = await keysOfAgent(agent);
    if (keys === undefined) {
      found.push({ level: 'problem', message: `no agent answers at ${agent}`, fix: `ssh-agent -a ${agent}` });
    } else if (keys === 0) {
      const fix = `SSH_AUTH_SOCK=${agent} ssh-add FILE`;
      found.push({ level: 'problem', message: `the agent at ${agent} holds no key`, fix });
    }
  }
  if (hostKeys.length === 0 && hostAuthorities.length === 0) {
    const message = 'nothing shows its host to be the one that is meant, so no session begins';
    return [...found, { level: 'problem', message, fix: 'hoopctl connection edit NAME --accept-host-key' }];
  }
  try {
    await checkHost(settings, means);
  } catch (error) {
    found.push(weaknessBehind(error));
  }
  return found;
}

function weaknessBehind(error: unknown): Weakness {
  if (!(error instanceof HoopError)) {
    const message = error instanceof Error ? error.message : 'its host cannot be examined';
    return { level: 'problem', message, fix: 'hoopctl connection test NAME' };
  }
  const message = error.why === undefined ? error.message : `${error.message}: ${error.why}`;
  // A host may be down for good reasons; one that is another is a matter for somebody.
  return { level: error.kind === 'not-reachable' ? 'warning' : 'problem', message, fix: error.next ?? null };
}

/** How many keys an agent holds; undefined when none answers. */
function keysOfAgent(path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    let heard = Buffer.alloc(0);
    const socket = createConnection(path, () => socket.write(REQUEST_IDENTITIES));
    const end = (keys: number | undefined) => {
      socket.destroy();
      resolve(keys);
    };
    socket.setTimeout(AGENT_MS, () => end(undefined));
    socket.once('error', () => end(undefined));
    socket.once('close', () => end(undefined));
    socket.on('data', (bytes: Buffer) => {
      heard = Buffer.concat([heard, bytes]);
      // length u32, type u8, number of keys u32
      if (heard.length >= 9) end(heard[4] === IDENTITIES_ANSWER ? heard.readUInt32BE(5) : undefined);
    });
  });
}

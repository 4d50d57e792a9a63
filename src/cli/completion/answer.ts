import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { assertOwnSocket, socketPath } from '../../api/socket-path.ts';
import { stateDirectory } from '../state-directory.ts';
import { readToken } from '../token.ts';

/** Milliseconds; a shell that waits longer for a Tab feels broken. */
const PATIENCE = 100;
/** Bytes that an answer may have. */
const LARGEST = 1024 * 1024;

/**
 * `hoopctl __complete KIND`: names, one `value<TAB>description` a line, for the shells' completion functions. Says
 * nothing when the daemon is not running or answers late. Imports neither commander nor the route table.
 */
export async function answerCompletion(args: readonly string[]): Promise<void> {
  const [kind = ''] = args;
  try {
    const home = stateDirectory(process.env);
    const elsewhere = await askedElsewhere(home, kind);
    if (elsewhere !== undefined) {
      process.stdout.write(linesOf(elsewhere));
      return;
    }
    const socket = socketPath(home);
    assertOwnSocket(socket);
    const token = readToken(home, process.env);
    process.stdout.write(linesOf(await ask(socket, token, kind)));
  } catch {
    // A completion has nobody to tell.
  }
}

/** Loads what gateways need only where somebody has signed in to one. */
async function askedElsewhere(home: string, kind: string): Promise<unknown> {
  if (!process.env.HOOPCTL_GATEWAY && !existsSync(join(home, 'login', 'contexts.json'))) return undefined;
  const { askGateway } = await import('./answer-gateway.ts');
  return askGateway(home, process.env, kind);
}

function ask(socketPath: string, token: string, kind: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request({
      socketPath,
      path: `/v1/complete/${encodeURIComponent(kind)}`,
      agent: false,
      headers: { host: 'hoopctl', authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(PATIENCE),
    });
    call.on('error', reject);
    call.once('response', (answer) => {
      let text = '';
      answer.on('error', reject);
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (text.length > LARGEST) call.destroy(new Error('too much'));
      });
      answer.once('end', () => {
        if (answer.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`status ${answer.statusCode}`));
      });
    });
    call.end();
  });
}

function linesOf(answer: unknown): string {
  const { values } = answer as {
    values: readonly { readonly value: string; readonly description: string }[];
  };
  return values
    .filter(({ value }) => /^[\w.@+-]+$/.test(value))
    .map(({ value, description }) => `${value}\t${description.replace(/[^\x20-\x7e\u00a1-\u00ff]/g, ' ')}\n`)
    .join('');
}

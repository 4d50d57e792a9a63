import { fileURLToPath } from 'node:url';
import { openClient } from '../api/client.ts';
import { socketPath } from '../api/socket-path.ts';
import { Conflict, UsageError } from '../base/errors.ts';
import { ensureDaemon } from './daemon-process.ts';
import type { Io } from './io.ts';
import { printDocument, say } from './output.ts';
import { askWith, secretFromStdin } from './questions.ts';
import { hasToken, readBootstrapToken, storeOwnerToken } from './token.ts';

export interface InitOptions {
  readonly home: string;
  readonly json: boolean;
  readonly passphraseStdin: boolean;
}

/** As the API demands it. */
const SHORTEST_PASSPHRASE = 8;

export async function run(options: InitOptions, io: Io): Promise<void> {
  const { home } = options;
  // The passphrase comes first: a wrong flag or a short passphrase then leaves nothing behind.
  if (hasToken(home, { HOOPCTL_TOKEN: undefined })) throw initialised(home);
  const approverPassphrase = await passphrase(options, io);
  await ensureDaemon(home, io);
  const bootstrap = readBootstrapToken(home);
  if (bootstrap === undefined) throw initialised(home);
  const client = openClient({ socket: socketPath(home), token: bootstrap });
  const { owner, token, auditId } = await client.call('init', { body: { approverPassphrase } });
  storeOwnerToken(home, token);
  if (options.json) return printDocument(io, { home, owner, auditId });
  say(
    io,
    `${io.out.paint.green('✔')} ${home} is ready; you are "${owner}" ${io.out.paint.dim(`(audit ${auditId})`)}`,
  );
  say(io, '  Next:');
  for (const [command, why] of NEXT) say(io, `    ${io.out.paint.dim(`# ${why}`)}\n    ${command}`);
}

const STARTER_POLICY = fileURLToPath(
  new URL('../../templates/policies/agent-with-approved-writes.yaml', import.meta.url),
);

const NEXT: readonly (readonly [command: string, why: string])[] = [
  ['hoopctl connection add NAME --url postgres://user@host/db', 'a target'],
  ['hoopctl identity create devin --role requester --group agents', 'who asks'],
  [`hoopctl policy apply ${STARTER_POLICY}`, 'what is allowed; copy it into git and make it yours'],
  ['hoopctl doctor', 'what is weak on this machine'],
];

async function passphrase(options: InitOptions, io: Io): Promise<string> {
  if (options.passphraseStdin) return longEnough(await secretFromStdin(io, '--approver-passphrase-stdin'));
  const prompts = askWith(io, 'an approver passphrase is needed', '--approver-passphrase-stdin');
  io.err.write(
    'Approving a statement will ask for a passphrase that an agent on this machine must not know.\n',
  );
  const first = longEnough(await prompts.secret('Approver passphrase:'));
  if (first === (await prompts.secret('Once more:'))) return first;
  throw new UsageError('passphrases_differ', 'the two passphrases differ', { next: 'hoopctl init' });
}

function longEnough(text: string): string {
  if (text.length >= SHORTEST_PASSPHRASE) return text;
  throw new UsageError('short_passphrase', `the passphrase needs ${SHORTEST_PASSPHRASE} characters or more`);
}

function initialised(home: string): Conflict {
  return new Conflict('already_initialised', `${home} was initialised before`, {
    why: 'making a new owner would take over what the old one owns',
    next: 'hoopctl whoami, or another directory: HOOPCTL_HOME=DIR hoopctl init',
  });
}

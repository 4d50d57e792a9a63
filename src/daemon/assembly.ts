import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { issuerAsker, jsonGetter } from '../identity/bounded-get.ts';
import { type CallHttp, httpCalls } from '../network/http-call.ts';
import { compilePolicy } from '../policy/compile.ts';
import { parsePolicy } from '../policy/parse.ts';
import { loadProtocols, newHostKey } from '../protocols/registry.ts';
import type { SecretVault } from '../secret/reference.ts';
import { openVault } from '../secret/vault.ts';
import { AppliedPolicy } from '../session/applied-policy.ts';
import { ApprovalBoard } from '../session/approval-board.ts';
import { ApproverPresence } from '../session/approver-presence.ts';
import { LiveSessions } from '../session/live-sessions.ts';
import type { OpenDeskDeps } from '../session/open-desk.ts';
import { TurnEnd } from '../session/turn-end.ts';
import { Admission } from './admission.ts';
import type { Books } from './books.ts';
import { openBootstrap } from './bootstrap.ts';
import { BusyPoll } from './busy-poll.ts';
import type { DaemonLog } from './daemon-log.ts';
import { Endpoints } from './endpoint.ts';
import { endpointTls } from './endpoint-tls.ts';
import { NativePlaces } from './gateway/native-places.ts';
import { ShortPasswords } from './gateway/short-passwords.ts';
import { gatewayHostKey } from './gateway-host-key.ts';
import type { DaemonOptions, Ground } from './ground.ts';
import { identityParts } from './identity-parts.ts';
import { installationKey } from './installation-key.ts';
import { LoginFailures } from './login-failures.ts';
import { OpenStreams } from './open-streams.ts';
import { packageVersion } from './package-version.ts';
import type { Parts } from './parts.ts';
import { Requests, restoreRequests } from './requests.ts';
import { sessionOpener } from './session-opener.ts';
import { endpointRoot } from './state-directory.ts';
import { Targets } from './targets.ts';
import { WebhookDeliveries } from './webhooks/deliveries.ts';

/** Failures of one kind that nobody is there to be told of. */
type Failed = (event: string) => (error: unknown) => void;

/**
 * The composition root: constructs and wires what a daemon is made of, over its open books.
 * Throws what the store, the vault and the restored requests throw.
 */
export async function assemble(
  options: DaemonOptions,
  ground: Ground,
  requestStop: (reason: string) => void,
): Promise<Parts> {
  const { books, clock, directory, log, logFile } = ground;
  const { store, audit, journal } = books;
  const call = httpCalls(options.environment);
  const failed: Failed = (event) => (error) => log.error(event, { error });
  const protocols = options.protocols ?? (await loadProtocols());
  const vault = vaultOf(options, ground);
  const policy = await appliedPolicy(books, log);
  const board = await boardOf(ground, policy, failed);
  const deliveries = deliveriesOf(ground, call, vault, board, failed);
  const maskKey = installationKey(store.settings, vault);
  const targets = new Targets({ clock, vault, store, protocols, maskKey, failed: failed('target.failed') });
  const live = new LiveSessions();
  const streams = new OpenStreams();
  const who = identityParts({
    store,
    audit,
    clock,
    policy,
    live,
    streams,
    getJson: options.getJson ?? jsonGetter(call),
    askIssuer: options.askIssuer ?? issuerAsker(call),
    environment: options.environment,
    key: maskKey,
    closeEndpoints: (signIn, reason) =>
      endpoints.close(({ identity }) => identity.signIn?.id === signIn, reason),
    failed: failed('session.recheck_failed'),
  });
  const admission = new Admission();
  const desks = desksOf(ground, { board, live, policy, current: who.currentAndAlive }, failed);
  const openDesk = sessionOpener(desks, admission, log, ground.traces);
  const endpoints = endpointsOf(ground, openDesk, board, failed);
  return {
    version: packageVersion(),
    startedAt: new Date(clock.now()).toISOString(),
    clock,
    directory,
    store,
    audit,
    journal,
    auditCheck: books.auditCheck,
    auditDamage: books.auditDamage,
    policy,
    live,
    streams,
    board,
    ...who,
    presence: new ApproverPresence(store.settings, () => clock.now()),
    endpoints,
    targets,
    vault,
    deliveries,
    protocols,
    admission,
    openDesk,
    requests: new Requests({ audit, board, policy, store, targets }),
    passwords: new ShortPasswords({ store, audit, clock, current: (known) => who.current.current(known) }),
    native: new NativePlaces(),
    loginFailures: new LoginFailures(audit, clock),
    bootstrap: openBootstrap(directory.bootstrapToken, (await store.identities.list()).length === 0),
    hostKey: gatewayHostKey(store.settings, vault, newHostKey),
    certificate: endpointTls(directory, failed('tls.failed')),
    log,
    logFile,
    requestStop,
  };
}

function vaultOf(options: DaemonOptions, { directory, log }: Ground): SecretVault {
  const secrets = join(directory.home, 'secrets');
  mkdirSync(secrets, { recursive: true, mode: 0o700 });
  return openVault({
    dir: secrets,
    environment: options.environment,
    warn: (message) => log.warn('secret.warning', { message }),
    ...(options.keychain ? { keychain: options.keychain } : {}),
  });
}

/** What was applied last. A stored policy that this version can't read any more decides nothing: then nothing runs. */
async function appliedPolicy(books: Books, log: DaemonLog): Promise<AppliedPolicy> {
  const applied = new AppliedPolicy();
  const row = await books.store.policies.current();
  if (!row) return applied;
  const { policy: file, problems } = parsePolicy(row.text, row.source);
  if (file) applied.replace(compilePolicy(file, row.hash), row);
  else log.error('policy.unreadable', { version: row.version, problems });
  return applied;
}

/** The board, with the requests on it that live on from before. */
async function boardOf(
  { books, clock }: Ground,
  policy: AppliedPolicy,
  failed: Failed,
): Promise<ApprovalBoard> {
  const { approvals, identities } = books.store;
  const board = new ApprovalBoard({
    clock,
    approvals,
    identities,
    audit: books.audit,
    policy,
    failed: failed('approval.failed'),
  });
  await restoreRequests(board, approvals);
  return board;
}

/** Webhooks are told of what the board changes, and of what they could not be told before. */
function deliveriesOf(
  { books, clock }: Ground,
  call: CallHttp,
  vault: SecretVault,
  board: ApprovalBoard,
  failed: Failed,
): WebhookDeliveries {
  const deliveries = new WebhookDeliveries({
    clock,
    call,
    webhooks: books.store.webhooks,
    vault,
    audit: books.audit,
    failed: failed('webhook.failed'),
  });
  board.watch((request) => void deliveries.tell(request));
  void deliveries.wake();
  return deliveries;
}

/** What the desks of sessions work with. */
function desksOf(
  { books, clock }: Ground,
  parts: Pick<OpenDeskDeps, 'board' | 'live' | 'policy'> & OpenDeskDeps['identities'],
  failed: Failed,
): OpenDeskDeps {
  const { board, current, live, policy } = parts;
  const busyPoll = new BusyPoll(() => clock.monotonic(), setImmediate);
  return {
    clock,
    sessions: books.store.sessions,
    identities: { current },
    audit: books.audit,
    policy,
    board,
    live,
    createRecording: books.createRecording,
    storeFailed: failed('session.books_failed'),
    bytesMoved: (session, now) => busyPoll.moved(session, now),
    turnEnd: new TurnEnd(() => books.audit.commitTurn(), setImmediate),
  };
}

function endpointsOf(
  { books, clock, directory }: Ground,
  openDesk: Parts['openDesk'],
  board: ApprovalBoard,
  failed: Failed,
): Endpoints {
  return new Endpoints({
    clock,
    openDesk,
    loginFailed: ({ identity, connection }) =>
      books.audit.append({
        kind: 'login.failed',
        actor: 'unknown',
        facts: { code: 'wrong_password', endpointOf: identity.name, connection: connection.name },
      }),
    watchApprovals: (listener) => board.watch(listener),
    socketRoot: endpointRoot(directory),
    failed: failed('endpoint.failed'),
  });
}

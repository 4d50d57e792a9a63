import type { ApprovalRequest } from '../approval/request.ts';
import { NotPermitted } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { counted } from '../base/quantities.ts';
import type { CurrentIdentities } from '../identity/current.ts';
import type { PolicyTarget, Stated } from '../policy/decision.ts';
import { FRAME, type RecordingWriter } from '../recording/events.ts';
import type { ConnectionRow, IdentityRow, SessionRow } from '../store/store.ts';
import { LiveDesk } from './live-desk.ts';
import type { LiveDeskDeps } from './live-desk-parts.ts';
import type { LiveSessions } from './live-sessions.ts';
import { mayWork } from './recheck.ts';
import { endUserOf, requesterOf, statedBy, statedWords } from './requester.ts';
import { SessionTrace, type Span } from './trace.ts';

export interface OpenDeskDeps extends LiveDeskDeps {
  readonly identities: Pick<CurrentIdentities, 'current'>;
  readonly live: LiveSessions;
  /** Creates a session's recording. Throws Internal `recording_failed`. */
  readonly createRecording: (session: string) => RecordingWriter;
}

/** Who comes to which target from where. */
export interface DeskOpening {
  readonly identity: IdentityRow;
  readonly connection: ConnectionRow;
  /** `PostgreSQL db.internal:5432/shop as app_rw`. */
  readonly target: string;
  readonly client: {
    readonly address: string;
    readonly application: string;
    readonly stated?: Stated | undefined;
  };
  /** The approved request made ahead that the session is to run. */
  readonly ahead?: ApprovalRequest | undefined;
  /** What the requester says of the work it comes for. */
  readonly stated?: Stated | undefined;
  readonly span?: Span | undefined;
}

/** What PostgreSQL keeps of an application's name (NAMEDATALEN - 1), in characters. */
const LONGEST_APPLICATION = 63;

/** A connection as policy sees it. */
export function policyTarget(connection: ConnectionRow): PolicyTarget {
  return { connection: connection.name, labels: connection.labels, protocol: connection.protocol };
}

/**
 * Opens a session's books: recording, audit log, store, in this order, so that nothing runs unrecorded.
 * Throws NotPermitted `no_policy`, `role_missing` or `connection_not_allowed`, LoginNeeded when the identity no longer counts,
 * Internal `recording_failed` or `audit_failed`.
 */
export async function openDesk(deps: OpenDeskDeps, opening: DeskOpening): Promise<LiveDesk> {
  const { ahead, client, connection } = opening;
  // A run says what its request said, whatever its client would like to.
  const stated = { ...opening.stated, ...(ahead === undefined ? statedBy(client.stated ?? {}) : {}) };
  // The row may be as old as the endpoint; revocation and groups may be newer.
  const identity = await deps.identities.current(opening.identity);
  if (!mayWork(identity)) throw new NotPermitted('role_missing', `${identity.name} may open no sessions`);
  const target = policyTarget(connection);
  const policy = deps.policy.current();
  requireMayConnect(policy.mayConnect(requesterOf(identity), target), identity.name, connection.name);
  refuseOneTooMany(deps, identity, target);
  const row = newRow(deps.clock.now(), identity, opening);
  const recording = await openBooks(deps, row, {
    policy: policy.hash,
    target: opening.target,
    ahead,
    stated,
  });
  const trace = new SessionTrace(opening.span);
  const desk = new LiveDesk(deps, { row, identity, target, recording, ahead, stated, trace });
  deps.live.add(desk);
  // A revocation while the books were opened did not find the session yet.
  await deps.identities.current(identity).catch((error: Error) => desk.cut(error.message));
  return desk;
}

function newRow(startedAt: number, identity: IdentityRow, { client, connection }: DeskOpening): SessionRow {
  return {
    id: newId('s', startedAt),
    connectionId: connection.id,
    connection: connection.name,
    protocol: connection.protocol,
    identityId: identity.id,
    identity: identity.name,
    endUser: endUserOf(identity),
    client: clientWords(client),
    startedAt: new Date(startedAt).toISOString(),
    endedAt: undefined,
    status: 'open',
    endReason: undefined,
    statements: 0,
    blocked: 0,
    approved: 0,
    denied: 0,
    recordingSize: undefined,
    recordingSha256: undefined,
  };
}

/** What the books say of a session besides its row. */
interface FirstWords extends Pick<DeskOpening, 'ahead' | 'target'> {
  /** The hash of the policy under which it begins. */
  readonly policy: string;
  readonly stated: Stated;
}

/** Begins recording, audit and row; the recording. Throws Internal `recording_failed` or `audit_failed`. */
async function openBooks(
  { audit, createRecording, sessions }: OpenDeskDeps,
  row: SessionRow,
  { ahead, policy, stated, target }: FirstWords,
): Promise<RecordingWriter> {
  const { client, connection, endUser, id: session, identity, protocol, startedAt } = row;
  const actsFor = endUser === undefined ? {} : { endUser: endUser.name, vouchedBy: endUser.vouchedBy };
  const runs = ahead === undefined ? {} : { runs: ahead.id };
  const recording = createRecording(session);
  try {
    recording.appendJson(FRAME.open, {
      session,
      connection,
      identity,
      ...actsFor,
      protocol,
      target,
      client,
      policy,
      startedAt,
      ...runs,
    });
    if (Object.keys(stated).length > 0) recording.appendJson(FRAME.note, { message: statedWords(stated) });
    audit.append({
      kind: 'session.start',
      actor: identity,
      facts: {
        session,
        connection,
        identity: row.identityId,
        ...actsFor,
        client,
        policy,
        ...runs,
        ...stated,
      },
    });
    await sessions.open(row);
    return recording;
  } catch (error) {
    recording.close();
    throw error;
  }
}

/** Throws NotPermitted `too_many_sessions`. A limit that asks approvers asks them at the first statement. */
function refuseOneTooMany(deps: OpenDeskDeps, identity: IdentityRow, target: PolicyTarget): void {
  const open = deps.live.countOf(identity.id);
  const limits = deps.policy.current().limitsFor(requesterOf(identity), target);
  const full = limits.find(
    ({ most, decision }) => decision !== 'approve' && open >= (most.sessions ?? Infinity),
  );
  if (full === undefined) return;
  throw new NotPermitted(
    'too_many_sessions',
    `limit "${full.name}": ${counted(open, 'session')} of ${identity.name} ${open === 1 ? 'is' : 'are'} open`,
    {
      why: full.message ?? `it allows ${full.most.sessions} at the same time`,
      next: 'close one: hoopctl session list',
      rule: full.name,
    },
  );
}

/** The application's name is the client's own words. */
function clientWords({ address, application }: DeskOpening['client']): string {
  return application === '' ? address : `${address} (${application.slice(0, LONGEST_APPLICATION)})`;
}

/** Throws NotPermitted `connection_not_allowed`. */
export function requireMayConnect(may: boolean, identity: string, connection: string): void {
  if (may) return;
  throw new NotPermitted(
    'connection_not_allowed',
    `the policy lets ${identity} do nothing on ${connection}`,
    {
      why: 'no rule allows or asks for anything there',
      next: `hoopctl policy explain --connection ${connection} 'select 1'`,
    },
  );
}

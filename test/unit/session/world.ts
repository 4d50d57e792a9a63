import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApprovalCard } from '../../../src/approval/request.ts';
import type { FileAuditLog } from '../../../src/audit/file-log.ts';
import { openAuditLog } from '../../../src/audit/log.ts';
import { CurrentIdentities } from '../../../src/identity/current.ts';
import type { Role } from '../../../src/identity/roles.ts';
import { hashToken, newToken } from '../../../src/identity/token.ts';
import { compilePolicy } from '../../../src/policy/compile.ts';
import { parsePolicy, policyHash } from '../../../src/policy/parse.ts';
import { recordingPath } from '../../../src/recording/layout.ts';
import { readRecording } from '../../../src/recording/reader.ts';
import { openRecording } from '../../../src/recording/writer.ts';
import { AppliedPolicy } from '../../../src/session/applied-policy.ts';
import { ApprovalBoard } from '../../../src/session/approval-board.ts';
import type { StatementToRecord } from '../../../src/session/desk.ts';
import type { LiveDesk } from '../../../src/session/live-desk.ts';
import { LiveSessions } from '../../../src/session/live-sessions.ts';
import { type OpenDeskDeps, openDesk } from '../../../src/session/open-desk.ts';
import { TurnEnd } from '../../../src/session/turn-end.ts';
import { openSqliteStore } from '../../../src/store/sqlite/open.ts';
import type { ConnectionRow, IdentityRow, Store } from '../../../src/store/store.ts';
import { lineFacts } from './line-facts.ts';
import { ManualClock } from './manual-clock.ts';

export const POLICY = `version: 1
groups:
  agents: [devin]
  dba: [ana, bob]
rules:
  - name: reads
    effects: [read]
    decision: allow
  - name: writes
    effects: [write]
    decision: approve
    approvers: [group:dba]
    expires: 15m
  - name: no-drops
    effects: [ddl]
    decision: block
    message: ask for a window
`;

/** Real books in a directory of their own, a clock that a test moves, and a policy. */
export interface World {
  readonly dir: string;
  readonly clock: ManualClock;
  readonly store: Store;
  readonly audit: FileAuditLog;
  readonly policy: AppliedPolicy;
  readonly live: LiveSessions;
  readonly board: ApprovalBoard;
  readonly failures: unknown[];
  readonly connection: ConnectionRow;
  readonly deps: OpenDeskDeps;
  identity(name: string, roles?: readonly Role[], expiresAt?: string): Promise<IdentityRow>;
  apply(text: string): Promise<void>;
  open(identity: IdentityRow): Promise<LiveDesk>;
  /** The recording's frames so far, JSON ones parsed, bytes as text. */
  frames(session: string): Promise<{ readonly kind: number; readonly value: unknown }[]>;
  /** The audit log's entries so far. */
  entries(): { readonly kind: string; readonly actor: string; readonly facts: Record<string, unknown> }[];
  end(): Promise<void>;
}

export async function makeWorld(): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'hoop-desk-'));
  const clock = new ManualClock();
  const store = await openSqliteStore(join(dir, 'state.db'));
  const { log: audit } = await openAuditLog({ dir: join(dir, 'audit'), clock });
  const policy = new AppliedPolicy();
  const live = new LiveSessions();
  const failures: unknown[] = [];
  const entries: ReturnType<World['entries']> = [];
  const append = audit.append.bind(audit);
  audit.append = (event) => {
    const entry = append(event);
    entries.push({ kind: event.kind, actor: event.actor, facts: { ...event.facts } });
    return entry;
  };
  const stage = audit.stage.bind(audit);
  audit.stage = (event) => {
    stage(event);
    entries.push({ kind: event.kind, actor: event.actor, facts: { ...event.facts } });
  };
  const board = new ApprovalBoard({
    clock,
    approvals: store.approvals,
    identities: store.identities,
    audit,
    policy,
    failed: (error) => failures.push(error),
  });
  const recordings = join(dir, 'recordings');
  const deps: OpenDeskDeps = {
    clock,
    sessions: store.sessions,
    identities: new CurrentIdentities({
      identities: store.identities,
      signIns: store.signIns,
      clock,
      policy: () => policy.get(),
    }),
    audit,
    policy,
    board,
    live,
    createRecording: (session) => openRecording(recordingPath(recordings, session), clock),
    storeFailed: (error) => failures.push(error),
    bytesMoved: () => {},
    turnEnd: new TurnEnd(() => audit.commitTurn(), setImmediate),
  };
  const connection: ConnectionRow = {
    id: 'c-1',
    name: 'prod-db',
    protocol: 'line',
    settings: '{}',
    secretRef: undefined,
    labels: { env: 'prod' },
    createdAt: '2026-11-20T09:00:00.000Z',
    updatedAt: '2026-11-20T09:00:00.000Z',
  };
  await store.connections.create(connection);
  let identities = 0;
  const world: World = {
    dir,
    clock,
    store,
    audit,
    policy,
    live,
    board,
    failures,
    connection,
    deps,
    async identity(name, roles = ['requester'], expiresAt) {
      identities += 1;
      const row: IdentityRow = {
        id: `id-${identities}`,
        name,
        kind: roles.includes('requester') ? 'machine' : 'person',
        roles,
        groups: [],
        tokenHash: hashToken(newToken()),
        createdAt: new Date(clock.now()).toISOString(),
        expiresAt,
        revokedAt: undefined,
      };
      await store.identities.create(row);
      return row;
    },
    async apply(text) {
      const { policy: file, problems } = parsePolicy(text, 'test.yaml');
      if (!file) throw new Error(JSON.stringify(problems));
      const hash = policyHash(text);
      const row = await store.policies.apply({
        hash,
        text,
        source: 'test.yaml',
        appliedBy: 'owner',
        appliedAt: new Date(clock.now()).toISOString(),
      });
      policy.replace(compilePolicy(file, hash), row);
    },
    open: (identity) =>
      openDesk(deps, {
        identity,
        connection,
        target: 'Line host/shop as app',
        client: { address: '127.0.0.1', application: 'test' },
      }),
    async frames(session) {
      const found = [];
      for await (const frame of readRecording(recordingPath(recordings, session))) {
        const text = Buffer.from(frame.payload).toString();
        const value: unknown = frame.kind === 2 || frame.kind === 3 ? text : JSON.parse(text);
        found.push({ kind: frame.kind, value });
      }
      return found;
    },
    entries: () => entries,
    async end() {
      await live.closeAll('the test ended');
      audit.close();
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  await world.apply(POLICY);
  return world;
}

/** A statement of the line protocol as a desk takes it, judged by its policy. */
export function statement(desk: LiveDesk, text: string): StatementToRecord {
  const facts = lineFacts(text);
  const effects = facts.statements.flatMap(({ actions }) =>
    actions.map(({ effect, object }) => `${effect}: ${object?.name ?? ''}`),
  );
  return { text, decision: desk.decide(facts), effects };
}

export function cardOf(text: string, requester = 'devin'): ApprovalCard {
  return {
    requester,
    requesterKind: 'machine',
    requesterGroups: [],
    clientAddress: '127.0.0.1',
    target: 'Line host/shop as app',
    transaction: 'none',
    statement: text,
    parameters: [],
    effects: [`write: ${text}`],
    estimate: 'none',
  };
}

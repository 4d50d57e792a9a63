import { hash } from 'node:crypto';
import type { ApprovalRequest } from '../approval/request.ts';
import type { AuditEvent, AuditLog } from '../audit/entry.ts';
import { FRAME, type RecordingWriter } from '../recording/events.ts';
import type { InternedStatement, StatementToRecord } from './desk.ts';
import type { SessionTrace } from './trace.ts';

/** Whose decisions these are. */
export interface BookedSession {
  readonly id: string;
  readonly connection: string;
  readonly actor: string;
  /** The person for whom the actor acts. */
  readonly endUser?: string | undefined;
  readonly trace?: SessionTrace;
}

/** What was decided about a statement, as recording and audit log hold it. */
interface Entry {
  readonly outcome: 'allow' | 'approve' | 'block';
  readonly approval?: string;
  readonly message?: string;
}

/** An interned statement with everything that is the same at each execution made beforehand. */
class Interned {
  readonly statement: StatementToRecord;
  /** The payload of a decision's frame that refers to the first. */
  readonly reference: readonly [Uint8Array];
  readonly event: AuditEvent;
  recorded = false;
  readonly id: number;

  constructor(id: number, statement: StatementToRecord, event: AuditEvent) {
    this.id = id;
    this.statement = statement;
    this.event = event;
    this.reference = [Buffer.from(JSON.stringify({ ref: id }))];
  }
}

/**
 * Where a session's decisions are written: the text in the recording, its hash in the audit log. Both are
 * written when a method returns, the recording first, so that an audited statement can always be looked up.
 */
export class DecisionBook {
  readonly #recording: RecordingWriter;
  readonly #audit: AuditLog;
  readonly #session: BookedSession;
  #statements = 0;
  #staged: AuditEvent[] = [];

  constructor(recording: RecordingWriter, audit: AuditLog, session: BookedSession) {
    this.#recording = recording;
    this.#audit = audit;
    this.#session = session;
  }

  /** Writes a decision whole, behind what was staged. Throws Internal `recording_failed` or `audit_failed`. */
  write(statement: StatementToRecord, entry: Entry): void {
    this.commit();
    this.#statements += 1;
    this.#recording.appendJson(FRAME.decision, frame(this.#statements, statement, entry));
    this.#audit.append(this.#event(statement, entry));
    // What waits is told once it is known what became of it.
    if (entry.outcome !== 'approve') this.#session.trace?.statement(statement);
  }

  intern(statement: StatementToRecord): InternedStatement {
    this.#statements += 1;
    const event = this.#event(statement, { outcome: 'allow' });
    return new Interned(this.#statements, statement, event) as unknown as InternedStatement;
  }

  /** Stages one execution of an interned statement: the text once, a reference afterwards. `commit` writes it. */
  stageAgain(handle: InternedStatement): void {
    const interned = handle as unknown as Interned;
    if (interned.recorded) {
      this.#recording.stage(FRAME.decision, interned.reference);
    } else {
      this.#recording.appendJson(
        FRAME.decision,
        frame(interned.id, interned.statement, { outcome: 'allow' }),
      );
      interned.recorded = true;
    }
    this.#staged.push(interned.event);
    this.#session.trace?.statement(interned.statement);
  }

  /** Writes what was staged, the recording first. Throws Internal `recording_failed` or `audit_failed`. */
  commit(): void {
    this.#recording.commit();
    this.#stageEvents();
    this.#audit.commit();
  }

  /** The first half of `commit`; the second is the audit log's `commitTurn`, for all sessions. */
  prepare(): void {
    this.#recording.prepare();
    this.#stageEvents();
  }

  #stageEvents(): void {
    if (this.#staged.length === 0) return;
    const events = this.#staged;
    this.#staged = [];
    for (const event of events) this.#audit.stage(event);
  }

  /** An approval changed. */
  writeApproval(request: Pick<ApprovalRequest, 'id' | 'status' | 'decisions' | 'endReason'>): void {
    const last = request.decisions.at(-1);
    this.#recording.appendJson(FRAME.approval, {
      id: request.id,
      status: request.status,
      by: last?.byName ?? null,
      reason: request.endReason ?? last?.reason ?? null,
    });
  }

  #event(statement: StatementToRecord, entry: Entry): AuditEvent {
    // Frozen, so that the log keeps its canonical text for the next time.
    return Object.freeze({
      kind: 'statement',
      actor: this.#session.actor,
      facts: {
        session: this.#session.id,
        connection: this.#session.connection,
        ...(this.#session.endUser === undefined ? {} : { endUser: this.#session.endUser }),
        decision: entry.outcome,
        rule: statement.decision.rule ?? null,
        policy: statement.decision.policy,
        effects: statement.effects,
        statement: hash('sha256', statement.text, 'hex'),
        ...(entry.approval === undefined ? {} : { approval: entry.approval }),
      },
    });
  }
}

function frame(id: number, statement: StatementToRecord, entry: Entry): object {
  return {
    id,
    text: statement.text,
    ...(statement.parameters === undefined ? {} : { parameters: statement.parameters }),
    outcome: entry.outcome,
    rule: statement.decision.rule ?? null,
    policy: statement.decision.policy,
    effects: statement.effects,
    ...(entry.approval === undefined ? {} : { approval: entry.approval }),
    ...(entry.message === undefined ? {} : { message: entry.message }),
  };
}

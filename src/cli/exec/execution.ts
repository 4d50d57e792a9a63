import pg from 'pg';
import type { Client } from '../../api/client.ts';
import { ApprovalPending, type HoopError, UsageError } from '../../base/errors.ts';
import { isRightAligned } from '../../base/psql-alignment.ts';
import { type Endpoint, type EndpointOpening, openEndpoint, type ReadyEvent } from '../endpoint.ts';
import { exitCodeOfSignal, Interrupted } from '../interrupted.ts';
import type { Io } from '../io.ts';
import { printDocument, tell } from '../output.ts';
import { psqlTable, rowCount } from '../psql-table.ts';
import { visible, visibleLines } from '../visible-text.ts';
import { ApprovalWait } from './approval-wait.ts';
import { cancelRequest } from './cancel-request.ts';
import { type FailedText, failureOf } from './failure.ts';
import { jsonResult } from './json-values.ts';
import { type Outline, type Piece, type Plan, placeOfFailure } from './script.ts';
import { type Result, ScriptRun } from './script-run.ts';

/** Texts to be run in a session of their own. */
export interface Work {
  readonly json: boolean;
  readonly opening: Omit<EndpointOpening, 'listen' | 'single'>;
  readonly texts: readonly string[];
  /** In what messages a text is sent. */
  readonly plan: (text: string) => Promise<Plan>;
  readonly outline: Outline;
  /** The rows for a COPY FROM STDIN. */
  readonly copyIn: AsyncIterable<Buffer | string> | undefined;
  /** Milliseconds that an approval may take. */
  readonly wait: number | undefined;
}

/** Runs texts in order up to the first that fails; its error gives the exit code. Prints what they return. */
export async function execute(work: Work, io: Io, client: Client): Promise<void> {
  // A Unix socket in the daemon's own directory: no other user can even reach it.
  const endpoint = await openEndpoint(client, { ...work.opening, listen: { kind: 'unix' }, single: true });
  if (endpoint.ready.protocol !== 'postgres') {
    endpoint.close();
    const { connection } = work.opening;
    throw new UsageError('not_sql', `${connection} takes no SQL`, {
      next: `hoopctl connect ${connection} -- COMMAND`,
    });
  }
  const results: Result[] = [];
  const execution = new Execution(work, io, endpoint, (result) => {
    if (work.json) results.push(result);
    else printResult(io, result);
  });
  try {
    await execution.run();
  } finally {
    execution.close();
    if (work.json) {
      printDocument(io, { session: execution.session ?? null, results: results.map(jsonResult) });
    } else if (io.err.isTTY && execution.session !== undefined) {
      tell(io, io.err.paint.dim(`session ${visible(execution.session)}`));
    }
  }
}

/** Milliseconds that a cancelled statement may take to end; then the endpoint goes, and its connection with it. */
const CANCEL_PATIENCE = 5000;

/** One connection through an endpoint: statements, approvals they wait for, and what ends the waiting. */
class Execution {
  session: string | undefined;
  private readonly work: Work;
  private readonly io: Io;
  private readonly endpoint: Endpoint;
  private readonly onResult: (result: Result) => void;
  private readonly database: pg.Client;
  private readonly wait: ApprovalWait;
  private readonly release: () => void;
  /** Why we cancelled, to be told instead of the server's words. */
  private ending: Error | undefined;

  constructor(work: Work, io: Io, endpoint: Endpoint, onResult: (result: Result) => void) {
    this.work = work;
    this.io = io;
    this.endpoint = endpoint;
    this.onResult = onResult;
    this.database = databaseClient(endpoint.ready);
    this.wait = new ApprovalWait(io, work.wait, (approval) => {
      this.end(
        new ApprovalPending('approval_timed_out', `nobody decided ${approval} in time; it was withdrawn`, {
          next: 'run it again with a longer --wait',
        }),
      );
    });
    this.release = io.onSignal((signal) => this.end(new Interrupted(exitCodeOfSignal(signal))));
  }

  async run(): Promise<void> {
    void this.follow();
    this.database.on('error', () => {});
    this.database.on('notice', (notice) => {
      // What hoopctl says about approvals comes through the endpoint's events, with more in it.
      if (notice.message?.startsWith('hoopctl:')) return;
      tell(this.io, visibleLines(`${notice.severity}:  ${notice.message}`));
      if (notice.detail !== undefined) tell(this.io, visibleLines(`DETAIL:  ${notice.detail}`));
      if (notice.hint !== undefined) tell(this.io, visibleLines(`HINT:  ${notice.hint}`));
    });
    try {
      await this.database.connect();
      const { texts } = this.work;
      for (const [index, text] of texts.entries()) {
        await this.runScript(text, texts.length < 2 ? undefined : { nth: index + 1, of: texts.length });
      }
    } catch (error) {
      throw this.ending ?? this.endpoint.failure() ?? failureOf(error);
    }
    await this.database.end();
  }

  private async runScript(text: string, which: FailedText | undefined): Promise<void> {
    const { pieces, apart } = await this.work.plan(text);
    if (apart !== undefined) {
      const why = `"${apart}" cannot run in a transaction, so each statement runs by itself`;
      tell(this.io, visible(`note: ${why}`));
    }
    for (const piece of pieces) {
      if (this.ending !== undefined) throw this.ending;
      const script = this.script(piece.text);
      try {
        await this.database.query(script).done;
      } catch (error) {
        throw await located(error, { piece, completed: script.completed, which }, this.work.outline);
      }
    }
  }

  close(): void {
    this.release();
    this.wait.close();
    this.endpoint.close();
  }

  private script(text: string): ScriptRun {
    return new ScriptRun(text, {
      onResult: this.onResult,
      onCopyOut: (chunk) => this.io.out.write(visibleCopy(chunk, this.io)),
      copyIn: this.work.copyIn,
    });
  }

  /** The first call withdraws what waits and cancels what runs; a second one, or no answer, gives up. */
  private end(why: Error): void {
    if (this.ending !== undefined) return this.endpoint.close();
    this.ending = why;
    cancelRequest(this.endpoint.ready, this.database);
    setTimeout(() => this.endpoint.close(), CANCEL_PATIENCE).unref();
  }

  private async follow(): Promise<void> {
    try {
      for await (const event of this.endpoint.events) {
        if (event.type === 'session-opened') this.session = event.session;
        if (event.type === 'approval') this.wait.tell(event);
      }
    } catch {
      // The connection ends with the daemon, and says so.
    }
  }
}

interface Running {
  readonly piece: Piece;
  /** Statements of the piece that were answered. */
  readonly completed: number;
  readonly which: FailedText | undefined;
}

/** The failure, with the place in the script where it came up. */
async function located(
  error: unknown,
  { completed, piece, which }: Running,
  outline: Outline,
): Promise<HoopError> {
  const { position, routine } = error as { readonly position?: string; readonly routine?: string };
  // What hoopctl refuses it refuses as a whole, before the first of its statements.
  if (position === undefined && routine?.startsWith('hoopctl_')) return failureOf(error, undefined, which);
  const at = position === undefined ? undefined : Number(position);
  // The failure itself is what counts, when its place cannot be asked for.
  const place = await placeOfFailure(piece, completed, at, outline).catch(() => undefined);
  return failureOf(error, place, which);
}

function databaseClient({ host, port, user, password, database }: ReadyEvent): pg.Client {
  return new pg.Client({
    host,
    port,
    user,
    password,
    database,
    ssl: false,
    application_name: 'hoopctl exec',
  });
}

/** COPY data goes on as it is, unless a person looks at it. */
function visibleCopy(chunk: Buffer, io: Io): string {
  const text = chunk.toString('utf8');
  if (!io.out.isTTY) return text;
  return text.split('\t').map(visibleLines).join('\t');
}

function printResult(io: Io, { columns, rows, tag }: Result): void {
  if (columns === undefined) return io.out.write(`${visible(tag)}\n`);
  const heads = columns.map(({ name, typeOid }) => ({ name, rightAligned: isRightAligned(typeOid) }));
  io.out.write(`${psqlTable(heads, rows)}${rowCount(rows.length)}\n\n`);
}

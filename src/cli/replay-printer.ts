import type { ReplayEvent, SessionView } from '../api/schemas.ts';
import { acting } from './acting.ts';
import type { TextOut } from './io.ts';
import { psqlTable, rowCount, type TableColumn } from './psql-table.ts';
import { visible, visibleLines, withoutSequences } from './visible-text.ts';

/** Rows that are set as one table; a longer result goes on below it with widths of its own. */
const ROWS_AT_ONCE = 5000;

type Of<T extends ReplayEvent['type']> = Extract<ReplayEvent, { type: T }>;

/** Prints a session's events as psql showed them, with what hoopctl decided beside each statement. */
export class ReplayPrinter {
  private readonly out: TextOut;
  private readonly prompt: string;
  private columns: readonly TableColumn[] | undefined;
  private rows: (readonly (string | null)[])[] = [];
  private count = 0;
  /** The person for whom the session's machine acted. */
  private readonly endUser: string | null | undefined;
  /** Output of a program ended without a newline. */
  private midLine = false;

  constructor(out: TextOut, session: SessionView) {
    this.out = out;
    this.prompt = visible(session.connection);
    this.endUser = session.endUser;
  }

  print(event: ReplayEvent): void {
    switch (event.type) {
      case 'start':
        return this.note(
          `session ${event.session} · ${acting(event.identity, this.endUser)} on ${event.connection} · ${event.startedAt}`,
        );
      case 'statement':
        return this.statement(event);
      case 'columns':
        return this.begin(event);
      case 'row':
        return this.row(event.values);
      case 'copy':
        return this.copy(event);
      case 'complete':
        return this.complete(event.tag);
      case 'notice':
      case 'error':
        return this.message(event);
      case 'notification':
        return this.write(
          `Asynchronous notification "${event.channel}" with payload "${event.payload}" received.`,
        );
      case 'approval':
        return this.approval(event);
      case 'bytes':
        return this.bytes(event);
      case 'size':
        return this.note(`terminal of ${event.columns} columns and ${event.rows} rows`);
      case 'exit':
        this.endLine();
        return this.note(
          event.signal === null ? `exit ${event.code ?? 'unknown'}` : `ended by SIG${event.signal}`,
        );
      case 'file':
        return this.note(
          `${event.direction} ${event.path}: ${event.bytes} bytes, ${event.sha256 === null ? 'in parts' : `sha256 ${event.sha256}`}`,
        );
      case 'note':
        return this.note(event.message);
      case 'end':
        this.flush();
        return this.note(`end: ${event.reason}`);
      default:
        return event satisfies never;
    }
  }

  private statement(event: Of<'statement'>): void {
    this.flush();
    this.endLine();
    const [first = '', ...more] = visibleLines(event.text.trimEnd()).split('\n');
    const { paint } = this.out;
    this.out.write(`${paint.bold(`${this.prompt}=>`)} ${first}\n`);
    for (const line of more) this.out.write(`${paint.bold(`${this.prompt}->`)} ${line}\n`);
    event.parameters.forEach((value, index) => {
      this.note(`$${index + 1} = ${value === null ? 'NULL' : `'${value}'`}`);
    });
    if (event.decision !== 'allow') {
      this.note(
        `${event.decision}${event.rule === null ? '' : ` · rule "${event.rule}"`} · ${event.effects.join('; ')}`,
      );
    }
  }

  private begin(event: Of<'columns'>): void {
    this.flush();
    this.columns = event.names.map((name, index) => ({
      name,
      rightAligned: event.rightAligned[index] ?? false,
    }));
    this.count = 0;
  }

  private row(values: readonly (string | null)[]): void {
    this.rows.push(values);
    this.count++;
    if (this.rows.length >= ROWS_AT_ONCE) this.table();
  }

  private table(): void {
    if (this.columns !== undefined) this.out.write(psqlTable(this.columns, this.rows));
    this.rows = [];
  }

  /** What is left of a result that did not complete: an error came, or the session ended. */
  private flush(): void {
    if (this.columns !== undefined && this.rows.length > 0) this.table();
    this.columns = undefined;
  }

  private complete(tag: string): void {
    if (this.columns === undefined) return this.write(tag);
    if (this.rows.length > 0 || this.count === 0) this.table();
    this.columns = undefined;
    this.out.write(`${rowCount(this.count)}\n\n`);
  }

  private copy(event: Of<'copy'>): void {
    const data = visibleLines(event.data.replaceAll('\r\n', '\n'));
    this.out.write(data.endsWith('\n') ? data : `${data}\n`);
  }

  private message(event: Of<'notice'> | Of<'error'>): void {
    this.flush();
    const { paint } = this.out;
    const severity = `${visible(event.severity)}:`;
    const painted = event.type === 'error' ? paint.red(severity) : paint.yellow(severity);
    this.out.write(`${painted}  ${visibleLines(event.message)}\n`);
    if (event.detail !== null) this.write(`DETAIL:  ${event.detail}`);
    if (event.hint !== null) this.write(`HINT:  ${event.hint}`);
  }

  private approval(event: Of<'approval'>): void {
    const by = event.by === null ? '' : ` by ${event.by}`;
    this.note(`approval ${event.id} ${event.status}${by}${event.reason === null ? '' : `: ${event.reason}`}`);
  }

  /** Output as text: what would move the cursor or change the terminal is left out; input is only told of. */
  private bytes(event: Of<'bytes'>): void {
    if (event.stream === 'input') return;
    const text = Buffer.from(event.base64, 'base64').toString('utf8');
    const plain = withoutSequences(text).replaceAll('\r\n', '\n');
    if (plain === '') return;
    this.out.write(visibleLines(plain));
    this.midLine = !plain.endsWith('\n');
  }

  private endLine(): void {
    if (this.midLine) this.out.write('\n');
    this.midLine = false;
  }

  private note(text: string): void {
    this.endLine();
    this.out.write(`${this.out.paint.dim(`-- ${visible(text)}`)}\n`);
  }

  private write(text: string): void {
    this.out.write(`${visibleLines(text)}\n`);
  }
}

import type { Connection, Submittable } from 'pg';

export interface Column {
  readonly name: string;
  readonly typeOid: number;
}

/** One statement's result; no columns for a command that returns no rows. */
export interface Result {
  readonly columns: readonly Column[] | undefined;
  readonly rows: readonly (readonly (string | null)[])[];
  /** `UPDATE 1`; empty when the statement failed after it had begun to answer. */
  readonly tag: string;
}

/** What node-postgres hands over; its own types leave these out. */
interface RowDescription {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}
interface CopyConnection extends Connection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
}

export interface ScriptEvents {
  onResult(result: Result): void;
  /** A piece of `COPY … TO STDOUT`. */
  onCopyOut(chunk: Buffer): void;
  /** The rows for `COPY … FROM STDIN`; undefined when stdin is not there for them. */
  readonly copyIn: AsyncIterable<Buffer | string> | undefined;
}

/**
 * One text of statements through the simple query protocol (PostgreSQL docs 55.2.2). Results come one by one as
 * their statements complete, so that those before an error are not lost. Values stay text as the server sent it.
 */
export class ScriptRun implements Submittable {
  readonly text: string;
  /** Settles when the server is ready for the next; rejects with the server's error or the connection's. */
  readonly done: Promise<void>;
  private readonly events: ScriptEvents;
  private readonly settle = Promise.withResolvers<void>();
  /** Statements answered so far. */
  completed = 0;
  private columns: readonly Column[] | undefined;
  private rows: (readonly (string | null)[])[] = [];

  constructor(text: string, events: ScriptEvents) {
    this.text = text;
    this.events = events;
    this.done = this.settle.promise;
  }

  submit(connection: Connection): void {
    connection.query(this.text);
  }

  handleRowDescription(message: RowDescription): void {
    this.columns = message.fields.map(({ name, dataTypeID }) => ({ name, typeOid: dataTypeID }));
  }

  handleDataRow(message: { readonly fields: readonly (string | null)[] }): void {
    this.rows.push(message.fields);
  }

  handleCommandComplete(message: { readonly text: string }): void {
    this.completed++;
    this.events.onResult({ columns: this.columns, rows: this.rows, tag: message.text });
    this.columns = undefined;
    this.rows = [];
  }

  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  handleCopyInResponse(connection: Connection): void {
    void this.copyIn(connection as CopyConnection);
  }

  handleCopyData(message: { readonly chunk: Buffer }): void {
    this.events.onCopyOut(message.chunk);
  }

  /** Comes from the server or, when the connection is gone, from node-postgres; either way nothing follows. */
  handleError(error: Error): void {
    this.settle.reject(error);
  }

  handleReadyForQuery(): void {
    this.settle.resolve();
  }

  private async copyIn(connection: CopyConnection): Promise<void> {
    if (this.events.copyIn === undefined) return connection.sendCopyFail('nothing is piped to stdin');
    try {
      for await (const chunk of this.events.copyIn) connection.sendCopyFromChunk(Buffer.from(chunk));
      connection.endCopyFrom();
    } catch {
      connection.sendCopyFail('stdin could not be read');
    }
  }
}

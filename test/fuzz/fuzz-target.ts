import { Duplex } from 'node:stream';
import { sessionStateQuery } from '../../src/protocols/postgres/catalog.ts';
import { int16, int32, message, row, text } from './mutations.ts';

/** One end of a connection whose other end is this program. */
export class Wire extends Duplex {
  readonly #take: (chunk: Buffer) => void;
  constructor(take: (chunk: Buffer) => void) {
    super({ allowHalfOpen: true });
    this.#take = take;
  }
  override _read(): void {}
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.#take(chunk);
    done();
  }
}

/** What the desk has let through: the only thing that entitles bytes to be at the target. */
export class Passed {
  /** Executions that were let through and have not come yet, by text. */
  readonly #runs = new Map<string, number>();
  readonly #texts = new Set<string>();
  #left = 0;
  /** Executions that have come. */
  taken = 0;

  /** One execution. */
  run(sql: string): void {
    this.#runs.set(sql, (this.#runs.get(sql) ?? 0) + 1);
    this.#texts.add(sql);
    this.#left++;
  }

  /** It was judged and not blocked: it may be parsed there. */
  parse(sql: string): void {
    this.#texts.add(sql);
  }

  mayParse(sql: string): boolean {
    return this.#texts.has(sql);
  }

  /** `exactly`: of this very text. A target that lies about a Parse makes the gateway believe in another statement. */
  takeRun(sql: string, exactly: boolean): boolean {
    const left = this.#runs.get(sql) ?? 0;
    if (this.#left === 0 || (exactly && left === 0) || !this.#texts.has(sql)) return false;
    this.#runs.set(sql, left - 1);
    this.#left--;
    this.taken++;
    return true;
  }
}

/** What the gateway asks for itself: constants of the program, under a name that no client can guess. */
const OWN_NAME = /^hoopctl_[0-9a-f]{24}$/;
const OWN_TEXTS: ReadonlySet<string> = new Set([
  sessionStateQuery,
  'SELECT name, statement FROM pg_catalog.pg_prepared_statements',
  'ROLLBACK',
]);
/** How the questions for the catalog begin. */
const CATALOG_TEXTS =
  /^(?:SELECT pg_catalog\.current_setting\('server_version_num'|WITH saved\(path\) AS \()/;
const isOwn = (sql: string) => OWN_TEXTS.has(sql) || CATALOG_TEXTS.test(sql);
const PEOPLE = 'SELECT id, email';
export const SECRET = 'secret@x.test';

const error = (code: string) => message('E', Buffer.from(`SERROR\0VERROR\0C${code}\0Mrefused\0\0`));
const column = (name: string, i: number) =>
  Buffer.concat([text(name), int32(20000), int16(i), int32(25), int16(-1), int32(-1), int16(0)]);
const DESCRIPTION = message('T', int16(3), column('id', 1), column('email', 2), column('name', 3));

/**
 * A server that answers as PostgreSQL does, and that holds every byte it gets against what the desk let through.
 * `spoil` changes what it says. Framing and names are its own, not the gateway's.
 */
export class FuzzTarget {
  readonly wire: Wire;
  /** What came though nothing entitled it to. */
  readonly unjudged: string[] = [];
  readonly #passed: Passed;
  readonly #honest: boolean;
  readonly #spoil: (answer: Buffer) => Buffer;
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, string>();
  #rest: Buffer = Buffer.alloc(0);
  #skipping = false;
  #copying: 'simple' | 'extended' | undefined;
  #inTransaction = false;
  #hidesCatalog = false;

  /** `honest`: what it says it has done, it has done. */
  constructor(passed: Passed, honest: boolean, spoil: (answer: Buffer) => Buffer) {
    this.#passed = passed;
    this.#honest = honest;
    this.#spoil = spoil;
    this.wire = new Wire((chunk) => this.#take(chunk));
  }

  /** It has hidden its tables from the gateway, and with them what is masked. */
  get hidesCatalog(): boolean {
    return this.#hidesCatalog;
  }

  #take(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 5) {
      const length = bytes.readInt32BE(1);
      if (length < 4) return void this.unjudged.push(`a message of length ${length}`);
      if (bytes.length < length + 1) break;
      this.#message(String.fromCharCode(bytes[0] ?? 0), bytes.subarray(5, length + 1));
      bytes = bytes.subarray(length + 1);
    }
    this.#rest = bytes;
  }

  #message(kind: string, body: Buffer): void {
    this.#audit(kind, body.toString('utf8'));
    if (this.#copying !== undefined) return this.#duringCopy(kind);
    if (this.#skipping && kind !== 'S') return;
    this.#answer(kind, body.toString('utf8'));
  }

  /** Every message that could make a server run something must stand in the books. */
  #audit(kind: string, body: string): void {
    const [first = '', second = ''] = body.split('\0');
    switch (kind) {
      case 'Q':
        if (!this.#passed.takeRun(first, this.#honest)) this.unjudged.push(`Query ${first}`);
        return;
      case 'P': {
        const known = OWN_NAME.test(first) ? isOwn(second) : this.#passed.mayParse(second);
        if (!known) this.unjudged.push(`Parse ${second}`);
        return;
      }
      case 'B': {
        // What is skipped, or has no statement, runs nothing. A portal comes from a Bind alone.
        const sql = this.#idle ? undefined : this.#statements.get(second);
        if (sql === undefined || OWN_NAME.test(second)) return;
        if (!this.#passed.takeRun(sql, this.#honest)) this.unjudged.push(`Bind of ${sql}`);
        return;
      }
      case 'F':
        this.unjudged.push('FunctionCall');
        return;
      case 'E':
      case 'd':
      case 'c':
      case 'f':
      case 'S':
      case 'H':
      case 'X':
      case 'C':
      case 'D':
        return;
      default:
        this.unjudged.push(`message ${JSON.stringify(kind)}`);
    }
  }

  /** It runs nothing now: it skips, or copies. */
  get #idle(): boolean {
    return this.#skipping || this.#copying !== undefined;
  }

  #duringCopy(kind: string): void {
    if (kind === 'd' || kind === 'S' || kind === 'H') return;
    this.#say(kind === 'c' ? message('C', text('COPY 1')) : error('57014'));
    if (this.#copying === 'simple') this.#ready();
    else this.#skipping = kind !== 'c';
    this.#copying = undefined;
  }

  #fail(code: string): void {
    this.#skipping = true;
    this.#say(error(code));
  }

  #answer(kind: string, body: string): void {
    const [first = '', second = ''] = body.split('\0');
    switch (kind) {
      case 'Q':
        // A simple query takes the unnamed statement away.
        this.#statements.delete('');
        this.#run(first, 'simple');
        if (this.#copying === undefined) this.#ready();
        return;
      case 'P':
        return this.#parse(first, second);
      case 'B':
        return this.#bind(first, second);
      case 'D':
        return this.#describe(body.charAt(0), first.slice(1));
      case 'C':
        if (first.startsWith('S')) this.#statements.delete(first.slice(1));
        return this.#say(message('3'));
      case 'E':
        return this.#execute(first);
      case 'S':
        this.#skipping = false;
        return this.#ready();
      default:
        return;
    }
  }

  #parse(name: string, sql: string): void {
    if (name !== '' && this.#statements.has(name)) {
      return this.#fail('42P05');
    }
    this.#statements.set(name, sql);
    this.#say(message('1'));
  }

  #bind(portal: string, name: string): void {
    const sql = this.#statements.get(name);
    if (sql === undefined) return this.#fail('26000');
    this.#portals.set(portal, sql);
    this.#say(message('2'));
  }

  #describe(what: string, name: string): void {
    const sql = (what === 'S' ? this.#statements : this.#portals).get(name);
    if (sql === undefined) return this.#fail('26000');
    if (what === 'S') this.#say(message('t', int16(0)));
    this.#say(sql.startsWith(PEOPLE) ? DESCRIPTION : message('n'));
  }

  #execute(portal: string): void {
    const sql = this.#portals.get(portal);
    if (sql === undefined) return this.#fail('34000');
    if (OWN_NAME.test(portal)) {
      // What the gateway asks about the session is answered rightly, else none would begin; about tables, with none.
      if (CATALOG_TEXTS.test(sql)) this.#hidesCatalog = true;
      if (sql === sessionStateQuery)
        this.wire.push(row('["pg_catalog","public"]', null, 'app', 'on', 'UTF8', '0', '4711'));
      this.wire.push(message('C', text('SELECT 1')));
      return;
    }
    this.#run(sql, 'extended');
  }

  #run(sql: string, protocol: 'simple' | 'extended'): void {
    if (sql === 'BEGIN') this.#inTransaction = true;
    if (sql === 'COMMIT' || sql === 'ROLLBACK') this.#inTransaction = false;
    if (sql === 'COPY people FROM STDIN') {
      this.#copying = protocol;
      return this.#say(message('G', Buffer.of(0), int16(0)));
    }
    if (sql === 'COPY people TO STDOUT') {
      this.#say(message('H', Buffer.of(0), int16(3), int16(0), int16(0), int16(0)));
      this.#say(message('d', Buffer.from(`1\t${SECRET}\tn\n`)));
      this.#say(message('c'));
      return this.#say(message('C', text('COPY 1')));
    }
    if (sql.startsWith(PEOPLE)) {
      if (protocol === 'simple') this.#say(DESCRIPTION);
      this.#say(row('1', SECRET, 'n'));
    }
    this.#say(message('C', text(tagOf(sql))));
  }

  #ready(): void {
    this.#say(message('Z', Buffer.from(this.#inTransaction ? 'T' : 'I')));
  }

  #say(answer: Buffer): void {
    if (!this.wire.destroyed) this.wire.push(this.#spoil(answer));
  }
}

function tagOf(sql: string): string {
  const [word = ''] = sql.split(' ');
  if (word === 'SELECT' || word === 'WITH') return 'SELECT 1';
  return word === 'UPDATE' || word === 'DELETE' ? `${word} 3` : word;
}

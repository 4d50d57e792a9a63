import { hash } from 'node:crypto';
import type { ColumnDescription } from '../codec/backend-messages.ts';
import type { BindMessage, FormatCode, ParseMessage } from '../codec/frontend-messages.ts';
import { formatAt, parameterBytes } from '../codec/frontend-messages.ts';
import { valueText } from './value-text.ts';

/** A prepared statement as the client's and server's messages tell about it. */
export interface Prepared {
  /** SHA-256 (hex) of the text: what a decision is compared with, however long the text. */
  readonly digest: string;
  parameterTypes: readonly number[];
  columns: readonly ColumnDescription[] | undefined;
}

export interface Portal {
  readonly statement: Prepared | undefined;
  readonly formats: readonly FormatCode[];
  columns: readonly ColumnDescription[] | undefined;
  /** Its columns were shown already: an Execute that finds no more rows shows none again. */
  shown: boolean;
}

/** What the client asked and the server has not answered yet, in order (PostgreSQL docs 54.2.3). */
export type Asked =
  | { readonly kind: 'query' }
  | { readonly kind: 'sync'; readonly segment: number }
  | { readonly kind: 'parse'; readonly name: string; readonly statement: Prepared }
  | { readonly kind: 'bind'; readonly name: string; readonly portal: Portal }
  | { readonly kind: 'describe'; readonly of: Prepared | Portal | undefined }
  | { readonly kind: 'execute'; readonly portal: Portal | undefined }
  | { readonly kind: 'close' };

interface Bound {
  readonly digest: string;
  readonly segment: number;
  readonly bind: BindMessage;
  readonly statement: Prepared;
}

/** Bounds on what a recording can make replay remember; beyond them the oldest is forgotten. */
const MOST_ASKED = 50_000;
const MOST_NAMES = 10_000;
const MOST_BOUND = 10_000;
const MOST_BOUND_BYTES = 64 * 1024 * 1024;

/** Both directions' shared knowledge. Mutable. */
export class Dialogue {
  #asked: Asked[] = [];
  readonly #statements = new Map<string, Prepared>();
  readonly #portals = new Map<string, Portal>();
  #bound: Bound[] = [];
  #boundBytes = 0;
  #segment = 0;
  /** After an error the server skips what comes before the next Sync. */
  #skipping = false;
  /** Between CopyInResponse and the client's CopyDone; the server ignores Sync meanwhile (docs 54.2.6). */
  copyIn = false;
  copyFormat: FormatCode = 0;

  parse(message: ParseMessage): void {
    const digest = hash('sha256', message.text);
    const statement = { digest, parameterTypes: message.parameterTypes, columns: undefined };
    remember(this.#statements, message.name, statement);
    this.#ask({ kind: 'parse', name: message.name, statement });
  }

  bind(message: BindMessage): void {
    const statement = this.#statements.get(message.statement);
    const portal = { statement, formats: message.resultFormats, columns: undefined, shown: false };
    remember(this.#portals, message.portal, portal);
    this.#ask({ kind: 'bind', name: message.portal, portal });
    if (!statement || this.#skipping || message.parameterCount === 0) return;
    this.#bound.push({ digest: statement.digest, segment: this.#segment, bind: message, statement });
    this.#boundBytes += message.buffer.length;
    while (this.#bound.length > MOST_BOUND || this.#boundBytes > MOST_BOUND_BYTES) this.#forgetBound(1);
  }

  describe(what: 'statement' | 'portal', name: string): void {
    this.#ask({ kind: 'describe', of: (what === 'statement' ? this.#statements : this.#portals).get(name) });
  }

  execute(name: string): void {
    this.#ask({ kind: 'execute', portal: this.#portals.get(name) });
  }

  close(what: 'statement' | 'portal', name: string): void {
    (what === 'statement' ? this.#statements : this.#portals).delete(name);
    this.#ask({ kind: 'close' });
  }

  query(): void {
    this.#ask({ kind: 'query' });
  }

  sync(): void {
    if (this.copyIn) return;
    this.#skipping = false;
    this.#ask({ kind: 'sync', segment: this.#segment++ });
  }

  #ask(asked: Asked): void {
    if (this.#skipping) return;
    this.#asked.push(asked);
    if (this.#asked.length > MOST_ASKED) this.#asked = this.#asked.slice(MOST_ASKED / 2);
  }

  /** The next one of these kinds that waits for its answer; what stands before it will get none. */
  take<Kind extends Asked['kind']>(...kinds: readonly Kind[]): Extract<Asked, { kind: Kind }> | undefined {
    const found = this.peek(...kinds);
    if (found) this.#asked.splice(0, this.#asked.indexOf(found) + 1);
    return found;
  }

  peek<Kind extends Asked['kind']>(...kinds: readonly Kind[]): Extract<Asked, { kind: Kind }> | undefined {
    const isOne = (asked: Asked): asked is Extract<Asked, { kind: Kind }> =>
      kinds.some((kind) => kind === asked.kind);
    return this.#asked.find(isOne);
  }

  /** The server reported an error: it answers nothing more before the next Sync, or the end of the simple query. */
  failed(): void {
    this.copyIn = false;
    if (this.#asked[0]?.kind === 'query') return;
    const next = this.#asked.findIndex((asked) => asked.kind === 'sync');
    this.#skipping = next < 0 && this.#asked.length > 0;
    this.#asked.splice(0, next < 0 ? this.#asked.length : next);
  }

  /** ReadyForQuery: a simple query or a segment is over, and with it what its Binds told. */
  ready(): void {
    const over = this.take('query', 'sync');
    if (over?.kind !== 'sync') return;
    const kept = this.#bound.findIndex((bound) => bound.segment > over.segment);
    this.#forgetBound(kept < 0 ? this.#bound.length : kept);
  }

  /** The server began to take COPY data: a Sync that was sent ahead is ignored. */
  copyBegins(format: FormatCode): void {
    this.copyIn = true;
    this.copyFormat = format;
    if (this.#asked[0]?.kind !== 'query') this.#asked = this.#asked.filter((asked) => asked.kind !== 'sync');
  }

  /** Bind values of the execution that a decision on `text` is about, as text. */
  parametersFor(text: string): readonly (string | null)[] {
    if (this.#bound.length === 0) return [];
    const digest = hash('sha256', text);
    const index = this.#bound.findIndex((bound) => bound.digest === digest);
    const found = this.#bound[index];
    if (!found) return [];
    this.#forgetBound(index + 1);
    const { bind, statement } = found;
    return Array.from({ length: bind.parameterCount }, (_, i) => {
      const bytes = parameterBytes(bind, i);
      const format = formatAt(bind.parameterFormats, i);
      return bytes === null ? null : valueText(bytes, statement.parameterTypes[i] ?? 0, format);
    });
  }

  #forgetBound(count: number): void {
    for (const bound of this.#bound.splice(0, count)) this.#boundBytes -= bound.bind.buffer.length;
  }
}

function remember<T>(map: Map<string, T>, name: string, value: T): void {
  map.delete(name);
  map.set(name, value);
  if (map.size <= MOST_NAMES) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

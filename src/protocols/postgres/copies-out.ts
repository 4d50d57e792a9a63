import { ProtocolViolation } from '../../base/errors.ts';
import type { Catalog } from '../../sql/catalog.ts';
import type { StatementFacts } from '../../sql/facts.ts';
import { copyDataMessage } from './codec/frontend-builders.ts';
import { BACKEND } from './codec/message-types.ts';
import type { Exchange } from './exchange.ts';
import type { InFlight } from './in-flight.ts';
import { type CopyOutRewriter, openCopyOut, parseCopyOutResponse } from './results/copy-out.ts';
import { factsOf } from './statement-effects.ts';
import { unasked } from './unasked.ts';

/** Longest row of COPY TO that is rewritten, in bytes. */
const ROW_LIMIT = 16 * 1024 * 1024;

/** COPY … TO STDOUT on its way to the client: passed as it is, or rewritten where masks or detectors apply. */
export class CopiesOut {
  readonly #x: Exchange;
  #now: 'none' | 'pass' | CopyOutRewriter = 'none';

  constructor(exchange: Exchange) {
    this.#x = exchange;
  }

  /** Data may go on in pieces of any size. */
  get passes(): boolean {
    return this.#now === 'pass';
  }

  /** CopyOutResponse, the answer to a statement with these facts. Throws ProtocolViolation. */
  begin(facts: StatementFacts | undefined, buffer: Buffer, start: number, end: number): void {
    if (facts?.copy?.direction !== 'out') {
      throw new ProtocolViolation('unasked_message', 'the target began a COPY that nothing had asked for');
    }
    const { masked, terms } = this.#x.masking();
    const response = parseCopyOutResponse(buffer, start, end);
    this.#now = 'pass';
    if (!masked.none) {
      const { outputs } = facts;
      if (masked.anyColumns && outputs?.length !== response.columns) {
        throw new ProtocolViolation(
          'bad_copy_data',
          'the target copies other columns than the statement names',
        );
      }
      const columns = Array.from({ length: response.columns }, (_, position) => {
        const output = outputs?.[position];
        const mask = output && masked.of(output);
        return { ...typeOf(output?.plain ? output.sources[0] : undefined, this.#x.judge.catalog), mask };
      });
      this.#now = openCopyOut(facts.copy, response, columns, terms, ROW_LIMIT) ?? 'pass';
    }
    this.#x.output.pass(buffer, start, end);
  }

  /** CopyInResponse: what the client sends next belongs to it. Throws ProtocolViolation. */
  beginIn(head: InFlight, buffer: Buffer, start: number, end: number): void {
    if (factsOf(head)?.copy?.direction !== 'in') throw unasked(BACKEND.copyInResponse);
    this.#x.queue.ignoreSentSyncs();
    this.#x.copyIn = true;
    this.#x.output.pass(buffer, start, end);
  }

  data(buffer: Buffer, start: number, end: number): void {
    if (this.#now === 'none') throw new ProtocolViolation('unasked_message', 'CopyData came outside of COPY');
    if (this.#now === 'pass') {
      this.#x.output.pass(buffer, start, end);
      return;
    }
    const data = buffer.subarray(start + 5, end);
    const rewritten = this.#now.write(data);
    if (rewritten === data) this.#x.output.pass(buffer, start, end);
    else if (rewritten.length > 0) this.#x.output.say(copyDataMessage(rewritten));
  }

  done(buffer: Buffer, start: number, end: number): void {
    if (this.#now === 'none') throw new ProtocolViolation('unasked_message', 'CopyDone came outside of COPY');
    if (this.#now !== 'pass') this.#now.end();
    this.#now = 'none';
    this.#x.output.pass(buffer, start, end);
  }

  /** The statement has ended, in whatever way. */
  over(): void {
    this.#now = 'none';
  }
}

/** Type of a base column `schema.table.column`; 0 when it cannot be told. */
function typeOf(column: string | undefined, catalog: Catalog): { typeOid: number; typmod: number } {
  const [, schema, table, name] = /^([^.]+)\.(.+)\.([^.]+)$/.exec(column ?? '') ?? [];
  const relation = schema && table ? catalog.relation(schema, table) : undefined;
  return { typeOid: relation?.columns.find((one) => one.name === name)?.typeOid ?? 0, typmod: -1 };
}

import { maskDetectedText } from '../../masking/detectors.ts';
import { REDACTED } from '../../masking/strategies.ts';
import { notificationResponse } from './codec/backend-builders.ts';
import { decodeNotificationResponse } from './codec/backend-messages.ts';
import type { Exchange } from './exchange.ts';
import type { InFlight } from './in-flight.ts';
import { maskErrorTexts, scrubErrorFields } from './results/scrub.ts';

/**
 * Texts of the target that are no rows: errors, notices, notifications. Those of a statement that touched masked
 * columns could quote their values and are withheld; all others are searched by the detectors.
 */
export class TextsOut {
  readonly #x: Exchange;
  /** A statement of the open transaction touched masked columns: a late error (a deferred constraint) could quote them. */
  #maskedInTransaction = false;

  constructor(exchange: Exchange) {
    this.#x = exchange;
  }

  /** A whole ErrorResponse or NoticeResponse, as the client may see it. Throws ProtocolViolation `bad_error_response`. */
  response(head: InFlight | undefined, message: Buffer): Buffer {
    const { terms } = this.#x.masking();
    const shown = this.#mayQuoteMasked(head) ? scrubErrorFields(message) : message;
    return terms.detection ? maskErrorTexts(shown, terms.detection, terms.key) : shown;
  }

  notification(buffer: Buffer, start: number, end: number): Buffer {
    const message = buffer.subarray(start, end);
    const { masked: columns, terms } = this.#x.masking();
    const { processId, channel, payload } = decodeNotificationResponse(buffer, start, end);
    // What this session sends itself was judged; what others send may be any value they see.
    if (columns.anyColumns && processId !== this.#x.state.processId && payload !== '')
      return notificationResponse(processId, channel, REDACTED);
    if (terms.detection === undefined) return message;
    const masked = maskDetectedText(payload, terms.detection, terms.key) ?? '';
    return masked === payload ? message : notificationResponse(processId, channel, masked);
  }

  /** A statement was answered, with the transaction in this state. */
  answered(head: InFlight, idle: boolean): void {
    if (idle) this.#maskedInTransaction = false;
    else if (this.#touches(head)) this.#maskedInTransaction = true;
  }

  #mayQuoteMasked(head: InFlight | undefined): boolean {
    return this.#maskedInTransaction || (head !== undefined && this.#touches(head));
  }

  #doubted(mark: number | undefined): boolean {
    return mark !== undefined && this.#x.changes.doubts(mark) && this.#x.masking().masked.anyColumns;
  }

  #touches(head: InFlight): boolean {
    switch (head.kind) {
      case 'query':
        return head.judgement.touchesMasked || this.#doubted(head.mark);
      case 'parse':
      case 'describe-statement':
        return head.statement.judgement?.touchesMasked ?? false;
      case 'execute':
        return head.portal.touchesMasked || this.#doubted(head.mark);
      case 'bind':
      case 'describe-portal':
        return head.portal.touchesMasked;
      default:
        return false;
    }
  }
}

import { ProtocolViolation } from '../../base/errors.ts';
import { typeText } from './codec/message-types.ts';

/** What a message is told off as that the target had no reason to send. */
export function unasked(type: number): ProtocolViolation {
  return new ProtocolViolation(
    'unasked_message',
    `the target sent ${typeText(type)}, which nothing had asked for`,
  );
}

import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AuditEvent } from '../../../src/audit/entry.ts';
import {
  entryLine,
  judgeLine,
  mostLineBytes,
  prepareEvent,
  repeatedEvent,
  writeEntryLine,
} from '../../../src/audit/entry-line.ts';

const texts = fc.string({ unit: 'binary', maxLength: 40 });
const events: fc.Arbitrary<AuditEvent> = fc.record({
  kind: fc.constantFrom('statement', 'login'),
  actor: texts,
  facts: fc.dictionary(
    texts,
    fc.oneof(texts, fc.integer(), fc.constant(null), fc.array(texts, { maxLength: 3 })),
  ),
});
const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });

it('writes the bytes of the line, wherever it stands, and no others', () => {
  fc.assert(
    fc.property(events, fc.nat(200), fc.integer({ min: 1 }), hex, (event, at, seq, prev) => {
      const place = { seq, prev, time: '2026-01-01T00:00:00.000Z' };
      const prepared = prepareEvent(event);
      const repeated = repeatedEvent(prepared);
      const most = mostLineBytes(repeated);
      const into = Buffer.alloc(at + most + 10, 0xee);
      const { end, hash } = writeEntryLine(into, at, repeated, place);
      const expected = entryLine(prepared, place);
      const line = into.toString('utf8', at, end);

      expect(hash).toBe(expected.hash);
      expect(line).toBe(`${expected.line}\n`);
      expect(judgeLine(line.slice(0, -1)).ok).toBe(true);
      expect(end).toBeLessThanOrEqual(at + most);
      expect(into.subarray(0, at).every((byte) => byte === 0xee)).toBe(true);
      expect(into.subarray(at + most).every((byte) => byte === 0xee)).toBe(true);
    }),
  );
});

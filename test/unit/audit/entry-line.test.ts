import { hash as digestOf } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalJson } from '../../../src/audit/canonical-json.ts';
import type { AuditEvent } from '../../../src/audit/entry.ts';
import { judgeLine, mostLineBytes, prepareEvent, writeEntryLine } from '../../../src/audit/entry-line.ts';

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

it('writes the canonical entry and its hash, wherever it stands, and no other bytes', () => {
  fc.assert(
    fc.property(events, fc.nat(200), fc.integer({ min: 1 }), hex, (event, at, seq, prev) => {
      const place = { seq, prev, time: '2026-01-01T00:00:00.000Z' };
      const prepared = prepareEvent(event);
      const most = mostLineBytes(prepared);
      const into = Buffer.alloc(at + most + 10, 0xee);
      const { end, hash } = writeEntryLine(into, at, prepared, place);
      const expected = digestOf('sha256', canonicalJson({ ...event, ...place }), 'hex');
      const line = into.toString('utf8', at, end);

      expect(hash).toBe(expected);
      expect(line).toBe(`${canonicalJson({ ...event, ...place, hash: expected })}\n`);
      expect(judgeLine(line.slice(0, -1)).ok).toBe(true);
      expect(end).toBeLessThanOrEqual(at + most);
      expect(into.subarray(0, at).every((byte) => byte === 0xee)).toBe(true);
      expect(into.subarray(at + most).every((byte) => byte === 0xee)).toBe(true);
    }),
  );
});

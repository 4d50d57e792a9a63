import { describe, expect, test } from 'vitest';
import { admitRequest, recentRequests } from '../../../src/approval/limits.ts';

const NOW = 1_000_000;
const LIMITS = { pending: 2, perMinute: 3 };

describe('admitRequest', () => {
  test('lets through what is under both limits', () => {
    expect(() => admitRequest({ pending: 1, askedAt: [NOW, NOW] }, NOW, LIMITS)).not.toThrow();
  });

  test('refuses one more than may wait', () => {
    expect(() => admitRequest({ pending: 2, askedAt: [] }, NOW, LIMITS)).toThrow(
      expect.objectContaining({ code: 'too_many_pending', retryable: true }),
    );
  });

  test('refuses one more than a minute may see, ended ones counted', () => {
    const askedAt = [NOW - 59_999, NOW - 1, NOW];
    expect(() => admitRequest({ pending: 0, askedAt }, NOW, LIMITS)).toThrow(
      expect.objectContaining({ code: 'too_many_requests' }),
    );
    expect(() => admitRequest({ pending: 0, askedAt }, NOW + 1, LIMITS)).not.toThrow();
  });

  test('allows 20 waiting and 60 a minute when nothing else is said', () => {
    expect(() => admitRequest({ pending: 19, askedAt: Array(59).fill(NOW) }, NOW)).not.toThrow();
    expect(() => admitRequest({ pending: 20, askedAt: [] }, NOW)).toThrow();
    expect(() => admitRequest({ pending: 0, askedAt: Array(60).fill(NOW) }, NOW)).toThrow();
  });

  test('keeps of the history only the last minute', () => {
    expect(recentRequests([NOW - 60_000, NOW - 59_999, NOW + 5], NOW)).toEqual([NOW - 59_999, NOW + 5]);
  });
});

import { describe, expect, test } from 'vitest';
import { APPROVAL_LIMITS } from '../../../src/approval/limits.ts';
import { AskingPace } from '../../../src/session/asking-pace.ts';

describe('the pace of asking', () => {
  test('forgets nobody who asked within the last minute, however many ask', () => {
    const pace = new AskingPace();
    for (let i = 0; i < APPROVAL_LIMITS.perMinute; i++) pace.admit('devin', 0, i);
    for (let i = 0; i < 3000; i++) pace.admit(`passer-by ${i}`, 0, 30_000);
    expect(() => pace.admit('devin', 0, 50_000)).toThrow(
      expect.objectContaining({ code: 'too_many_requests' }),
    );
    expect(() => pace.admit('devin', 0, 60_001)).not.toThrow();
  });

  test('counts a refused request for nothing', () => {
    const pace = new AskingPace();
    for (let i = 0; i < 100; i++) {
      expect(() => pace.admit('devin', APPROVAL_LIMITS.pending, i)).toThrow(
        expect.objectContaining({ code: 'too_many_pending' }),
      );
    }
    expect(() => pace.admit('devin', 0, 100)).not.toThrow();
  });
});

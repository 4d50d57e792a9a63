import { describe, expect, it } from 'vitest';
import { daysOfInterval } from '../../../src/sql/intervals.ts';

describe('how long an interval is at the most', () => {
  it.each([
    ['1 day', 1],
    ['-3 days', 3],
    ['2 weeks 1 day', 15],
    ['1 year 2 mons', 428],
    ['1.5 years', 549],
    ['6 millennia 698 years', 6 * 366_000 + 698 * 366],
    ['2 CENTURIES', 73_200],
    ['1day', 1],
    [' 24 hours ', 1],
    ['3 days 23:59', 4],
  ])('%s', (text, days) => {
    expect(daysOfInterval(text)).toBeCloseTo(days);
  });

  it.each([
    '',
    'P6698Y',
    '6698-1',
    '1',
    '1 12:00',
    '1 fortnight',
    '@ 1 day',
    '1 day ago',
    '1e5 days',
    'infinity',
    '5 m',
  ])('of "%s" is not told', (text) => {
    expect(daysOfInterval(text)).toBeUndefined();
  });
});

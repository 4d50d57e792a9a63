import { expect, it } from 'vitest';
import { sessionOf } from '../../../src/daemon/processor-share.ts';

it('reads the session of a process, whatever its name is', () => {
  const rest = 'S 1 338 338407 34816 338 4194304 1 2';

  expect(sessionOf(`338 (node) ${rest}`)).toBe(338407);
  expect(sessionOf(`338 (a) b (c) S 7 8 9) ${rest}`)).toBe(338407);
  expect(sessionOf('')).toBeNaN();
});

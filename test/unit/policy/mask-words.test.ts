import { describe, expect, it } from 'vitest';
import { exposedBy } from '../../../src/policy/mask-uses.ts';
import { LONG_VALUES } from '../../../src/sql/facts.ts';

const mask = {
  name: 'profile',
  columns: ['public.users.profile'],
  detect: [],
  strategy: 'redact',
  keepLast: 4,
} as const;

describe('why a masked column may not be used so', () => {
  it('names the keys that stay readable, and how to read and set one', () => {
    const words = exposedBy(
      { column: 'public.users.profile', use: 'call', with: ['jsonb_set'] },
      { ...mask, keepKeys: ['*.lang', 'settings.theme'] },
      () => [],
    );
    expect(words).toContain("*.lang, settings.theme stay readable, each by profile['settings']['theme']");
  });

  it('says what to write where lengths could be made to pass a limit', () => {
    const words = exposedBy(
      { column: 'public.users.email', use: 'call', with: [LONG_VALUES] },
      mask,
      () => [],
    );
    expect(words).toContain('as constants');
  });

  it('says that a trigger may not read it, and who could make one that does', () => {
    expect(exposedBy({ column: 'public.users.email', use: 'code' }, mask, () => [])).toMatch(
      /trigger that you make.*whom the mask excepts/,
    );
  });
});

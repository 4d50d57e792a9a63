import { describe, expect, test } from 'vitest';
import { disabledElsewhere } from '../../../src/daemon/doctor-issuers.ts';
import { compilePolicy } from '../../../src/policy/compile.ts';
import { fileOf } from '../policy/facts.ts';

const found = (kind: string, more = '') => {
  const file = fileOf(`version: 1
identity:
  issuers:
    - name: corp
      issuer: https://login.example.com
      domain: example.com
      audiences: [hoopctl]
${more}      identities:
        - {match: {email: "*"}, name: "{email}", kind: ${kind}}
`);
  return disabledElsewhere(compilePolicy(file, 'hash')).map(({ level, message }) => `${level}: ${message}`);
};

describe('the doctor, on those whom an issuer has disabled', () => {
  test('has nothing to say of people who are asked for', () => {
    expect(found('person')).toEqual([]);
    expect(found('person', '      liveness: {required: true, unasked: 1h}\n')).toEqual([]);
    expect(disabledElsewhere(undefined)).toEqual([]);
  });

  test('warns of people for whom nobody asks, and says for how long they may go on', () => {
    expect(found('person', '      liveness: {check: none}\n      session: 30m\n')).toEqual([
      'warning: people whom corp disables keep their sessions for up to 30m: liveness is off',
    ]);
    expect(found('person', '      liveness: {unasked: 20m}\n')).toEqual([
      'warning: people of corp who come without an access token stay for up to 20m after they were disabled',
    ]);
  });

  test('notes machines, which have nothing to be asked with', () => {
    expect(found('machine', '      session: 10m\n')).toEqual([
      'note: machines whom corp disables keep their sessions until these are renewed: for up to 10m',
    ]);
  });
});

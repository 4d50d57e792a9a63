import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy/compile.ts';
import { parsePolicy } from '../../../src/policy/parse.ts';
import { askedBy, factsOf } from '../../../src/protocols/ssh/judgement.ts';

const file = new URL('../../../templates/policies/ssh-agent.yaml', import.meta.url);
const { policy, problems } = parsePolicy(readFileSync(file, 'utf8'), 'ssh-agent.yaml');

function outcome(statement: string): string {
  if (policy === undefined) return JSON.stringify(problems);
  const facts = factsOf(askedBy(statement) ?? { kind: 'exec', line: statement, terminal: false });
  const target = { connection: 'web-1', labels: {}, protocol: 'ssh' };
  return compilePolicy(policy, 'h').decide({ id: 'i', name: 'devin', groups: [] }, target, facts).outcome;
}

test.each([
  ['journalctl -u nginx | tail', 'allow'],
  ['SFTP READ /var/log/syslog', 'allow'],
  ['ENV LANG=C', 'allow'],
  ['rm -rf /srv/cache', 'approve'],
  ['SFTP WRITE /srv/app/x', 'approve'],
  ['systemctl restart nginx', 'approve'],
  ['sudo systemctl restart nginx', 'approve'],
  ['sudo rm -rf /', 'block'],
  ['reboot', 'block'],
  ['curl x | sh', 'block'],
  ['SHELL', 'block'],
  ['LINE-GATED SHELL', 'block'],
  ['INPUT psql', 'block'],
  ['FORWARD db:5432', 'block'],
  ['SFTP READ /root/.ssh/id_ed25519', 'block'],
])('the starter policy for SSH meets %j with %s', (statement, expected) => {
  expect(outcome(statement)).toBe(expected);
});

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { Hoopctl, LAUNCHER } from '../servers/hoopctl.ts';
import { type ProgramResult, run } from '../servers/psql.ts';
import { openTeamGateway, type TeamGateway } from '../servers/team-gateway.ts';
import { startWorkloadIssuer, type WorkloadIssuer } from '../servers/workload-issuer.ts';

/** The pipelines in templates/ci, run line by line as their platforms run them, against a gateway. */

const TEMPLATES = new URL('../../templates/ci/', import.meta.url);
const text = (name: string) => readFileSync(new URL(name, TEMPLATES), 'utf8');
const INSTALL = 'npm install --global hoopctl';
const MIGRATION = `-- What the next release needs.
CREATE TABLE invoices (id int PRIMARY KEY, customer int REFERENCES customers);
UPDATE customers SET plan = 'team' WHERE id = 1;
`;
const GITHUB = {
  repository: 'example/shop',
  repository_id: '4711',
  ref: 'refs/heads/main',
  environment: 'production',
  sub: 'repo:example/shop:environment:production',
};
const GITLAB = {
  project_path: 'example/shop',
  project_id: '42',
  ref: 'main',
  ref_protected: 'true',
  sub: 'project_path:example/shop:ref_type:branch:ref:main',
};

let team: TeamGateway;
let github: WorkloadIssuer;
let gitlab: WorkloadIssuer;
let job: Hoopctl;

beforeAll(async () => {
  [team, github, gitlab] = await Promise.all([
    openTeamGateway(),
    startWorkloadIssuer(),
    startWorkloadIssuer(),
  ]);
  const local = (issuer: string) => `issuer: ${issuer}\n      allow_http_loopback: true`;
  const policy = text('policy.yaml')
    .replace('issuer: https://token.actions.githubusercontent.com', local(github.issuer))
    .replace('issuer: https://gitlab.example', local(gitlab.issuer))
    .replace('[ana@example.com, ben@example.com]', '[ana]');
  await team.shop.hoopctl.applyPolicy(policy);
}, 120_000);
afterAll(async () => {
  github?.close();
  gitlab?.close();
  await team?.stop();
});

/** A runner: a checkout, hoopctl on the path, an empty home. */
beforeEach(() => {
  job = Hoopctl.fresh();
  const home = join(job.home, '..');
  for (const dir of ['bin', 'checkout', 'checkout/migrations']) mkdirSync(join(home, dir));
  const hoopctl = `#!/bin/sh\nexec '${process.execPath}' '${LAUNCHER}' "$@"\n`;
  writeFileSync(join(home, 'bin', 'hoopctl'), hoopctl, { mode: 0o755 });
  writeFileSync(join(home, 'checkout', 'migrations', 'next.sql'), MIGRATION);
  return () => job.close();
});

/** What one shell of the platform runs, in the checkout; `decision` comes when it says what it waits for. */
async function shell(
  flags: readonly string[],
  script: string,
  more: Record<string, string>,
  decision?: Decision,
): Promise<ProgramResult> {
  const home = join(job.home, '..');
  const env = {
    ...job.env(),
    PATH: `${join(home, 'bin')}${delimiter}${process.env.PATH}`,
    NODE_EXTRA_CA_CERTS: team.authority.certFile,
    GATEWAY: `https://localhost:${team.gateway.ports.api}`,
    ...more,
  };
  let said = '';
  let deciding: Promise<ProgramResult> | undefined;
  const result = await run('bash', [...flags, '-c', script], {
    env,
    cwd: join(home, 'checkout'),
    onOutput(_, text) {
      said += text;
      const id = /\bap-[0-9a-z]{5}\b/.exec(said)?.[0];
      if (id !== undefined) deciding ??= decision?.(id);
    },
  });
  if (deciding !== undefined) expect((await deciding).code).toBe(0);
  return result;
}

/** The steps of GitHub's job in their order, until one fails; then those that run always. */
async function runGithub(decision?: Decision): Promise<{
  readonly results: readonly ProgramResult[];
  readonly last: ProgramResult;
}> {
  interface Step {
    readonly run?: string;
    readonly if?: string;
  }
  const { jobs } = parse(text('github-actions.yaml')) as { jobs: { migrate: { steps: readonly Step[] } } };
  const steps = jobs.migrate.steps.filter((step) => step.run !== undefined);
  expect(steps[0]?.run).toBe(INSTALL);
  const env = {
    ACTIONS_ID_TOKEN_REQUEST_URL: github.requestUrl,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: github.requestToken,
  };
  const results: ProgramResult[] = [];
  for (const step of steps.slice(1)) {
    const failed = results.some(({ code }) => code !== 0);
    if (failed && step.if !== 'always()') continue;
    results.push(await shell(['-e'], step.run ?? '', env, decision));
  }
  return { results, last: results.at(-1) as ProgramResult };
}

/** GitLab's script in one shell, then what comes after it in another. */
async function runGitlab(
  decision: Decision,
): Promise<{ readonly script: ProgramResult; readonly after: ProgramResult }> {
  const { migrate } = parse(text('gitlab-ci.yaml')) as {
    migrate: {
      script: string[];
      after_script: string[];
      id_tokens: { HOOPCTL_ID_TOKEN: { aud: string } };
    };
  };
  expect(migrate.script[0]).toBe(INSTALL);
  const token = await gitlab.token(GITLAB, migrate.id_tokens.HOOPCTL_ID_TOKEN.aud);
  const env = { HOOPCTL_ID_TOKEN: token };
  const flags = ['-e', '-o', 'pipefail'];
  return {
    script: await shell(flags, migrate.script.slice(1).join('\n'), env, decision),
    after: await shell(flags, migrate.after_script.join('\n'), env),
  };
}

/** What ana does, on her machine, with the request of the job. */
type Decision = (id: string) => Promise<ProgramResult>;

const tables = () =>
  team.shop.server.query("SELECT to_regclass('public.invoices')::text AS invoices", 'shop');

describe('a pipeline', () => {
  test('of GitLab is denied: the job ends with 7, says why, and nothing has run', async () => {
    const { after, script } = await runGitlab((id) => team.ana.hoopctl.deny(id, 'not on a Friday'));
    expect(script.code).toBe(7);
    expect(`${script.stdout}${script.stderr}`).toContain('not on a Friday');
    expect(after.code).toBe(0);
    expect(await tables()).toEqual([{ invoices: null }]);
  });

  test('of GitHub runs its migration once ana has approved, and leaves no sign-in behind', async () => {
    github.claims = GITHUB;
    const { last, results } = await runGithub((id) => team.ana.hoopctl.approve(id));
    expect(results.map(({ code, stderr }) => [code, stderr.includes('error')])).toEqual([
      [0, false],
      [0, false],
      [0, false],
    ]);
    expect(last.stdout).toContain('signed out');
    expect(await tables()).toEqual([{ invoices: 'invoices' }]);
    expect(await team.shop.plan()).toBe('team');
    expect(readFileSync(join(job.home, 'login', 'contexts.json'), 'utf8')).not.toContain('"token"');
  });

  test('of a fork, or of another branch, is nobody: it ends with 4 before anything is asked', async () => {
    github.claims = { ...GITHUB, repository: 'mallory/shop', repository_id: '666' };
    const { results } = await runGithub();
    expect(results.map(({ code }) => code)).toEqual([4, 4]);
    expect(results[0]?.stderr).toContain('no claim rule');
  });
});

describe('a token of an issuer as the password of a native client', () => {
  const client = (password: string) => ({
    host: 'localhost',
    port: team.gateway.ports.postgres ?? 0,
    database: 'prod-db',
    user: 'anyone',
    password,
    ssl: { ca: team.authority.cert },
  });

  test('opens a pool of connections as the identity it stands for, and counts nowhere else', async () => {
    const token = await gitlab.token(GITLAB, 'hoopctl');
    const pool = new pg.Pool({ ...client(token), max: 4 });
    const held = await Promise.all(Array.from({ length: 4 }, () => pool.connect()));
    for (const one of held) expect((await one.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    const { sessions } = await team.shop.hoopctl.json<{ sessions: { identity: string; status: string }[] }>([
      'session',
      'list',
    ]);
    const open = sessions.filter(({ status }) => status === 'open').map(({ identity }) => identity);
    expect(open).toEqual(Array.from({ length: 4 }, () => 'shop-migrations@gitlab'));
    const elsewhere = await shell(['-e'], 'hoopctl login "$GATEWAY" --token-stdin <<< "$TOKEN"', {
      TOKEN: token,
    });
    expect(elsewhere).toMatchObject({ code: 4, stderr: expect.stringContaining('counts once') });
    const api = await shell(['-e'], 'HOOPCTL_GATEWAY="$GATEWAY" HOOPCTL_TOKEN="$TOKEN" hoopctl whoami', {
      TOKEN: token,
    });
    expect(api.code).toBe(4);
    for (const one of held) one.release();
    await pool.end();
    const later = new pg.Client(client(token));
    await later.connect();
    await later.end();
  });

  test('that nobody signed, is of a stranger, or for somebody else opens nothing', async () => {
    const good = await gitlab.token(GITLAB, 'hoopctl');
    const bad = [
      `${good.slice(0, -8)}AAAAAAAA`,
      `${good.split('.').slice(0, 2).join('.')}.`,
      await gitlab.token(GITLAB, 'payroll'),
      await gitlab.token({ ...GITLAB, project_path: 'mallory/shop' }, 'hoopctl'),
    ];
    for (const token of bad) {
      await expect(new pg.Client(client(token)).connect()).rejects.toMatchObject({ code: '28P01' });
    }
  });
});

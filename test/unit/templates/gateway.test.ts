import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../../../src/cli/tree/root.ts';
import { parsePolicy } from '../../../src/policy/parse.ts';
import { run } from '../../servers/psql.ts';

const path = (name: string) => fileURLToPath(new URL(`../../../templates/${name}`, import.meta.url));
const text = (name: string) => readFileSync(path(name), 'utf8');

test.skipIf(!existsSync('/usr/bin/systemd-analyze'))(
  'systemd reads the gateway’s unit without a complaint',
  async () => {
    const unit = path('gateway/hoopctl-gateway.service');
    const { code, stdout, stderr } = await run('/usr/bin/systemd-analyze', ['verify', unit]);
    expect({ code, said: `${stdout}${stderr}` }).toEqual({ code: 0, said: '' });
  },
);

const helm = ['/usr/local/bin/helm', '/usr/bin/helm'].find((file) => existsSync(file));
test.skipIf(helm === undefined)('helm finds nothing wrong with the chart', async () => {
  const { code, stdout } = await run(helm ?? '', ['lint', '--strict', path('gateway/chart')]);
  expect({ code, failed: /\[(ERROR|WARNING)\]/.test(stdout) }).toEqual({ code: 0, failed: false });
});

test('the chart’s templates use values that there are', () => {
  const values = parse(text('gateway/chart/values.yaml')) as Record<string, unknown>;
  for (const name of readdirSync(path('gateway/chart/templates'))) {
    for (const [, used = ''] of text(`gateway/chart/templates/${name}`).matchAll(/\.Values\.([A-Za-z.]+)/g)) {
      const found = used
        .split('.')
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], values);
      expect(found, `${name}: ${used}`).toBeDefined();
    }
  }
});

test('the Dockerfile builds in one stage and runs in another, as nobody in particular', () => {
  const lines = text('gateway/Dockerfile')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const words = lines.map((line) => line.split(/\s+/)[0] ?? '');
  expect(words[0]).toMatch(/^(FROM|ARG)$/);
  const known =
    'FROM ARG RUN COPY WORKDIR USER ENV EXPOSE VOLUME ENTRYPOINT CMD HEALTHCHECK LABEL STOPSIGNAL';
  expect(
    words.filter((word) => !/^\s/.test(word) && word !== '' && !known.split(' ').includes(word)),
  ).toEqual([]);
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
  const user = last.find((line) => line.startsWith('USER '))?.split(/\s+/)[1] ?? 'root';
  expect(user).not.toMatch(/^(root|0)(:|$)/);
  expect(last.some((line) => line.startsWith('ENTRYPOINT ['))).toBe(true);
  for (const line of lines.filter((one) => /^(ENV|ARG) /.test(one))) {
    expect(line).not.toMatch(/password|secret|token/i);
  }
});

test('the compose file mounts nothing but what stands beside it, and publishes TLS ports alone', () => {
  const compose = parse(text('gateway/docker-compose.yaml')) as {
    services: Record<string, { image?: string; build?: unknown; volumes?: string[]; ports?: string[] }>;
    volumes?: Record<string, unknown>;
  };
  expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(['gateway']));
  for (const [name, { build, image, volumes = [] }] of Object.entries(compose.services)) {
    expect(image ?? build, name).toBeDefined();
    for (const volume of volumes) {
      const [from = ''] = volume.split(':');
      const there = from.startsWith('.')
        ? existsSync(path(`gateway/${from.replace(/^\.\//, '')}`))
        : Object.hasOwn(compose.volumes ?? {}, from);
      expect(there, `${name}: ${volume}`).toBe(true);
    }
  }
});

test('the provider of the compose file is the one that its policy trusts, and is reached by gateway and browser alike', () => {
  const compose = parse(text('gateway/docker-compose.yaml')) as {
    services: Record<string, { network_mode?: string; ports?: string[]; volumes?: string[] }>;
  };
  const provider = parse(text('gateway/compose/dex.yaml')) as {
    issuer: string;
    staticClients: { id: string }[];
    staticPasswords: { email: string }[];
  };
  const { policy, problems } = parsePolicy(text('gateway/compose/policy.yaml'), 'policy.yaml');
  expect(problems).toEqual([]);
  const issuer = policy?.identity.issuers[0];
  expect(issuer).toMatchObject({ issuer: provider.issuer, client_id: provider.staticClients[0]?.id });
  expect(provider.staticPasswords.map(({ email }) => email)).toContain(policy?.groups.dba?.[0]);
  // Its name is localhost, which is another place in each container that has a network of its own.
  expect(compose.services.idp).toMatchObject({ network_mode: 'service:gateway' });
  expect(compose.services.idp?.ports).toBeUndefined();
  const { port } = new URL(provider.issuer);
  expect(compose.services.gateway?.ports).toContain(`127.0.0.1:${port}:${port}`);
});

test('stopping leaves time for the drain, everywhere', () => {
  const drain = 30;
  expect(text('gateway/gateway.yaml')).toContain(`drain: ${drain}s`);
  expect(
    Number(/^TimeoutStopSec=(\d+)s$/m.exec(text('gateway/hoopctl-gateway.service'))?.[1]),
  ).toBeGreaterThan(drain + 10);
  const compose = parse(text('gateway/docker-compose.yaml')) as {
    services: { gateway: { stop_grace_period: string } };
  };
  expect(Number.parseInt(compose.services.gateway.stop_grace_period, 10)).toBeGreaterThan(drain + 10);
  expect(text('gateway/chart/templates/statefulset.yaml')).toContain('add .Values.drainSeconds 15');
});

describe('pipelines', () => {
  test('have a policy that reads without a problem', () => {
    expect(parsePolicy(text('ci/policy.yaml'), 'policy.yaml').problems).toEqual([]);
  });

  test.each(['ci/github-actions.yaml', 'ci/gitlab-ci.yaml'])(
    '%s is YAML and uses verbs and flags that there are',
    (name) => {
      expect(() => parse(text(name))).not.toThrow();
      const lines = text(name)
        .split('\n')
        .filter((line) => !line.trimStart().startsWith('#'))
        .map((line) => /\bhoopctl (login|logout|exec)\b(.*)$/.exec(line))
        .filter((match) => match !== null);
      expect(lines.length).toBe(3);
      for (const [, verb, rest = ''] of lines) {
        const spec = ROOT.verbs?.find((one) => one.name === verb);
        const known = (spec?.options ?? []).flatMap(({ flags }) => flags.split(/[ ,]+/)).concat('--json');
        for (const flag of rest.match(/(?<=\s)--?[a-z][a-z-]*/g) ?? [])
          expect(known, `${verb} ${flag}`).toContain(flag);
      }
    },
  );

  test('store no secret', () => {
    for (const name of ['ci/github-actions.yaml', 'ci/gitlab-ci.yaml']) {
      expect(text(name)).not.toMatch(/secrets\.|HOOPCTL_TOKEN|--client-secret/);
    }
  });
});

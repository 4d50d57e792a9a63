import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseGatewayConfig } from '../../../src/api/gateway-config.ts';
import { openApiDocument, openApiText } from '../../../src/api/openapi.ts';
import { routes } from '../../../src/api/routes.ts';
import { productVersion } from '../../../src/cli/version.ts';

const LEAST = `version: 1
url: https://gateway.example:8443
listen: 0.0.0.0:8443
tls:
  self_signed: true
`;
/** Without a word of its certificate. */
const without = LEAST.slice(0, LEAST.indexOf('tls:'));
const read = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');
const problems = (text: string) =>
  parseGatewayConfig(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);

describe('the configuration of a gateway', () => {
  test('has sensible values for what it leaves out', () => {
    expect(parseGatewayConfig(LEAST).config).toMatchObject({
      listen: { host: '0.0.0.0', port: 8443 },
      drain: 30_000,
      limits: { connections: 2048, unauthenticated: 64, failed_logins: 30 },
    });
    expect(
      parseGatewayConfig(LEAST.replace('0.0.0.0', '"[::]').replace(':8443\ntls', ':8443"\ntls')).config,
    ).toMatchObject({
      listen: { host: '::', port: 8443 },
    });
  });

  test('names an unknown key with its place and the one that was meant', () => {
    expect(problems(`${LEAST}drian: 30s\n`)).toEqual(['6:1 unknown key "drian" (did you mean "drain"?)']);
    expect(problems(`${LEAST}limits:\n  conections: 9\n`)).toEqual([
      '7:3 limits: unknown key "conections" (did you mean "connections"?)',
    ]);
  });

  test('wants TLS, one way or the other', () => {
    expect(problems(LEAST.replace('  self_signed: true', '  certificate: a.pem'))).toEqual([
      '5:3 tls: give certificate and key, or self_signed: true',
    ]);
    expect(problems(without)).toEqual([
      '1:1 tls: is missing: give certificate and key, or self_signed: true',
    ]);
    expect(problems(LEAST.replace('https:', 'http:'))[0]).toContain('url: write it as https://');
  });

  test('needs no word of TLS for a trial, and its own certificate is not used then', () => {
    const named = `${without}tls: {certificate: a.pem, key: b.pem}\n`;
    for (const text of [without, named, LEAST]) {
      expect(parseGatewayConfig(text, true)).toMatchObject({
        config: { tls: { self_signed: true } },
        problems: [],
      });
      expect(parseGatewayConfig(text, true).config?.tls).not.toHaveProperty('certificate');
    }
    expect(parseGatewayConfig(`${without}tls: {cert: a.pem}\n`, true).problems[0]?.message).toContain(
      '"cert"',
    );
  });

  test('serves metrics without a token on loopback alone', () => {
    expect(problems(`${LEAST}metrics: {listen: "0.0.0.0:9464"}\n`)[0]).toContain(
      'must be a loopback address',
    );
    expect(problems(`${LEAST}metrics: {listen: "127.0.0.1:9464"}\n`)).toEqual([]);
  });

  test('is refused when it is no YAML, empty, or a bomb', () => {
    expect(problems('version: [1')[0]).toMatch(/^1:\d+ /);
    expect(problems('')).toEqual(['null:null the file is empty']);
    expect(problems(`${'x'.repeat(70_000)}`)[0]).toContain('larger than 64 KiB');
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n`;
    expect(problems(bomb).length).toBeGreaterThan(0);
  });

  test('of the templates is good', () => {
    for (const name of ['templates/gateway/gateway.yaml', 'templates/gateway/compose/gateway.yaml']) {
      expect(problems(read(name)), name).toEqual([]);
    }
  });
});

describe('the OpenAPI document', () => {
  test('in the templates is made from the contract as it is now', () => {
    expect(read('templates/gateway/openapi.json')).toBe(openApiText(productVersion()));
  });

  test('has every route with its errors, and a reference for each', () => {
    const document = openApiDocument('1.0.0') as {
      paths: Record<
        string,
        Record<string, { operationId: string; responses: Record<string, { $ref?: string }> }>
      >;
      components: { responses: Record<string, unknown> };
    };
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(routes).sort());
    for (const { responses } of operations) {
      for (const { $ref } of Object.values(responses)) {
        if ($ref === undefined) continue;
        expect(document.components.responses).toHaveProperty($ref.split('/').at(-1) ?? '');
      }
    }
  });
});

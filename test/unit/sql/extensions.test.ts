import { beforeAll, describe, expect, it } from 'vitest';
import { analyze, loadParser } from '../../../src/sql/analyze.ts';
import { actsByNameAlone, extensionEffect } from '../../../src/sql/builtins/extensions.ts';
import type { CatalogFunction, SessionState } from '../../../src/sql/catalog.ts';
import { makeCatalog } from '../../../src/sql/memory-catalog.ts';

beforeAll(loadParser);

const compiled = (oid: number, extension: string, name: string): CatalogFunction => ({
  oid,
  schema: 'public',
  name,
  kind: 'function',
  volatility: 'volatile',
  securityDefiner: false,
  language: 'c',
  body: name,
  returnsSet: false,
  returnTypeOid: 23,
  minArguments: 0,
  maxArguments: 9,
  settings: [],
  extension,
});

const catalog = makeCatalog({
  schemas: ['public', 'pg_catalog'],
  functions: [
    compiled(1, 'postgis', 'st_asgeojson'),
    compiled(2, 'postgis', 'st_estimatedextent'),
    compiled(3, 'timescaledb', 'time_bucket'),
    compiled(4, 'timescaledb', 'create_hypertable'),
    compiled(5, 'postgis_raster', 'st_fromgdalraster'),
    compiled(6, 'pg_cron', 'schedule'),
  ],
  builtins: { stable: ['now'] },
});
const state: SessionState = {
  searchPath: ['pg_catalog', 'public'],
  prepared: () => undefined,
  cursor: () => undefined,
};
const facts = (sql: string) => analyze(sql, catalog, state).statements;
const effects = (sql: string) => facts(sql).flatMap((one) => one.actions.map(({ effect }) => effect));

describe('compiled functions of extensions', () => {
  it.each([
    ["SELECT st_asgeojson('x')", 'read'],
    ["SELECT time_bucket('1 hour', now())", 'read'],
    ["SELECT create_hypertable('t', 'at')", 'unknown'],
    ["SELECT st_fromgdalraster('x')", 'unknown'],
    ["SELECT schedule('x')", 'unknown'],
  ])('make %s: %s', (sql, effect) => {
    expect(effects(sql)).toEqual([effect]);
  });

  it('that show where the values of a column lie count as statistics', () => {
    expect(facts("SELECT st_estimatedextent('t', 'geom')")[0]?.conditions).toContain('reads-statistics');
    expect(facts("SELECT st_asgeojson('x')")[0]?.conditions).toEqual([]);
  });

  it.each([
    ['pg_trgm', 'set_limit', 'session'],
    ['pg_prewarm', 'autoprewarm_dump_now', 'admin'],
    ['pg_logicalinspect', 'pg_get_logical_snapshot_info', 'admin'],
    ['address_standardizer', 'standardize_address', 'unknown'],
    ['postgis_topology', 'st_addisonode', 'unknown'],
  ])('%s.%s is %s', (extension, name, effect) => {
    expect(extensionEffect(extension, name)).toBe(effect);
  });
});

describe('CREATE EXTENSION', () => {
  it('leaves what follows known where the extension acts by its names alone, or is there already', () => {
    expect(actsByNameAlone('pg_trgm')).toBe(true);
    expect(effects('CREATE EXTENSION pg_trgm; CREATE TABLE t (id int); INSERT INTO t VALUES (1)')).toEqual([
      'admin',
      'ddl',
      'write',
    ]);
    expect(
      effects('CREATE EXTENSION IF NOT EXISTS pg_cron; CREATE TABLE t (id int); INSERT INTO t VALUES (1)'),
    ).toEqual(['admin', 'ddl', 'write']);
    expect(effects('CREATE EXTENSION whatever; CREATE TABLE t (id int); INSERT INTO t VALUES (1)')).toEqual([
      'admin',
      'ddl',
      'unknown',
    ]);
  });
});

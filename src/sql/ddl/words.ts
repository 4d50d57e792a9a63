import type { ObjectType } from 'libpg-query';
import type { ObjectRef } from '../facts.ts';

const SPECIAL: Partial<Record<ObjectType, string>> = {
  OBJECT_MATVIEW: 'MATERIALIZED VIEW',
  OBJECT_FDW: 'FOREIGN DATA WRAPPER',
  OBJECT_FOREIGN_SERVER: 'SERVER',
  OBJECT_TSCONFIGURATION: 'TEXT SEARCH CONFIGURATION',
  OBJECT_TSDICTIONARY: 'TEXT SEARCH DICTIONARY',
  OBJECT_TSPARSER: 'TEXT SEARCH PARSER',
  OBJECT_TSTEMPLATE: 'TEXT SEARCH TEMPLATE',
  OBJECT_OPCLASS: 'OPERATOR CLASS',
  OBJECT_OPFAMILY: 'OPERATOR FAMILY',
  OBJECT_STATISTIC_EXT: 'STATISTICS',
  OBJECT_LARGEOBJECT: 'LARGE OBJECT',
  OBJECT_TABCONSTRAINT: 'TABLE',
  OBJECT_DOMCONSTRAINT: 'DOMAIN',
  OBJECT_COLUMN: 'TABLE',
  OBJECT_ATTRIBUTE: 'TYPE',
};

/** `OBJECT_FOREIGN_TABLE` -> `FOREIGN TABLE`, as the commands spell it. */
export function objectWords(type: ObjectType | undefined): string {
  if (type === undefined) return 'OBJECT';
  return SPECIAL[type] ?? type.replace('OBJECT_', '').replaceAll('_', ' ');
}

/** Kinds of object that reach out of the database, run code of the server's, or decide who may do what. */
const ADMINISTRATIVE: ReadonlySet<ObjectType> = new Set<ObjectType>([
  'OBJECT_ACCESS_METHOD',
  'OBJECT_DATABASE',
  'OBJECT_EVENT_TRIGGER',
  'OBJECT_EXTENSION',
  'OBJECT_FDW',
  'OBJECT_FOREIGN_SERVER',
  'OBJECT_FOREIGN_TABLE',
  'OBJECT_LANGUAGE',
  'OBJECT_PUBLICATION',
  'OBJECT_ROLE',
  'OBJECT_SUBSCRIPTION',
  'OBJECT_TABLESPACE',
  'OBJECT_USER_MAPPING',
  'OBJECT_PARAMETER_ACL',
  'OBJECT_DEFACL',
]);

/** Making, changing or dropping things of this kind. */
export function definitionEffect(type: ObjectType | undefined): 'ddl' | 'admin' {
  return type !== undefined && ADMINISTRATIVE.has(type) ? 'admin' : 'ddl';
}

const REF_KINDS: Partial<Record<ObjectType, ObjectRef['kind']>> = {
  OBJECT_TABLE: 'table',
  OBJECT_FOREIGN_TABLE: 'table',
  OBJECT_COLUMN: 'table',
  OBJECT_VIEW: 'view',
  OBJECT_MATVIEW: 'view',
  OBJECT_SEQUENCE: 'sequence',
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'function',
  OBJECT_ROUTINE: 'function',
  OBJECT_AGGREGATE: 'function',
  OBJECT_SCHEMA: 'schema',
  OBJECT_TYPE: 'type',
  OBJECT_DOMAIN: 'type',
  OBJECT_ROLE: 'role',
  OBJECT_DATABASE: 'database',
};

export const refKind = (type: ObjectType | undefined): ObjectRef['kind'] =>
  (type === undefined ? undefined : REF_KINDS[type]) ?? 'other';

/** Kinds whose names live where tables' names do. */
const RELATIONS: ReadonlySet<ObjectType> = new Set<ObjectType>([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_SEQUENCE',
  'OBJECT_INDEX',
  'OBJECT_FOREIGN_TABLE',
]);

export const isRelation = (type: ObjectType | undefined): boolean =>
  type !== undefined && RELATIONS.has(type);

/** Kinds named by their table and a name on it: `DROP TRIGGER t ON customers`. */
const ON_TABLE: ReadonlySet<ObjectType> = new Set<ObjectType>([
  'OBJECT_TRIGGER',
  'OBJECT_RULE',
  'OBJECT_POLICY',
]);

export const isOnTable = (type: ObjectType | undefined): boolean => type !== undefined && ON_TABLE.has(type);

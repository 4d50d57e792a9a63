import type {
  Catalog,
  CatalogFunction,
  CatalogOperator,
  CatalogRelation,
  CatalogType,
  ForeignKey,
} from './catalog.ts';

/** All that a catalog holds, as plain lists. */
export interface CatalogParts {
  readonly version?: string;
  readonly serverVersion?: number;
  readonly definitionPath?: readonly string[];
  readonly schemas?: readonly string[];
  /** Those of them without the privilege USAGE. */
  readonly closedSchemas?: readonly string[];
  readonly relations?: readonly CatalogRelation[];
  readonly functions?: readonly CatalogFunction[];
  readonly operators?: readonly CatalogOperator[];
  readonly types?: readonly CatalogType[];
  readonly implicitFunctionOids?: readonly number[];
  readonly foreignKeys?: readonly ForeignKey[];
  /** Casts to types of pg_catalog by functions outside it. */
  readonly castsToBuiltin?: readonly {
    readonly name: string;
    readonly oid: number;
    readonly functionOid: number;
  }[];
  /** Names of pg_catalog's functions, by their least stable overload. */
  readonly builtins?: Partial<Record<'immutable' | 'stable' | 'volatile', readonly string[]>>;
  readonly builtinTypes?: readonly string[];
}

/** An immutable catalog over these parts, indexed for look-up by name and by OID. */
export function makeCatalog(parts: CatalogParts): Catalog {
  const relations = parts.relations ?? [];
  const functions = parts.functions ?? [];
  const types = parts.types ?? [];
  const relationsByName = new Map(relations.map((r) => [key(r.schema, r.name), r]));
  const relationsByOid = new Map(relations.map((r) => [r.oid, r]));
  const functionsByOid = new Map(functions.map((f) => [f.oid, f]));
  const functionsByLastName = Map.groupBy(functions, (f) => f.name);
  const functionsByName = Map.groupBy(functions, (f) => key(f.schema, f.name));
  const operatorsByName = Map.groupBy(parts.operators ?? [], (o) => o.name);
  const typesByName = new Map(types.map((t) => [key(t.schema, t.name), t]));
  const typesByOid = new Map(types.map((t) => [t.oid, t]));
  const children = Map.groupBy(
    relations.flatMap((child) => child.parents.map((parent) => ({ parent, child }))),
    (link) => link.parent,
  );
  const builtins = new Map<string, 'immutable' | 'stable' | 'volatile'>();
  for (const volatility of ['immutable', 'stable', 'volatile'] as const) {
    for (const name of parts.builtins?.[volatility] ?? []) builtins.set(name, volatility);
  }
  const foreignKeys = Map.groupBy(parts.foreignKeys ?? [], (one) => one.referredOid);
  const castsTo = new Map<string | number, number[]>();
  for (const { name, oid, functionOid } of parts.castsToBuiltin ?? []) {
    for (const type of [name, oid]) castsTo.set(type, [...(castsTo.get(type) ?? []), functionOid]);
  }
  const builtinTypes = new Set(parts.builtinTypes ?? []);
  const schemas = new Set(parts.schemas ?? []);
  const closedSchemas = new Set(parts.closedSchemas ?? []);
  const extensions = new Set(functions.map((f) => f.extension));
  return {
    version: parts.version ?? 'empty',
    serverVersion: parts.serverVersion ?? 180000,
    definitionPath: parts.definitionPath ?? ['pg_catalog'],
    implicitFunctionOids: parts.implicitFunctionOids ?? [],
    castFunctionsTo: (type) => castsTo.get(type) ?? [],
    types: () => types,
    referencing: (oid) => foreignKeys.get(oid) ?? [],
    relation: (schema, name) => relationsByName.get(key(schema, name)),
    relationByOid: (oid) => relationsByOid.get(oid),
    relations: () => relations,
    children: (oid) => children.get(oid)?.map((link) => link.child) ?? [],
    functions: (schema, name) => functionsByName.get(key(schema, name)) ?? [],
    functionsNamed: (name) => functionsByLastName.get(name) ?? [],
    functionByOid: (oid) => functionsByOid.get(oid),
    builtinFunction: (name) => builtins.get(name),
    isBuiltinType: (name) => builtinTypes.has(name),
    operators: (name) => operatorsByName.get(name) ?? [],
    type: (schema, name) => typesByName.get(key(schema, name)),
    typeByOid: (oid) => typesByOid.get(oid),
    hasSchema: (name) => schemas.has(name),
    mayUseSchema: (name) => !closedSchemas.has(name),
    hasExtension: (name) => extensions.has(name),
  };
}

/** NUL cannot stand in an identifier, so the pair stays unambiguous. */
const key = (schema: string, name: string) => `${schema}\0${name}`;

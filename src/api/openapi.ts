import { z } from 'zod';
import { type Route, routes } from './routes.ts';
import { errorBodySchema } from './schemas.ts';

/** Statuses by kind of error, as `api-errors.ts` of the daemon gives them. */
const FAILURES: Readonly<Record<string, string>> = {
  '400': 'the words of the call are off',
  '401': 'no token, or one that is wrong, expired or revoked',
  '403': 'the identity may not do this',
  '404': 'there is no such thing',
  '409': 'in conflict with what is there',
  '429': 'too many failed logins from this address',
  '500': 'a defect',
  '502': 'a target could not be reached',
};

/** The OpenAPI document (3.1) of the API, made from the route table that daemon and command line share. */
export function openApiDocument(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of Object.entries(routes) as [string, Route][]) {
    const path = route.path.replaceAll(/:([a-z]+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'hoopctl',
      version,
      description:
        'The API of a hoopctl gateway. Every call carries a token. Times are ISO 8601 UTC, durations milliseconds. ' +
        'Streams answer NDJSON: one JSON object a line; one that fails ends with a line of the error shape.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: schemaOf(errorBodySchema, 'output') },
      responses: Object.fromEntries(
        Object.entries(FAILURES).map(([status, description]) => [
          `E${status}`,
          {
            description,
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
          },
        ]),
      ),
    },
  };
}

/** The text of `templates/openapi.json`. */
export function openApiText(version: string): string {
  return `${JSON.stringify(openApiDocument(version), null, 2)}\n`;
}

function operation(name: string, route: Route): Record<string, unknown> {
  const { allow } = route;
  const parameters = [...pathParameters(route), ...queryParameters(route)];
  const failures = Object.keys(FAILURES).map((status) => [
    status,
    { $ref: `#/components/responses/E${status}` },
  ]);
  return {
    operationId: name,
    tags: [route.path.split('/')[2] ?? 'daemon'],
    description: Array.isArray(allow)
      ? `Roles: ${allow.join(', ')}.`
      : `Roles: ${WHO[String(allow)] ?? String(allow)}.`,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...bodyOf(route),
    responses: {
      '200': {
        description: route.stream ? 'a stream of lines, each of this shape' : 'done',
        content: {
          [route.stream ? 'application/x-ndjson' : 'application/json']: {
            schema: schemaOf(route.response, 'output'),
          },
        },
      },
      ...Object.fromEntries(failures),
    },
  };
}

const WHO: Readonly<Record<string, string>> = {
  any: 'every identity',
  bootstrap: 'the one-time token of a new state directory, on its own machine',
};

function pathParameters(route: Route): Record<string, unknown>[] {
  return [...route.path.matchAll(/:([a-z]+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(route: Route): Record<string, unknown>[] {
  if (route.query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(route.query, 'input') as {
    readonly properties?: Readonly<Record<string, unknown>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

function bodyOf(route: Route): Record<string, unknown> {
  if (route.rawBody) {
    return {
      requestBody: { required: true, content: { 'application/x-ndjson': { schema: { type: 'string' } } } },
    };
  }
  if (route.body === undefined) return {};
  return {
    requestBody: {
      required: true,
      content: { 'application/json': { schema: schemaOf(route.body, 'input') } },
    },
  };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

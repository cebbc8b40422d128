import { z } from 'zod';
import { ERRORS, Problem } from '@satchel/protocol/errors.ts';
import { ROUTES, type Route } from '@satchel/protocol/routes.ts';
import { API, PROTOCOL_HEADER, PROTOCOL_VERSION } from '@satchel/protocol/version.ts';

type Json = Readonly<Record<string, unknown>>;

const BYTES = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };
const EVENTS = { 'text/event-stream': { schema: { type: 'string' } } };

/** OpenAPI 3.1 of the protocol's table of calls, from the schemas that also validate. */
export function openApi(): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, route] of Object.entries<Route>(ROUTES)) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}').replace('*', '{address}');
    const methods = (paths[path] ??= {});
    methods[route.method.toLowerCase()] = operationOf(name, route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Satchel',
      version: String(PROTOCOL_VERSION),
      description: `Clients send the protocol version that they speak as ${PROTOCOL_HEADER}.`,
    },
    servers: [{ url: API }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { Problem: schemaOf(Problem, 'output') },
      responses: {
        Problem: {
          description: `A problem (RFC 9457). Codes: ${Object.keys(ERRORS).join(', ')}.`,
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  };
}

function operationOf(name: string, route: Route): Json {
  const { body, answer } = route;
  const content =
    answer === 'bytes' ? BYTES : answer === 'events' ? EVENTS : answer && jsonContent(schemaOf(answer, 'output'));
  return {
    operationId: name,
    summary: route.summary,
    security: route.auth === 'token' ? [{ token: [] }] : [],
    parameters: [
      ...(route.path.endsWith('*') ? [parameter('address', 'path', true, { type: 'string' })] : []),
      ...parametersOf(route.params, 'path'),
      ...parametersOf(route.query, 'query'),
    ],
    ...(body && {
      requestBody: { required: true, content: body === 'bytes' ? BYTES : jsonContent(schemaOf(body, 'input')) },
    }),
    responses: {
      ...(content ? { 200: { description: 'Done', content } } : { 204: { description: 'Done' } }),
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

function parametersOf(schema: z.ZodObject | undefined, place: 'path' | 'query'): readonly Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Readonly<Record<string, Json>>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) =>
    parameter(name, place, place === 'path' || required.includes(name), property),
  );
}

function parameter(name: string, place: string, required: boolean, schema: Json): Json {
  return { name, in: place, required, schema };
}

function jsonContent(schema: Json): Json {
  return { 'application/json': { schema } };
}

export function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { z } from 'zod';
import { ERRORS, Problem } from './errors.ts';
import { Ping } from './notify.ts';
import { ROUTES, type Route } from './routes.ts';
import { PROTOCOL_VERSION } from './version.ts';

/**
 * The wire as it was last agreed on. When this test fails the wire has changed: if an older peer would not understand
 * it, raise PROTOCOL_VERSION and add a line; if it would, put the new hash into the line of the present version.
 */
const PINNED: Readonly<Record<number, string>> = {
  // The call that accepts held deletions came later: older clients do not ask, older servers answer 404 and hold nothing.
  // So did the one that lists damaged chunks, and its ping: older clients read over it, older servers answer 404.
  1: '464a38d958e7cc9d',
};

function jsonSchema(schema: z.ZodType | string | undefined, io: 'input' | 'output'): unknown {
  if (schema === undefined || typeof schema === 'string') return schema;
  return z.toJSONSchema(schema, { io, unrepresentable: 'any' });
}

/** Everything that two peers must agree on, as data. */
export function wire(): unknown {
  const calls = Object.entries<Route>(ROUTES).map(([name, route]) => ({
    name,
    method: route.method,
    path: route.path,
    auth: route.auth,
    params: jsonSchema(route.params, 'input'),
    query: jsonSchema(route.query, 'input'),
    body: jsonSchema(route.body, 'input'),
    answer: jsonSchema(route.answer, 'output'),
  }));
  const codes = Object.entries(ERRORS).map(([code, { status }]) => [code, status]);
  return { calls, codes, ping: jsonSchema(Ping, 'output'), problem: jsonSchema(Problem, 'output') };
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}

test('the schemas of the wire are those that the protocol version stands for', () => {
  const hash = hashOf(wire());
  assert.equal(hash, PINNED[PROTOCOL_VERSION], `the wire has changed; its hash is now '${hash}'`);
});

test('a change of any schema changes the hash', () => {
  const other = structuredClone(wire()) as { calls: { summary?: string; path: string }[] };
  const [first] = other.calls;
  assert.ok(first);
  first.path += 's';
  assert.notEqual(hashOf(other), hashOf(wire()));
});

import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { ERRORS } from '@satchel/protocol/errors.ts';
import { ROUTES, type Route } from '@satchel/protocol/routes.ts';
import { API } from '@satchel/protocol/version.ts';
import { escaped, sendPage } from './html-page.ts';
import { openApi, schemaOf } from './openapi.ts';

/** `/api/openapi.json`, and the same for people at `/api/docs`. Both are made when they are first asked for. */
export function documentationRoutes(app: FastifyInstance): void {
  let json: string | undefined;
  let body: string | undefined;
  app.get('/api/openapi.json', (_request, reply) =>
    reply.header('content-type', 'application/json').send((json ??= JSON.stringify(openApi(), null, 2))),
  );
  app.get('/api/docs', (_request, reply) => sendPage(reply, { title: 'Satchel API', body: (body ??= callsPage()) }));
}

function callsPage(): string {
  const calls = Object.entries<Route>(ROUTES).map(([name, route]) => callSection(name, route));
  const errors = Object.entries(ERRORS).map(
    ([code, { status, title }]) => `<tr><td>${status}</td><td><code>${code}</code></td><td>${escaped(title)}</td></tr>`,
  );
  return (
    `<h1>Satchel API</h1><p>All calls lie below <code>${API}</code>. The same as data: ` +
    `<a href="/api/openapi.json">openapi.json</a>. Errors are problem documents (RFC 9457) with a <code>code</code>.</p>` +
    `${calls.join('')}<h2>Error codes</h2><table>${errors.join('')}</table>`
  );
}

function callSection(name: string, route: Route): string {
  const who = { token: 'needs an access token', signed: 'needs a signed address', none: 'open to anybody' }[route.auth];
  return (
    `<h2 id="${name}"><span class="method">${route.method}</span> <code>${escaped(route.path)}</code></h2>` +
    `<p>${escaped(route.summary)} (${who}).</p>` +
    schemaBlock('Query', route.query, 'input') +
    schemaBlock('Body', route.body, 'input') +
    schemaBlock('Answer', route.answer, 'output')
  );
}

function schemaBlock(title: string, schema: z.ZodType | string | undefined, io: 'input' | 'output'): string {
  if (schema === undefined) return '';
  if (typeof schema === 'string') return `<p>${title}: a stream of ${schema}.</p>`;
  const text = JSON.stringify(schemaOf(schema, io), null, 2);
  return `<details><summary>${title}</summary><pre>${escaped(text)}</pre></details>`;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROUTES, type Route } from '@satchel/protocol/routes.ts';
import { openApi } from './openapi.ts';
import fastify from 'fastify';
import { operationRoutes } from './operation-routes.ts';
import { served } from './served.fixture.ts';

test('every call of the protocol is documented and answered', async (t) => {
  const server = await served(t);
  const document = (await server.call('GET', '/api/openapi.json')).json as unknown as ReturnType<typeof openApi>;
  assert.deepEqual(document, JSON.parse(JSON.stringify(openApi())));
  const paths = document['paths'] as Readonly<Record<string, Readonly<Record<string, { operationId: string }>>>>;
  const page = (await server.call('GET', '/api/docs')).bytes.toString();
  for (const [name, route] of Object.entries<Route>(ROUTES)) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}').replace('*', '{address}');
    assert.equal(paths[path]?.[route.method.toLowerCase()]?.operationId, name);
    assert.ok(page.includes(`id="${name}"`), name);
    const { status } = await server.call(route.method, route.path.slice(1).replaceAll(/:\w+/g, 'x'));
    assert.ok(status === 401 || status === 400 || status === 403, `${name} answers ${status}`);
  }
});

test('health, readiness and metrics answer on the machine itself', async (t) => {
  const server = await served(t);
  assert.equal((await server.call('GET', '/healthz')).status, 200);
  assert.equal((await server.call('GET', '/readyz')).status, 200);
  await server.call('GET', 'account');
  const metrics = (await server.call('GET', '/metrics')).bytes.toString();
  assert.match(metrics, /satchel_http_request_duration_seconds_count\{call="account",status="401"\} 1/);
  const forwarded = await server.call('GET', '/metrics', { headers: { 'x-forwarded-for': '203.0.113.9' } });
  assert.equal(forwarded.json.code, 'forbidden');
});

test('behind a proxy an address is what that proxy says, not what the client claims', async (t) => {
  const server = await served(t, ['--behind-proxy', '--requests-per-minute', '2']);
  const from = async (chain: string): Promise<number> =>
    (await server.call('GET', '/api/v1/account/verify?token=x', { headers: { 'x-forwarded-for': chain } })).status;
  assert.deepEqual([await from('9.9.9.1, 10.0.0.1'), await from('9.9.9.2, 10.0.0.1')], [404, 404]);
  assert.equal(await from('9.9.9.3, 10.0.0.1'), 429, 'an invented address does not help');
  assert.equal(await from('9.9.9.1, 10.0.0.2'), 404);
});

test('the metrics tell what the last examination of the data found, and nothing before there was one', async (t) => {
  const server = await served(t);
  const before = (await server.call('GET', '/metrics')).bytes.toString();
  assert.doesNotMatch(before, /^satchel_doctor_findings /m);
  const app = fastify();
  t.after(() => app.close());
  const examined = (): { found: number; atMs: number } => ({ found: 2, atMs: 1_800_000_000_000 });
  operationRoutes(app, { readiness: { fault: async () => undefined, examined }, metricsToken: undefined });
  const { payload } = await app.inject({ url: '/metrics', remoteAddress: '127.0.0.1' });
  assert.match(payload, /^satchel_doctor_findings 2$/m);
  assert.match(payload, /^satchel_doctor_last_run_timestamp_seconds 1800000000$/m);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import fastify from 'fastify';
import { guardLoad } from './load-guard.ts';
import { sendProblem } from './problems.ts';

test('S11 a server whose event loop lags answers 503 with Retry-After, and serves again when it has caught up', async () => {
  const app = fastify();
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  guardLoad(app, { lookMs: 20, mostLagMs: 100 });
  app.get('/', () => 'here');
  await app.ready();
  const busyUntil = performance.now() + 300;
  while (performance.now() < busyUntil) Math.sqrt(busyUntil);
  await wait(1);
  const refused = await app.inject('/');
  assert.equal(refused.statusCode, 503);
  assert.equal(refused.headers['retry-after'], '3');
  while ((await app.inject('/')).statusCode !== 200) await wait(1);
  await app.close();
});

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { callDaemon, callDaemonIfRunning, followDaemon } from './control-client.ts';
import { serveControl } from './control-server.ts';
import { createControlFixture } from './daemon-control.fixture.ts';
import { controlSocketOf } from './socket-path.ts';

async function setUp(t: TestContext, below = 'home') {
  const folder = mkdtempSync(join(tmpdir(), 'satchel-control-'));
  const home = join(folder, below);
  mkdirSync(home, { recursive: true });
  const control = createControlFixture();
  const failures: unknown[] = [];
  const stops: number[] = [];
  const socket = controlSocketOf(home);
  const server = await serveControl({
    socket,
    control,
    stop: () => stops.push(1),
    failed: (error) => failures.push(error),
  });
  t.after(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
    rmSync(socket, { force: true });
  });
  const signal = AbortSignal.timeout(20_000);
  const about = <P>(params: P) => ({ home, params, signal });
  return { home, socket, control, failures, stops, server, about };
}

/** Sends bytes as they are; what comes back until the other side closes. */
function talk(socket: string, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket, () => connection.write(bytes));
    let answer = '';
    connection.on('data', (part) => (answer += String(part)));
    connection.on('close', () => resolve(answer));
    connection.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EPIPE' || error.code === 'ECONNRESET' ? resolve(answer) : reject(error),
    );
  });
}

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

test('calls reach the daemon with what they carry, and bring its answer', async (t) => {
  const { control, about } = await setUp(t);
  assert.deepEqual(await callDaemon('status', about({})), control.status());
  assert.deepEqual(await callDaemon('pathStatus', about({ paths: ['a', 'gone'] })), [
    { path: 'a', state: 'synced' },
    { path: 'gone', state: 'unknown' },
  ]);
  await callDaemon('pause', about({ untilMs: 1_795_000_000_000 }));
  assert.equal(control.status().pausedUntil, new Date(1_795_000_000_000).toISOString());
  assert.deepEqual(await callDaemon('acceptHeld', about({})), { count: 1200 });
  await callDaemon('exclude', about({ path: 'line\nend "quoted" \u2028 名' }));
  assert.deepEqual(control.calls, ['pause until', 'exclude line\nend "quoted" \u2028 名']);
});

test('what the daemon refuses comes with its code and exit code; a bug is told to the log too', async (t) => {
  const { about, failures, control } = await setUp(t);
  const refused = callDaemon('resolveConflict', about({ path: 'none', keep: 'both' as const }));
  await assert.rejects(refused, { name: 'CommandError', code: 'not_found', exit: 4 });
  assert.equal(failures.length, 0);
  Object.assign(control, {
    excluded: () => {
      throw new Error('a bug');
    },
  });
  await assert.rejects(callDaemon('excluded', about({})), { code: 'internal', exit: 1, message: 'a bug' });
  assert.equal(failures.length, 1);
});

test('without a daemon the exit code is 10, also when a dead one has left its socket', async (t) => {
  const { home, server, about, socket } = await setUp(t);
  await server[Symbol.asyncDispose]();
  await assert.rejects(callDaemon('status', about({})), { code: 'daemon_not_running', exit: 10 });
  assert.equal(await callDaemonIfRunning('status', about({})), undefined);
  writeFileSync(socket, '');
  assert.equal(await callDaemonIfRunning('status', { ...about({}), home }), undefined);
});

test('a daemon starts over the socket that a killed one has left', async (t) => {
  const { socket, server, about } = await setUp(t);
  await server[Symbol.asyncDispose]();
  writeFileSync(socket, 'left over');
  const control = createControlFixture();
  await using _ = await serveControl({ socket, control, stop: () => undefined, failed: () => undefined });
  assert.equal((await callDaemon('status', about({}))).state, 'synced');
});

test('wait ends with its caller: the daemon is told when the connection closes', async (t) => {
  const { home, control } = await setUp(t);
  const leaving = new AbortController();
  const waiting = callDaemon('wait', { home, params: {}, signal: leaving.signal });
  await eventually(() => control.calls.includes('wait'));
  leaving.abort(new Error('timeout'));
  await assert.rejects(waiting, { message: 'timeout' });
  await eventually(() => control.calls.includes('wait aborted'));
});

test('wait brings what it comes to, however long it takes', async (t) => {
  const { control, about } = await setUp(t);
  const waiting = callDaemon('wait', about({}));
  await eventually(() => control.calls.includes('wait'));
  control.endWait({ outcome: 'blocked', message: 'paused' });
  assert.deepEqual(await waiting, { outcome: 'blocked', message: 'paused' });
});

test('watching begins with the state of now, brings each change, and leaves no listener behind', async (t) => {
  const { home, control } = await setUp(t);
  const leaving = new AbortController();
  const states: string[] = [];
  const following = followDaemon('watchStatus', { home, params: {}, signal: leaving.signal }, ({ state }) =>
    states.push(state),
  );
  await eventually(() => states.length === 1);
  control.become({ state: 'syncing' });
  control.become({ state: 'synced' });
  await eventually(() => states.length === 3);
  assert.deepEqual(states, ['synced', 'syncing', 'synced']);
  leaving.abort(new Error('enough'));
  await assert.rejects(following, { message: 'enough' });
  await eventually(() => control.watchers() === 0);
});

test('the end of the daemon ends those who watch, with exit code 10', async (t) => {
  const { control, server, about } = await setUp(t);
  const following = followDaemon('watchActivity', about({}), () => undefined);
  await eventually(() => control.watchers() === 1);
  const refused = assert.rejects(following, { code: 'daemon_not_running', exit: 10 });
  await server[Symbol.asyncDispose]();
  await refused;
});

test('only its user can open the socket, and a home of any length has one', async (t) => {
  const { socket } = await setUp(t);
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  const long = await setUp(t, 'h'.repeat(150));
  assert.ok(Buffer.byteLength(long.socket) < 104);
  assert.equal((await callDaemon('status', long.about({}))).state, 'synced');
});

test('nonsense, other versions and endless lines are refused, and the daemon goes on', async (t) => {
  const { socket, about, stops } = await setUp(t);
  assert.match(await talk(socket, 'GET / HTTP/1.1\r\n\r\n'), /"error"/);
  assert.match(await talk(socket, 'null\n'), /request_invalid/);
  assert.match(await talk(socket, '{"version":1,"method":"__proto__"}\n'), /request_invalid/);
  assert.match(await talk(socket, '{"version":1,"method":"exclude","params":{"path":7}}\n'), /request_invalid/);
  assert.match(await talk(socket, '{"version":99,"method":"status"}\n'), /version_unsupported/);
  assert.equal(await talk(socket, Buffer.alloc(17 * 1024 * 1024, 'x')), '');
  assert.equal((await callDaemon('status', about({}))).state, 'synced');
  await talk(socket, '{"version":99,"method":"stop"}\n');
  assert.equal(stops.length, 1, 'any version can be stopped');
});
